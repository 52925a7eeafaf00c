package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/queuetest"
	"github.com/travishook/travishook/internal/travis"
)

// senders are replicas that each send what they get, and what came of that.
type senders struct {
	*fleet
	mu      sync.Mutex
	arrived map[string][]string // what each room got, in order
	by      map[string][]int    // who sent to it
	// home is where the channels belong; nil while everything is sent from where it is.
	home func(room string) string
}

func newSenders(t *testing.T, replicas int, home func(room string) string) *senders {
	f := &fleet{T: t, lease: shortLease, cluster: sharedCluster(t), name: storeName(t.Name() + t.TempDir())}
	s := &senders{fleet: f, arrived: map[string][]string{}, by: map[string][]int{}, home: home}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for i := range replicas {
		opt := externalOptions(f.cluster, f.name)
		opt.LeaseTime = f.lease
		e, err := Open(context.Background(), opt)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { closeNow(t, e) })
		f.replicas = append(f.replicas, &replica{Replica: e})
		for range 4 {
			running.Go(func() { s.send(ctx, i) })
		}
	}
	t.Cleanup(func() { stop(); running.Wait() })
	f.eventually("each replica holds its share", func() bool {
		total := 0
		for _, n := range f.shards() {
			total += n
		}
		return total == queue.Shards && slices.Max(f.shards()) <= (queue.Shards+replicas-1)/replicas
	})
	return s
}

func (s *senders) send(ctx context.Context, i int) {
	e := s.replicas[i]
	for ctx.Err() == nil {
		d, err := e.Take(ctx, queue.Healthy)
		if err != nil {
			continue
		}
		o := queue.Outcome{Kind: queue.Delivered, At: time.Now()}
		if home := s.home(d.Target.Address); home != d.AccountKey {
			o.Kind, o.AccountKey, o.Due = queue.Reassigned, home, o.At
		} else {
			s.mu.Lock()
			s.arrived[d.Target.Address] = append(s.arrived[d.Target.Address], fmt.Sprint(d.Event.Build.ID, d.Event.Build.Result))
			s.by[d.Target.Address] = append(s.by[d.Target.Address], i)
			s.mu.Unlock()
		}
		if err := e.Settle(context.WithoutCancel(ctx), d.ID, o); err != nil && ctx.Err() == nil {
			s.Errorf("settle: %v", err)
		}
	}
}

// accept stores two states of each of some builds for each room, with the home that was known then.
func (s *senders) accept(rooms []string, builds int, home string) {
	s.Helper()
	for build := range builds {
		for n, result := range []travis.Result{travis.Pending, travis.Passed} {
			var targets []queue.Target
			for _, room := range rooms {
				t := queuetest.Target("builds", room)
				t.AccountKey = home
				targets = append(targets, t)
			}
			_, err := s.replicas[(build+n)%len(s.replicas)].Accept(context.Background(), queue.Acceptance{
				Event: queuetest.Event(int64(build+1), result), Received: time.Now(),
				Offers: []queue.Offer{{Namespace: "team-a", Targets: targets}},
			})
			if err != nil {
				s.Fatal(err)
			}
		}
	}
}

// verify waits until all is sent, and tells who sent it.
func (s *senders) verify(rooms []string, builds int) (who map[int]bool) {
	s.Helper()
	s.eventually("all is sent", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, room := range rooms {
			if len(s.arrived[room]) < 2*builds {
				return false
			}
		}
		return true
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	who = map[int]bool{}
	for _, room := range rooms {
		if n := len(s.arrived[room]); n != 2*builds {
			s.Errorf("%s got %d messages, want %d", room, n, 2*builds)
		}
		for build := range builds {
			pending := slices.Index(s.arrived[room], fmt.Sprint(build+1, travis.Pending))
			passed := slices.Index(s.arrived[room], fmt.Sprint(build+1, travis.Passed))
			if pending < 0 || passed < pending {
				s.Errorf("%s got build %d out of order: %v", room, build+1, s.arrived[room])
			}
		}
		for _, i := range s.by[room] {
			who[i] = true
		}
	}
	return who
}

func manyRooms() (rooms []string) {
	for i := range 30 {
		rooms = append(rooms, fmt.Sprint("#room-", i))
	}
	return rooms
}

func TestRoomsWithoutAHomeAreSpreadOverReplicas(t *testing.T) {
	s := newSenders(t, 2, func(string) string { return "" })
	s.accept(manyRooms(), 2, "")
	if who := s.verify(manyRooms(), 2); len(who) != 2 {
		t.Errorf("sent by the replicas %v, want both", who)
	}
}

// TestMovedRoomsAreSentByOneReplicaInOrder: the account was not known when the events were accepted.
func TestMovedRoomsAreSentByOneReplicaInOrder(t *testing.T) {
	s := newSenders(t, 2, func(string) string { return "team-a/chat" })
	s.accept(manyRooms(), 3, "")
	if who := s.verify(manyRooms(), 3); len(who) != 1 {
		t.Errorf("sent by the replicas %v, want one", who)
	}
}

// TestAReplicaIsAskedWhatItAloneCanDo, and what it has left it parts from before another has it.
func TestAReplicaIsAskedWhatItAloneCanDo(t *testing.T) {
	const home = "team-a/chat"
	s := newSenders(t, 2, func(string) string { return home })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	connected, parted := make(chan struct{}), make(chan struct{})
	var holder, asker *replica
	for i, r := range s.replicas {
		if err := r.Answer(func(_ context.Context, question []byte) []byte {
			return fmt.Appendf(nil, "%s, by %d", question, i)
		}); err != nil {
			t.Fatal(err)
		}
		if r.Holds(home) {
			holder, asker = r, s.replicas[1-i]
		}
	}
	if holder == nil || asker.Holds(home) {
		t.Fatal("want one of two to hold the home")
	}
	var answer []byte
	var err error
	s.eventually("the holder is known, and answers", func() bool {
		answer, err = asker.Ask(ctx, home, []byte("well?"))
		return !errors.Is(err, queue.ErrNoOwner)
	})
	if want := fmt.Sprint("well?, by ", slices.Index(s.replicas, holder)); err != nil || string(answer) != want {
		t.Fatalf("answered %q, %v; want %q", answer, err, want)
	}
	if _, err := holder.Ask(ctx, home, []byte("well?")); !errors.Is(err, queue.ErrNoOwner) {
		t.Fatalf("who holds it asked, and got %v", err)
	}

	shard := queue.AccountShard(home)
	holder.OnLeave(func(gone func(string) bool) <-chan struct{} {
		if gone(home) {
			close(parted)
			return connected
		}
		none := make(chan struct{})
		close(none)
		return none
	})
	k := holder.keeper
	k.mu.Lock()
	k.mine[shard].leaving, k.mine[shard].open = true, false // as when somebody has come
	k.mu.Unlock()
	k.look()
	<-parted
	if holder.Holds(home) {
		t.Error("it holds what it is parting from")
	}
	if h := k.holder(shard); h != k.id {
		t.Errorf("given up to %q while it is connected", h)
	}
	close(connected)
	s.eventually("the home is held again", func() bool { return asker.Holds(home) || holder.Holds(home) })
}

// TestWhatAnotherMaySendIsNotMoved: a replica that has lost its lease finds where a channel belongs.
func TestWhatAnotherMaySendIsNotMoved(t *testing.T) {
	t.Parallel() // most of it is waiting
	c := sharedCluster(t)
	opt := externalOptions(c, storeName(t.Name()+t.TempDir()))
	a, err := Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	defer closeNow(t, a)
	if _, err := a.Accept(t.Context(), acceptance(1, "#a")); err != nil {
		t.Fatal(err)
	}
	d, err := a.Take(t.Context(), queue.Healthy)
	if err != nil {
		t.Fatal(err)
	}
	a.keeper.stopping() // it renews no more, as if it hung
	<-d.LeaseLost
	for _, o := range []queue.Outcome{
		{Kind: queue.Reassigned, At: time.Now(), Due: time.Now(), AccountKey: "team-a/chat"},
		{Kind: queue.Dead, At: time.Now(), Reason: "no such room"},
	} {
		if err := a.Settle(t.Context(), d.ID, o); err != nil {
			t.Fatal(err)
		}
	}
	b, err := Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	defer closeNow(t, b)
	again, err := b.Take(t.Context(), queue.Healthy)
	if err != nil || again.ID != d.ID || again.AccountKey != "" || again.Attempt != 1 {
		t.Fatalf("%+v, %v; want the delivery as it was", again, err)
	}
}
