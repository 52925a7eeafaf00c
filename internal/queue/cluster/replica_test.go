package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/cluster"
	"github.com/travishook/travishook/internal/queue/cluster/clustertest"
	"github.com/travishook/travishook/internal/queue/engine"
	"github.com/travishook/travishook/internal/queue/queuetest"
	"github.com/travishook/travishook/internal/queue/wal/waltest"
	"github.com/travishook/travishook/internal/travis"
)

const ttl = 15 * time.Second

// simulated is a store in memory that several replicas share, in a bubble.
type simulated struct {
	*testing.T
	log       *waltest.Memory
	leases    *clustertest.Leases
	transport *clustertest.Transport
}

// pass lets simulated time pass.
func (s *simulated) pass(d time.Duration) { time.Sleep(d) }

func simulate(t *testing.T, test func(s *simulated)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(&simulated{t, waltest.NewMemory(0), clustertest.NewLeases(ttl), clustertest.NewTransport()})
	})
}

// join adds a replica that is closed at the end of the test.
func (s *simulated) join(name string) *cluster.Replica {
	s.Helper()
	r, err := cluster.Join(s.Context(), cluster.Parts{
		Name: name, Engine: engine.Options{Log: s.log.Open(true)}, Leases: s.leases, Transport: s.transport,
	})
	if err != nil {
		s.Fatalf("join: %v", err)
	}
	s.Cleanup(func() { s.leave(r) })
	return r
}

func (s *simulated) leave(r *cluster.Replica) {
	s.Helper()
	if err := r.Close(context.Background()); err != nil {
		s.Errorf("close: %v", err)
	}
}

func (s *simulated) accept(r *cluster.Replica, build int64, address string) {
	s.Helper()
	s.acceptEvent(r, queuetest.Event(build, travis.Passed), address)
}

func (s *simulated) acceptEvent(r *cluster.Replica, e travis.Event, address string) {
	s.Helper()
	_, err := r.Accept(s.Context(), queue.Acceptance{
		Event: e, Received: time.Now(),
		Offers: []queue.Offer{{Namespace: "team-a", Targets: []queue.Target{queuetest.Target("builds", address)}}},
	})
	if err != nil {
		s.Fatalf("accept: %v", err)
	}
}

// owners is which of the replicas hold each shard, by the accounts that they may be logged in as.
func owners(replicas ...*cluster.Replica) (counts []int, twice int) {
	counts = make([]int, len(replicas))
	held := map[int]int{}
	for n := range 4096 {
		key := fmt.Sprint("team/account-", n)
		shard := queue.AccountShard(key)
		if _, done := held[shard]; done {
			continue
		}
		held[shard] = 0
		for i, r := range replicas {
			if r.Holds(key) {
				counts[i]++
				held[shard]++
			}
		}
		if held[shard] > 1 {
			twice++
		}
	}
	return counts, twice
}

func (s *simulated) ownsShares(replicas ...*cluster.Replica) {
	s.Helper()
	counts, twice := owners(replicas...)
	total := 0
	for _, n := range counts {
		total += n
	}
	if share := (queue.Shards + len(counts) - 1) / len(counts); total != queue.Shards || twice > 0 || slices.Max(counts) > share {
		s.Errorf("replicas own %v of %d shards, %d of them twice", counts, queue.Shards, twice)
	}
}

// TestIdleReplicasWriteLittle counts what three replicas write while nothing comes: every write is
// synced on three servers.
func TestIdleReplicasWriteLittle(t *testing.T) {
	simulate(t, func(s *simulated) {
		replicas := []*cluster.Replica{s.join("a"), s.join("b"), s.join("c")}
		time.Sleep(time.Minute)
		s.ownsShares(replicas...)
		x, _ := s.log.Extent(s.Context())
		before := int(x.Last) + s.leases.Writes()
		const idle = time.Hour
		time.Sleep(idle)
		x, _ = s.log.Extent(s.Context())
		writes := int(x.Last) + s.leases.Writes() - before
		s.Logf("%d writes in %v, %.2f a second", writes, idle, float64(writes)/idle.Seconds())
		if writes > int(idle.Seconds()) {
			s.Errorf("%d writes in %v, want at most one a second", writes, idle)
		}
	})
}

func TestReplicasThatComeAndLeaveDivideTheShards(t *testing.T) {
	simulate(t, func(s *simulated) {
		a := s.join("a")
		s.ownsShares(a)
		b := s.join("b")
		time.Sleep(time.Second)
		s.ownsShares(a, b)
		c := s.join("c")
		time.Sleep(time.Second)
		s.ownsShares(a, b, c)
		s.leave(b)
		time.Sleep(time.Second)
		s.ownsShares(a, c)
	})
}

// TestAReplicaThatStopsRenewingIsReplaced: no other replica sends for its shards before its lease has
// expired by its own clock, and one does soon after.
func TestAReplicaThatStopsRenewingIsReplaced(t *testing.T) {
	simulate(t, func(s *simulated) {
		a := s.join("a")
		frozen := &frozenLeases{Leases: s.leases}
		b, err := cluster.Join(s.Context(), cluster.Parts{
			Name: "b", Engine: engine.Options{Log: s.log.Open(true)}, Leases: frozen, Transport: s.transport,
		})
		if err != nil {
			s.Fatal(err)
		}
		defer s.leave(b)
		time.Sleep(time.Second)
		s.ownsShares(a, b)
		frozen.down.Store(true)
		for began := time.Now(); time.Since(began) < 2*ttl; time.Sleep(100 * time.Millisecond) {
			if _, twice := owners(a, b); twice > 0 {
				s.Fatalf("%d shards are held twice after %v", twice, time.Since(began))
			}
		}
		s.ownsShares(a)
		frozen.down.Store(false)
		time.Sleep(2 * ttl)
		s.ownsShares(a, b)
	})
}

// frozenLeases are the leases of a disconnected replica.
type frozenLeases struct {
	*clustertest.Leases
	down atomic.Bool
}

// err is why a request is not answered, if so.
func (l *frozenLeases) err() error {
	if l.down.Load() {
		return errors.New("no answer")
	}
	return nil
}

func (l *frozenLeases) Acquire(ctx context.Context, name string) error {
	return errors.Join(l.err(), l.Leases.Acquire(ctx, name))
}

func (l *frozenLeases) Renew(ctx context.Context, name string) error {
	if err := l.err(); err != nil {
		return err
	}
	return l.Leases.Renew(ctx, name)
}

func (l *frozenLeases) List(ctx context.Context) ([]string, error) {
	names, err := l.Leases.List(ctx)
	return names, errors.Join(l.err(), err)
}

// TestConnectionsEndBeforeAShardMoves: an account is logged in on one replica at a time.
func TestConnectionsEndBeforeAShardMoves(t *testing.T) {
	simulate(t, func(s *simulated) {
		a := s.join("a")
		connected := make(chan struct{})
		asked := 0
		a.OnLeave(func(gone func(string) bool) <-chan struct{} {
			asked++
			return connected
		})
		b := s.join("b")
		time.Sleep(10 * time.Second)
		if counts, _ := owners(a, b); counts[0] != queue.Shards/2 || counts[1] != 0 || asked != queue.Shards/2 {
			s.Errorf("replicas hold %v shards, %d were asked for, while connections last", counts, asked)
		}
		close(connected)
		time.Sleep(time.Second)
		s.ownsShares(a, b)
	})
}

// TestConnectionsEndBeforeAReplicaLeaves: the next replica logs in when the one that leaves has logged out,
// even where its dispatcher did not stop in time.
func TestConnectionsEndBeforeAReplicaLeaves(t *testing.T) {
	simulate(t, func(s *simulated) {
		a, b := s.join("a"), s.join("b")
		time.Sleep(time.Second)
		connected, asked := make(chan struct{}), make(chan struct{})
		var once sync.Once
		a.OnLeave(func(func(string) bool) <-chan struct{} {
			once.Do(func() { close(asked) })
			return connected
		})
		go s.leave(a)
		<-asked
		time.Sleep(time.Second)
		if counts, _ := owners(b); counts[0] != queue.Shards/2 {
			s.Errorf("the other replica holds %d shards while connections last", counts[0])
		}
		close(connected)
		time.Sleep(time.Second)
		s.ownsShares(b)
	})
}

func TestReplicasAnswerEachOther(t *testing.T) {
	simulate(t, func(s *simulated) {
		a, b, c := s.join("a"), s.join("b"), s.join("c")
		time.Sleep(time.Second)
		for name, r := range map[string]*cluster.Replica{"a": a, "b": b, "c": c} {
			r.Handle("name", func(_ context.Context, payload []byte) ([]byte, error) {
				if name == "c" {
					return nil, errors.New("busy")
				}
				return append(payload, name...), nil
			})
		}
		replies := a.AskAll(s.Context(), "name", []byte("I am "))
		if len(replies) != 3 || string(replies[0].Data) != "I am a" || string(replies[1].Data) != "I am b" || replies[2].Err == nil {
			s.Errorf("replies %+v", replies)
		}
		if _, err := a.Ask(s.Context(), "b", "other", nil); err == nil {
			s.Error("a request that nobody handles was answered")
		}
		if _, err := a.Ask(s.Context(), "nobody", "name", nil); !errors.Is(err, cluster.ErrNoReplica) {
			s.Errorf("a replica that does not run: %v", err)
		}
		asked := 0
		for n := range 200 {
			key := fmt.Sprint("team/account-", n)
			answer, err := a.AskOwner(s.Context(), key, "name", nil)
			switch {
			case a.Holds(key) && !errors.Is(err, queue.ErrNoOwner), b.Holds(key) && string(answer) != "b", c.Holds(key) && err == nil:
				s.Errorf("owner of %s: %q, %v", key, answer, err)
			}
			asked++
		}
	})
}
