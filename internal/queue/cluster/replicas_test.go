package cluster

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/queuetest"
	"github.com/travishook/travishook/internal/travis"
)

func TestReplicasShareTheWork(t *testing.T) {
	f := newReplicaSet(t, sharedCluster(t), 3, leaseTTL)
	f.eventually("each replica holds its share", func() bool {
		total := 0
		for _, n := range f.shards() {
			if n > (queue.Shards+2)/3 {
				return false
			}
			total += n
		}
		return total == queue.Shards
	})
	end := f.load()
	f.progress(500)
	if refused := end(); refused > 0 {
		t.Errorf("%d events were refused", refused)
	}
	if twice := f.verify(); twice > 0 {
		t.Errorf("%d events were sent twice", twice)
	}
}

func TestAReplicaLeavesAndComesUnderLoad(t *testing.T) {
	f := newReplicaSet(t, sharedCluster(t), 3, leaseTTL)
	leaver := f.replicas[2]
	f.replicas = f.replicas[:2]
	end := f.load()
	f.progress(100)
	f.leave(leaver)
	f.progress(100)
	f.join(f.cluster.URL)
	f.progress(100)
	if refused := end(); refused > 0 {
		t.Errorf("%d events were refused", refused)
	}
	if twice := f.verify(); twice > 0 {
		t.Errorf("%d events were sent twice", twice)
	}
	f.eventually("the newcomer has a share", func() bool { return f.shards()[2] > 0 })
}

func TestOneEventAtTwoReplicasIsStoredOnce(t *testing.T) {
	f := newReplicaSet(t, sharedCluster(t), 2, leaseTTL)
	for round := range int64(50) {
		event := queuetest.Event(1_000_000+round, travis.Passed)
		var stored atomic.Int32
		var both sync.WaitGroup
		for _, r := range f.replicas {
			both.Go(func() {
				receipt, err := r.Accept(context.Background(), queue.Acceptance{
					Event: event, Received: time.Now(),
					Offers: []queue.Offer{{Namespace: "team-a", Targets: []queue.Target{queuetest.Target("builds", "#a")}}},
				})
				if err != nil {
					t.Error(err)
				}
				if len(receipt.Stored)+len(receipt.Seen) != 1 {
					t.Errorf("receipt %+v, want the namespace once", receipt)
				}
				stored.Add(int32(len(receipt.Stored)))
			})
		}
		both.Wait()
		if stored.Load() != 1 {
			t.Fatalf("round %d: stored %d times", round, stored.Load())
		}
	}
	f.eventually("all are sent", func() bool { _, sent := f.count(); return sent == 50 })
	if twice := f.verify(); twice > 0 {
		t.Errorf("%d events were sent twice", twice)
	}
}

// TestReplicasTrim has a store that is trimmed all the time, by one replica and then by another.
func TestReplicasTrim(t *testing.T) {
	f := newReplicaSet(t, sharedCluster(t), 3, leaseTTL)
	f.verbose = true
	first := queuetest.Event(1_000_000, travis.Passed)
	again := queue.Acceptance{Event: first, Received: time.Now(), Offers: []queue.Offer{{
		Namespace: "team-a", Targets: []queue.Target{queuetest.Target("builds", "#a")},
	}}}
	if _, err := f.replicas[0].Accept(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	end := f.load()
	f.trimmed(f.extent().Last + 1000)
	var trimmer int
	f.eventually("a replica trims", func() bool { // its lease may have lapsed on a busy machine
		trimmer = slices.IndexFunc(f.replicas, func(r *testReplica) bool { return r.Leads() })
		return trimmer >= 0
	})
	if refused := end(); refused > 0 {
		t.Errorf("%d events were refused", refused)
	}
	f.leave(f.replicas[trimmer])
	f.replicas = slices.Delete(f.replicas, trimmer, trimmer+1)
	end = f.load()
	f.trimmed(f.extent().Last + 1000)
	if refused := end(); refused > 0 {
		t.Errorf("%d events were refused", refused)
	}
	f.join(f.cluster.URL) // on what is left of the journal
	if twice := f.verify(); twice > 0 {
		t.Errorf("%d events were sent twice", twice)
	}
	for i, r := range f.replicas {
		receipt, err := r.Accept(t.Context(), again)
		if err != nil || len(receipt.Stored) > 0 {
			t.Errorf("replica %d: receipt %+v, %v for an event that was stored long ago", i, receipt, err)
		}
	}
}

// TestAReplicaThatMissedTrimmedMessagesStartsOver cuts a replica off for longer than what it misses is kept.
func TestAReplicaThatMissedTrimmedMessagesStartsOver(t *testing.T) {
	t.Parallel() // most of it is waiting
	c := sharedCluster(t)
	proxies, err := c.NewProxies()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxies.Shut)
	f := newReplicaSet(t, c, 2, shortLease)
	f.verbose = true
	away := f.join(proxies.URL)
	f.eventually("it sends, too", func() bool { return f.shards()[2] > 0 })
	f.replicas = f.replicas[:2]
	end := f.load()
	f.progress(100)
	proxies.Shut()
	f.trimmed(f.extent().Last + 1000)
	if err := proxies.Open(); err != nil {
		t.Fatal(err)
	}
	f.replicas = append(f.replicas, away)
	f.eventually("it sends again", func() bool { return f.shards()[2] > 0 })
	if refused := end(); refused > 0 {
		t.Errorf("%d events were refused", refused)
	}
	end = f.load() // by the one that was away, too
	f.progress(300)
	if refused := end(); refused > 0 {
		t.Errorf("%d events were refused", refused)
	}
	if twice := f.verify(); twice > 0 {
		t.Errorf("%d events were sent twice", twice)
	}
	if !f.logged("reading the store again") {
		t.Error("the replica was not away for long enough to show anything")
	}
	f.eventually("all know the same", func() bool {
		was, is := f.replicas[0].Stats().Stats, away.Stats().Stats
		was.Live, is.Live = 0, 0 // an estimate, of what each has carried
		return was == is
	})
}
