package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/queuetest"
	"github.com/travishook/travishook/internal/queue/wal"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/test/nats"
)

// replicaSet is a few replicas on one store, with what was acknowledged and what was sent.
type replicaSet struct {
	*testing.T
	cluster  *nats.Cluster
	name     string
	replicas []*testReplica

	mu     sync.Mutex
	stored map[int64]bool
	sent   map[int64]int
	lapsed map[int64]bool // sent, and then the lease was over before that was stored
	builds atomic.Int64

	lines []string // by the replicas, in their logs

	refused atomic.Int64
	lease   time.Duration
	verbose bool // events are long
}

// testReplica is a replica with senders.
type testReplica struct {
	*Replica
	stop    context.CancelFunc
	senders sync.WaitGroup
}

// roomy is a limit that no test reaches.
const roomy = 16 << 20

// long is a message that has a store trimmed soon.
var long = strings.Repeat("changes everything ", 100)

// newReplicaSet has n replicas on a store of their own.
func newReplicaSet(t *testing.T, c *nats.Cluster, n int, lease time.Duration) *replicaSet {
	t.Helper()
	f := &replicaSet{
		T: t, lease: lease, cluster: c, name: storeName(t.Name() + t.TempDir()),
		stored: map[int64]bool{}, sent: map[int64]int{}, lapsed: map[int64]bool{},
	}
	for range n {
		f.join(c.URL)
	}
	t.Cleanup(func() {
		for _, r := range f.replicas {
			f.leave(r)
		}
	})
	t.Cleanup(f.explainFailure)
	return f
}

// join adds a replica, which reaches the cluster there.
func (f *replicaSet) join(url string) *testReplica {
	f.Helper()
	opt := externalOptions(f.cluster, f.name)
	opt.External.URL, opt.MaxBytes = url, roomy
	opt.LeaseTTL = f.lease
	opt.Logger = f.logger(len(f.replicas))
	e, err := Open(context.Background(), opt)
	if err != nil {
		f.Fatalf("open: %v", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &testReplica{Replica: e, stop: stop}
	settling, cut := context.WithCancel(context.Background())
	context.AfterFunc(ctx, func() { time.AfterFunc(drainTime, cut) })
	for range 8 {
		r.senders.Go(func() { f.send(ctx, settling, r) })
	}
	f.replicas = append(f.replicas, r)
	return r
}

// logger keeps what a replica says, for who reads a failure.
func (f *replicaSet) logger(replica int) logr.Logger {
	begin := time.Now()
	return funcr.New(func(_, args string) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.lines = append(f.lines, fmt.Sprintf("%6.2f s: replica %d: %s", time.Since(begin).Seconds(), replica, args))
	}, funcr.Options{Verbosity: 1})
}

// drainTime is for what is under way when a replica leaves.
const drainTime = 20 * time.Second

// leave stops a replica as an operator stops: no more is taken, what is under way ends.
func (f *replicaSet) leave(r *testReplica) {
	f.Helper()
	r.stop()
	r.senders.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if err := r.Close(ctx); err != nil {
		f.Errorf("close: %v", err)
	}
}

// send is a worker whose service takes every message at once.
func (f *replicaSet) send(ctx, settling context.Context, r *testReplica) {
	for ctx.Err() == nil {
		d, err := r.Take(ctx, queue.Healthy)
		if err != nil {
			continue // it recovers, or ctx has ended
		}
		select {
		case <-d.LeaseLost:
			continue
		default:
		}
		f.mu.Lock()
		f.sent[d.Event.Build.ID]++
		f.mu.Unlock()
		if err := r.Settle(settling, d.ID, queue.Outcome{Kind: queue.Delivered, At: time.Now()}); err != nil {
			f.Errorf("settle: %v", err)
		}
		select {
		case <-d.LeaseLost:
			f.mu.Lock()
			f.lapsed[d.Event.Build.ID] = true
			f.mu.Unlock()
		default:
		}
	}
}

// accept stores one event through r, and notes it if it was acknowledged.
func (f *replicaSet) accept(ctx context.Context, r *testReplica) error {
	build := f.builds.Add(1)
	event := queuetest.Event(build, travis.Passed)
	if f.verbose {
		event.Commit.Message = long
	}
	receipt, err := r.Accept(ctx, queue.Acceptance{
		Event: event, Received: time.Now(),
		Offers: []queue.Offer{{Namespace: "team-a", Targets: []queue.Target{
			queuetest.Target("builds", fmt.Sprintf("#address-%d", build%100)),
		}}},
	})
	if err != nil {
		return err
	}
	if err := receipt.Refused["team-a"]; err != nil {
		return err
	}
	f.mu.Lock()
	f.stored[build] = true
	f.mu.Unlock()
	return nil
}

// load stores events through all replicas until the returned function is called, which
// returns how many were refused.
func (f *replicaSet) load() (end func() (refused int64)) {
	ctx, stop := context.WithCancel(context.Background())
	var callers sync.WaitGroup
	for i := range 2 * len(f.replicas) {
		r := f.replicas[i%len(f.replicas)]
		callers.Go(func() {
			for ctx.Err() == nil {
				if err := f.accept(context.Background(), r); err != nil {
					// Writers that never pause can outrun the trimmer where a processor is short. It catches up
					// while a full store refuses them.
					if !f.verbose || !errors.Is(err, queue.ErrFull) {
						f.refused.Add(1)
						f.note(fmt.Sprintf("refused: %v", err))
					}
					<-time.After(10 * time.Millisecond) // as a sender that retries
				}
			}
		})
	}
	return func() int64 {
		stop()
		callers.Wait()
		return f.refused.Load()
	}
}

func (f *replicaSet) count() (stored, sent int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.stored), len(f.sent)
}

// await waits until so many more were acknowledged and everything that was, was sent.
func (f *replicaSet) progress(more int) {
	f.Helper()
	before, _ := f.count()
	f.eventually(fmt.Sprintf("%d more events", more), func() bool {
		now, _ := f.count()
		return now >= before+more
	})
}

func (f *replicaSet) eventually(what string, is func() bool) {
	f.Helper()
	eventually(f.T, what, is)
}

// verify waits for all that was acknowledged, and counts what was sent twice without a reason. It is
// one that a lease was over before it could be stored that the message had been sent.
func (f *replicaSet) verify() (twice int) {
	f.Helper()
	f.eventually("everything that was acknowledged is sent", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		for build := range f.stored {
			if f.sent[build] == 0 {
				return false
			}
		}
		return true
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	excused := 0
	for build, n := range f.sent {
		switch {
		case n > 1 && f.lapsed[build]:
			excused++
		case n > 1:
			twice++
		}
	}
	f.Logf("%d acknowledged, %d sent, %d of them twice, and %d for a lease that was over", len(f.stored), len(f.sent), twice, excused)
	return twice
}

func (f *replicaSet) note(line string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lines = append(f.lines, line)
}

// repeat what the replicas have said.
func (f *replicaSet) repeat() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, line := range f.lines {
		f.Log(line)
	}
}

// explainFailure logs the state of each replica after a failure.
func (f *replicaSet) explainFailure() {
	if !f.Failed() {
		return
	}
	f.repeat()
	f.mu.Lock()
	for build := range f.stored {
		if f.sent[build] == 0 {
			f.Logf("build %d was acknowledged and not sent", build)
		}
	}
	f.mu.Unlock()
	for i, r := range f.replicas {
		f.Logf("replica %d: ready %v, %d shards, %+v", i, r.Ready(), r.shards.count(), r.Stats())
		for _, d := range r.Deliveries(queue.Query{}) {
			f.Logf("  has build %d, %s, shard %d", d.BuildID, d.State, queue.Shard("", "", d.Target.Namespace, d.Target.Channel))
		}
	}
}

// extent is the journal's.
func (f *replicaSet) extent() wal.Extent {
	f.Helper()
	x, err := f.replicas[0].log.Extent(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	return x
}

// trimmed waits until the journal begins after message seq.
func (f *replicaSet) trimmed(seq uint64) {
	f.Helper()
	f.eventually(fmt.Sprintf("the journal is trimmed beyond message %d", seq), func() bool { return f.extent().First > seq })
}

// logged reports whether a replica has said something.
func (f *replicaSet) logged(what string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(f.lines, func(line string) bool { return strings.Contains(line, what) })
}

func (f *replicaSet) shards() (each []int) {
	for _, r := range f.replicas {
		each = append(each, r.shards.count())
	}
	return each
}
