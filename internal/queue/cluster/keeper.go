package cluster

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/engine"
	"github.com/travishook/travishook/internal/queue/journal"
)

// keeper holds this replica's shards: leases in a bucket whose entries the server drops when they
// are not renewed. A lease is taken by making its entry, which one of two can do, and renewed by
// its revision. What it is worth is counted by our own clock from before the request, so that it
// has ended here before the server lets another have it; the servers' clocks must agree to within
// a quarter of leaseTime.
type keeper struct {
	engine *engine.Engine
	leave_ func(gone func(home string) bool) (quiet <-chan struct{})
	kv     jetstream.KeyValue
	id     string
	ttl    time.Duration
	log    logr.Logger

	mu       sync.Mutex
	mine     map[int]*holding
	sighted  map[string]sighting // entries of others
	renewed  time.Time
	outage   time.Time     // when leases of ours ran out though we were there; zero when that is over
	calm     time.Time     // when what was sent before the outage is taken for settled; zero without one
	echoed   time.Time     // when the watcher last brought what we had written ourselves
	kick     chan struct{} // something was given back, or somebody has come
	stopping context.CancelFunc
	running  <-chan struct{} // closed when it is stopping
	stopped  sync.WaitGroup
}

// holding is a shard that is ours.
type holding struct {
	revision uint64
	until    time.Time
	open     bool // its deliveries are handed out
	leaving  bool // it is given to another as soon as nothing of it is under way
	// parted is closed when nothing is connected on its behalf any more; nil until that begins.
	parted chan struct{}
	expiry *time.Timer
}

// sighting is when an entry of another replica was last written, by our clock.
type sighting struct {
	holder string
	at     time.Time
}

const (
	// leaseTime is how long a replica that has died holds its channels. It is longer than
	// a cluster takes to choose a new leader, so that losing a server loses no lease.
	leaseTime = 15 * time.Second

	// settleTime is what follows an outage that let leases run out, before what is taken up again
	// is handed out: whoever had sent it before stores so now.
	settleTime = 3 * maxReopenPause

	shardPrefix   = "shard."
	replicaPrefix = "replica."
)

func newKeeper(ctx context.Context, opt *Options, l *external) (*keeper, error) {
	kv, err := openBucket(ctx, l.JS, l.names.leases, opt)
	if err != nil {
		return nil, err
	}
	status, err := kv.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("look at the leases: %w", err)
	}
	id := nuid.Next()
	// A lease is read only after a renewal that was not answered. That this is allowed is found now,
	// and any other failure passes.
	_, _ = kv.Get(ctx, replicaPrefix+id)
	return &keeper{
		kv: kv, id: id, ttl: status.TTL(), log: opt.Logger,
		mine: map[int]*holding{}, sighted: map[string]sighting{},
		kick: make(chan struct{}, 1), stopping: func() {},
	}, nil
}

// begin learns who else there is, takes what is free, and goes on doing so until end.
func (k *keeper) begin(ctx context.Context) error {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	k.stopping, k.running = stop, running.Done()
	watcher, err := k.kv.WatchAll(running)
	if err != nil {
		return fmt.Errorf("watch the leases: %w", err)
	}
	known := make(chan struct{})
	k.echoed = time.Now()
	k.stopped.Go(func() { k.watch(running, watcher, known) })
	select {
	case <-known:
	case <-ctx.Done():
		return fmt.Errorf("watch the leases: %w", ctx.Err())
	}
	k.round(running)
	k.stopped.Go(func() { k.run(running) })
	return nil
}

// Sends implements engine.Shards.
func (k *keeper) Sends(shard int) bool { return k.valid(shard) }

// Owns implements engine.Shards.
func (k *keeper) Owns(shard int) bool { return k.owns(shard) }

// Applied implements engine.Shards.
func (k *keeper) Applied(*journal.Put) {}

// end gives everything back, for others to go on with at once.
func (k *keeper) end(ctx context.Context) {
	// What takes longer runs out nearly as soon. The rest of closing may have used up its own time.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), k.ttl/4)
	defer cancel()
	k.stopping()
	k.stopped.Wait()
	k.mu.Lock()
	held := k.mine
	k.mine = map[int]*holding{}
	k.mu.Unlock()
	var all sync.WaitGroup
	for shard, h := range held {
		h.expiry.Stop()
		all.Go(func() { k.giveUp(ctx, shard, h.revision) })
	}
	all.Wait()
	if err := k.kv.Delete(ctx, replicaPrefix+k.id); err != nil {
		k.log.V(1).Info("Lease runs out by itself", "reason", err.Error())
	}
}

func (k *keeper) giveUp(ctx context.Context, shard int, revision uint64) {
	if err := k.kv.Delete(ctx, shardKey(shard), jetstream.LastRevision(revision)); err != nil {
		k.log.V(1).Info("Lease runs out by itself", "reason", err.Error())
	}
}

func shardKey(shard int) string { return shardPrefix + strconv.Itoa(shard) }

func (k *keeper) run(ctx context.Context) {
	every := time.NewTicker(k.ttl / 4)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.kick:
		case <-every.C:
		}
		k.round(ctx)
	}
}

// round renews what is ours, and takes or gives until every replica has its share.
func (k *keeper) round(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, k.ttl/4)
	defer cancel()
	k.renew(ctx)
	switch spare := k.share() - k.count(); {
	case spare > 0:
		k.takeUp(ctx, spare)
	case spare < 0:
		k.leave(-spare)
	}
	k.letGo(ctx)
	k.handOut(ctx)
}

// share is how many shards are ours: as many as everybody's.
func (k *keeper) share() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	replicas := 1
	for key, s := range k.sighted {
		if strings.HasPrefix(key, replicaPrefix) && time.Since(s.at) < k.ttl {
			replicas++
		}
	}
	return (queue.Shards + replicas - 1) / replicas
}

func (k *keeper) count() (n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, h := range k.mine {
		if !h.leaving {
			n++
		}
	}
	return n
}

// valid reports whether the shard's deliveries may be handed out now.
func (k *keeper) valid(shard int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	h, ok := k.mine[shard]
	return ok && h.open && time.Now().Before(h.until)
}

// leave chooses n shards to give to others.
func (k *keeper) leave(n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, h := range k.mine {
		if n == 0 {
			return
		}
		if !h.leaving {
			h.leaving, h.open = true, false
			n--
		}
	}
}

// letGo gives up the shards that are to be another's, of which nothing is under way and for which
// nothing is connected any more.
func (k *keeper) letGo(ctx context.Context) {
	k.mu.Lock()
	leaving := map[int]*holding{}
	for shard, h := range k.mine {
		if h.leaving {
			leaving[shard] = h
		}
	}
	k.mu.Unlock()
	var all sync.WaitGroup
	for shard, h := range leaving {
		if k.engine.Hold(shard, false) > 0 || !k.hasParted(shard, h) {
			continue
		}
		k.mu.Lock()
		h.expiry.Stop()
		revision := h.revision
		delete(k.mine, shard)
		k.mu.Unlock()
		all.Go(func() { k.giveUp(ctx, shard, revision) })
	}
	all.Wait()
}

// settling reports whether an outage has ended just now. Then another round follows when it is over.
func (k *keeper) settling() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.outage.IsZero() {
		return false
	}
	if k.calm.IsZero() {
		k.calm = time.Now().Add(settleTime)
		time.AfterFunc(settleTime, k.look)
	}
	if time.Now().Before(k.calm) {
		return true
	}
	k.outage, k.calm = time.Time{}, time.Time{}
	return false
}

// handOut begins to hand out what was taken, once all that was stored before is known here.
func (k *keeper) handOut(ctx context.Context) {
	k.mu.Lock()
	var waiting []int
	for shard, h := range k.mine {
		if !h.open && !h.leaving {
			waiting = append(waiting, shard)
		}
	}
	k.mu.Unlock()
	if len(waiting) == 0 {
		return
	}
	if err := k.engine.Barrier(ctx); err != nil {
		return // the next round tries again
	}
	if k.settling() {
		return
	}
	for _, shard := range waiting {
		k.mu.Lock()
		h, ok := k.mine[shard]
		if ok {
			h.open = true
		}
		k.mu.Unlock()
		if ok {
			k.engine.Hold(shard, true)
		}
	}
	k.log.Info("this replica sends for shards", "shards", k.count(), "of", queue.Shards)
}
