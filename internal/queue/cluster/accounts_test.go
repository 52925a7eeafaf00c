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

// senders are replicas that send their deliveries, with the results.
type senders struct {
	*replicaSet
	mu      sync.Mutex
	arrived map[string][]string // the messages to each address, in order
	by      map[string][]int    // the replicas that sent to it
	// accountKey returns the account key of an address; nil if no channel is reassigned.
	accountKey func(address string) string
}

func newSenders(t *testing.T, replicas int, accountKey func(address string) string) *senders {
	// A lease that lapses on a busy machine would be a reason to send twice, and from another replica.
	f := &replicaSet{T: t, lease: leaseTTL, cluster: sharedCluster(t), name: storeName(t.Name() + t.TempDir())}
	s := &senders{replicaSet: f, arrived: map[string][]string{}, by: map[string][]int{}, accountKey: accountKey}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for i := range replicas {
		opt := externalOptions(f.cluster, f.name)
		opt.LeaseTTL = f.lease
		e, err := Open(context.Background(), opt)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { closeNow(t, e) })
		f.replicas = append(f.replicas, &testReplica{Replica: e})
		for range 4 {
			running.Go(func() { s.send(ctx, i, e) })
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

func (s *senders) send(ctx context.Context, i int, e *Replica) {
	for ctx.Err() == nil {
		d, err := e.Take(ctx, queue.Healthy)
		if err != nil {
			continue
		}
		o := queue.Outcome{Kind: queue.Delivered, At: time.Now()}
		if accountKey := s.accountKey(d.Target.Address); accountKey != d.AccountKey {
			o.Kind, o.AccountKey, o.Due = queue.Reassigned, accountKey, o.At
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

// accept stores two states of each of some builds for each address, with the account key that was known then.
func (s *senders) accept(addresses []string, builds int, accountKey string) {
	s.Helper()
	for build := range builds {
		for n, result := range []travis.Result{travis.Pending, travis.Passed} {
			var targets []queue.Target
			for _, address := range addresses {
				t := queuetest.Target("builds", address)
				t.AccountKey = accountKey
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

// verify waits until everything is sent, and returns which replicas sent it.
func (s *senders) verify(addresses []string, builds int) (who map[int]bool) {
	s.Helper()
	s.eventually("all is sent", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, address := range addresses {
			if len(s.arrived[address]) < 2*builds {
				return false
			}
		}
		return true
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	who = map[int]bool{}
	for _, address := range addresses {
		if n := len(s.arrived[address]); n != 2*builds {
			s.Errorf("%s got %d messages, want %d", address, n, 2*builds)
		}
		for build := range builds {
			pending := slices.Index(s.arrived[address], fmt.Sprint(build+1, travis.Pending))
			passed := slices.Index(s.arrived[address], fmt.Sprint(build+1, travis.Passed))
			if pending < 0 || passed < pending {
				s.Errorf("%s got build %d out of order: %v", address, build+1, s.arrived[address])
			}
		}
		for _, i := range s.by[address] {
			who[i] = true
		}
	}
	return who
}

func manyRooms() (addresses []string) {
	for i := range 30 {
		addresses = append(addresses, fmt.Sprint("#address-", i))
	}
	return addresses
}

func TestChannelsWithoutAnAccountKeyAreSpreadOverReplicas(t *testing.T) {
	s := newSenders(t, 2, func(string) string { return "" })
	s.accept(manyRooms(), 2, "")
	if who := s.verify(manyRooms(), 2); len(who) != 2 {
		t.Errorf("sent by the replicas %v, want both", who)
	}
}

// TestReassignedChannelsAreSentByOneReplicaInOrder: the account was not known when the events were accepted.
func TestReassignedChannelsAreSentByOneReplicaInOrder(t *testing.T) {
	s := newSenders(t, 2, func(string) string { return "team-a/chat" })
	s.accept(manyRooms(), 3, "")
	if who := s.verify(manyRooms(), 3); len(who) != 1 {
		t.Errorf("sent by the replicas %v, want one", who)
	}
}

// TestAReplicaAsksTheOwnerOfAnAccount over a real connection.
func TestAReplicaAsksTheOwnerOfAnAccount(t *testing.T) {
	const account = "team-a/chat"
	s := newSenders(t, 2, func(string) string { return account })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var owner, asker *testReplica
	for i, r := range s.replicas {
		r.Handle("name", func(_ context.Context, payload []byte) ([]byte, error) {
			return fmt.Appendf(nil, "%s, by %d", payload, i), nil
		})
		if r.Holds(account) {
			owner, asker = r, s.replicas[1-i]
		}
	}
	if owner == nil || asker.Holds(account) {
		t.Fatal("want one of two to hold the account")
	}
	answer, err := asker.AskOwner(ctx, account, "name", []byte("well?"))
	if want := fmt.Sprint("well?, by ", slices.Index(s.replicas, owner)); err != nil || string(answer) != want {
		t.Fatalf("answered %q, %v; want %q", answer, err, want)
	}
	if _, err := owner.AskOwner(ctx, account, "name", nil); !errors.Is(err, queue.ErrNoOwner) {
		t.Fatalf("the owner asks itself: %v", err)
	}
	if replies := owner.AskAll(ctx, "name", nil); len(replies) != 2 || replies[0].Err != nil || replies[1].Err != nil {
		t.Errorf("all were asked, and replied %+v", replies)
	}
}
