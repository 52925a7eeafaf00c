package jetstream

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/queuetest"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/test/nats"
)

// fleet is a few replicas on one store, with what was acknowledged and what was sent.
type fleet struct {
	*testing.T
	cluster  *nats.Cluster
	name     string
	replicas []*replica

	mu     sync.Mutex
	stored map[int64]bool
	sent   map[int64]int
	builds atomic.Int64

	refused atomic.Int64
	lease   time.Duration
}

// replica is one engine with senders.
type replica struct {
	*Engine
	stop    context.CancelFunc
	senders sync.WaitGroup
}

func newFleet(t *testing.T, c *nats.Cluster, n int, lease time.Duration) *fleet {
	f := &fleet{T: t, lease: lease, cluster: c, name: storeName(t.Name() + t.TempDir()), stored: map[int64]bool{}, sent: map[int64]int{}}
	for range n {
		f.join()
	}
	t.Cleanup(func() {
		for _, r := range f.replicas {
			f.leave(r)
		}
	})
	return f
}

// join adds a replica.
func (f *fleet) join() *replica {
	f.Helper()
	opt := externalOptions(f.cluster, f.name)
	opt.leaseTime = f.lease
	e, err := Open(context.Background(), opt)
	if err != nil {
		f.Fatalf("open: %v", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &replica{Engine: e, stop: stop}
	for range 8 {
		r.senders.Go(func() { f.send(ctx, r) })
	}
	f.replicas = append(f.replicas, r)
	return r
}

// leave stops a replica as an operator stops: no more is taken, what is under way ends.
func (f *fleet) leave(r *replica) {
	f.Helper()
	r.stop()
	r.senders.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := r.Close(ctx); err != nil {
		f.Errorf("close: %v", err)
	}
}

// send is a worker whose service takes every message at once.
func (f *fleet) send(ctx context.Context, r *replica) {
	for ctx.Err() == nil {
		d, err := r.Take(ctx, queue.Healthy)
		if err != nil {
			continue // it heals, or ctx has ended
		}
		select {
		case <-d.Lost:
			continue
		default:
		}
		f.mu.Lock()
		f.sent[d.Event.Build.ID]++
		f.mu.Unlock()
		if err := r.Settle(context.WithoutCancel(ctx), d.ID, queue.Outcome{Kind: queue.Delivered, At: time.Now()}); err != nil {
			f.Errorf("settle: %v", err)
		}
	}
}

// accept stores one event through r, and notes it if it was acknowledged.
func (f *fleet) accept(ctx context.Context, r *replica) error {
	build := f.builds.Add(1)
	_, err := r.Accept(ctx, queue.Acceptance{
		Event: queuetest.Event(build, travis.Passed), Received: time.Now(),
		Offers: []queue.Offer{{Namespace: "team-a", Targets: []queue.Target{
			queuetest.Target("builds", fmt.Sprintf("#room-%d", build%100)),
		}}},
	})
	if err == nil {
		f.mu.Lock()
		f.stored[build] = true
		f.mu.Unlock()
	}
	return err
}

// load stores events through all replicas until the returned function is called, which
// tells how many were refused.
func (f *fleet) load() (end func() (refused int64)) {
	ctx, stop := context.WithCancel(context.Background())
	var callers sync.WaitGroup
	for i := range 2 * len(f.replicas) {
		r := f.replicas[i%len(f.replicas)]
		callers.Go(func() {
			for ctx.Err() == nil {
				if f.accept(context.Background(), r) != nil {
					f.refused.Add(1)
					<-time.After(10 * time.Millisecond) // as somebody who asks again would
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

func (f *fleet) count() (stored, sent int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.stored), len(f.sent)
}

// await waits until so many more were acknowledged and everything that was, was sent.
func (f *fleet) progress(more int) {
	f.Helper()
	before, _ := f.count()
	f.eventually(fmt.Sprintf("%d more events", more), func() bool {
		now, _ := f.count()
		return now >= before+more
	})
}

func (f *fleet) eventually(what string, is func() bool) {
	f.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	late := time.After(time.Minute)
	for !is() {
		select {
		case <-look.C:
		case <-late:
			f.Fatalf("%s: still not so after a minute", what)
		}
	}
}

// verify waits for all that was acknowledged, and counts what was sent twice.
func (f *fleet) verify() (twice int) {
	f.Helper()
	f.T.Cleanup(f.tell)
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
	for _, n := range f.sent {
		if n > 1 {
			twice++
		}
	}
	f.Logf("%d acknowledged, %d sent, %d of them twice", len(f.stored), len(f.sent), twice)
	return twice
}

// tell says what is wrong with whom, after a failure.
func (f *fleet) tell() {
	if !f.Failed() {
		return
	}
	f.mu.Lock()
	for build := range f.stored {
		if f.sent[build] == 0 {
			f.Logf("build %d was acknowledged and not sent", build)
		}
	}
	f.mu.Unlock()
	for i, r := range f.replicas {
		f.Logf("replica %d: ready %v, %d shards, %+v", i, r.Ready(), r.peers.keeper.count(), r.Stats())
		for _, d := range r.Deliveries(all) {
			f.Logf("  has build %d, %s, shard %d", d.BuildID, d.State, queue.Shard(d.Target.Channel))
		}
	}
}

func (f *fleet) shards() (each []int) {
	for _, r := range f.replicas {
		each = append(each, r.peers.keeper.count())
	}
	return each
}

func TestReplicasShareTheWork(t *testing.T) {
	f := newFleet(t, sharedCluster(t), 3, shortLease)
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
	f := newFleet(t, sharedCluster(t), 3, shortLease)
	leaver := f.replicas[2]
	f.replicas = f.replicas[:2]
	end := f.load()
	f.progress(100)
	f.leave(leaver)
	f.progress(100)
	f.join()
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
	f := newFleet(t, sharedCluster(t), 2, shortLease)
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

// TestALeaseThatRunsOutEndsAttempts takes the leases away from a replica that sends.
func TestALeaseThatRunsOutEndsAttempts(t *testing.T) {
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
	first, err := a.Take(t.Context(), queue.Healthy)
	if err != nil {
		t.Fatal(err)
	}
	a.peers.keeper.stopping() // it renews no more, as if it hung
	<-first.Lost
	if _, ok, err := a.TryTake(t.Context(), queue.Healthy); ok || err != nil {
		t.Fatalf("handed out (%v, %v) without a lease", ok, err)
	}
	b, err := Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	defer closeNow(t, b)
	again, err := b.Take(t.Context(), queue.Healthy)
	if err != nil || again.ID != first.ID {
		t.Fatalf("%+v, %v; want the delivery that the other gave up", again, err)
	}
	// The first one's failure comes late: it must not end what the second has begun.
	if err := a.Settle(t.Context(), first.ID, queue.Outcome{Kind: queue.Retry, At: time.Now(), Due: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if err := a.barrier(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.barrier(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.Settle(t.Context(), again.ID, queue.Outcome{Kind: queue.Delivered, At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if kept := b.Deliveries(func(queue.Summary) bool { return true }); len(kept) != 0 {
		t.Errorf("still kept after it was delivered: %+v", kept)
	}
}

func TestASettingThatDiffersStopsTheStart(t *testing.T) {
	c := sharedCluster(t)
	opt := externalOptions(c, storeName(t.Name()+t.TempDir()))
	e, err := Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Accept(t.Context(), acceptance(1, "#a")); err != nil {
		t.Fatal(err)
	}
	l := e.log.(*external)
	changed := externalConfig(l.names, streamBytes(opt.MaxBytes), 3)
	changed.MaxAge, changed.Duplicates = time.Hour, time.Minute
	if _, err := l.js.UpdateStream(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	closeNow(t, e)
	if e, err = Open(t.Context(), opt); err == nil {
		closeNow(t, e)
		t.Fatal("opened a stream that drops messages by age")
	}
	if want := "max_age set to 1h0m0s"; !strings.Contains(err.Error(), want) {
		t.Fatalf("%v; want %q in it", err, want)
	}
	opt.External.Adopt = true
	if e, err = Open(t.Context(), opt); err != nil {
		t.Fatal(err)
	}
	closeNow(t, e)
	opt.External.Adopt = false
	if e, err = Open(t.Context(), opt); err != nil {
		t.Fatalf("after it was adopted: %v", err)
	}
	defer closeNow(t, e)
	if n := len(e.Deliveries(all)); n != 1 {
		t.Fatalf("%d deliveries after the stream was adopted, want the one", n)
	}
}

// TestFaults does to a cluster of its own what happens to clusters.
func TestFaults(t *testing.T) {
	nats.Need(t)
	if testing.Short() {
		t.Skip("it takes a minute")
	}
	c, err := startCluster(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	f := newFleet(t, c, 3, leaseTime)
	end := f.load()
	f.progress(100)
	lead := func() *nats.Node {
		var leader *nats.Node
		f.eventually("the stream has a leader", func() bool {
			leader, err = c.Leader(t.Context(), f.replicas[0].log.(*external).names.stream)
			return err == nil
		})
		return leader
	}
	again := func(n *nats.Node) {
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := c.AwaitReady(ctx); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	said := func(what string) {
		t.Logf("%6.1f s: %s; refused so far: %d", time.Since(begin).Seconds(), what, f.refused.Load())
	}

	said("the leader is killed")
	n := lead()
	n.Kill()
	f.progress(100)
	again(n)
	f.progress(100)
	for _, n := range c.Nodes {
		said(n.Name + " is killed and started")
		n.Kill()
		again(n)
		f.progress(100)
	}
	said("the leader is cut off")
	n = lead()
	c.CutOff(n)
	f.progress(100)
	if err := c.Rejoin(n); err != nil {
		t.Fatal(err)
	}
	f.progress(100)
	said("all are killed and started")
	for _, n := range c.Nodes {
		n.Kill()
	}
	for _, n := range c.Nodes {
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
	}
	f.progress(100)
	said("the end")
	refused := end()
	twice := f.verify()
	t.Logf("%d were refused", refused)
	if twice > 0 {
		t.Errorf("%d were sent twice", twice)
	}
}
