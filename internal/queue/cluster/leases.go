package cluster

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/travishook/travishook/internal/queue"
)

// renew renews the presence and all leases, at once.
func (k *keeper) renew(ctx context.Context) {
	k.mu.Lock()
	if time.Since(k.renewed) < k.ttl/8 {
		k.mu.Unlock()
		return
	}
	revisions := map[int]uint64{}
	for shard, h := range k.mine {
		revisions[shard] = h.revision
	}
	k.renewed = time.Now()
	k.mu.Unlock()
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := k.kv.Put(ctx, replicaPrefix+k.id, []byte(k.id)); err != nil && ctx.Err() == nil {
			k.log.V(1).Info("Presence was not renewed", "reason", err.Error())
		}
	})
	for shard, revision := range revisions {
		all.Go(func() { k.renewOne(ctx, shard, revision) })
	}
	all.Wait()
}

func (k *keeper) renewOne(ctx context.Context, shard int, revision uint64) {
	before := time.Now()
	next, err := k.kv.Update(ctx, shardKey(shard), []byte(k.id), revision)
	if keyExists(err) {
		// A renewal that was not answered may have been stored.
		before = time.Now()
		next, err = k.renewFound(ctx, shard)
	}
	switch {
	case errors.Is(err, errTaken), errors.Is(err, jetstream.ErrKeyNotFound):
		k.lost(shard)
	case err == nil:
		k.extend(shard, next, before)
	} // else it may run out, which its timer sees
}

// errTaken is a lease that another replica has.
var errTaken = errors.New("another replica holds the shard")

// renewFound renews a lease of ours whose revision we do not know.
func (k *keeper) renewFound(ctx context.Context, shard int) (revision uint64, err error) {
	entry, err := k.kv.Get(ctx, shardKey(shard))
	if err != nil {
		return 0, err
	}
	if string(entry.Value()) != k.id {
		return 0, errTaken
	}
	return k.kv.Update(ctx, shardKey(shard), []byte(k.id), entry.Revision())
}

func keyExists(err error) bool { return errors.Is(err, jetstream.ErrKeyExists) || wrongRevision(err) }

func wrongRevision(err error) bool {
	var refused *jetstream.APIError
	return errors.As(err, &refused) && refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence
}

// worth is how long a lease lasts, counted from before it was asked for. The rest is for attempts to
// end in, and for clocks that differ.
func (k *keeper) worth() time.Duration { return k.ttl / 4 * 3 }

func (k *keeper) extend(shard int, revision uint64, before time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	h, ok := k.mine[shard]
	if !ok || !time.Now().Before(h.until) {
		return // it ran out while it was renewed, and will be taken up again
	}
	h.revision, h.until = revision, before.Add(k.worth())
	h.expiry.Reset(time.Until(h.until))
}

// expired is called when a lease may have run out.
func (k *keeper) expired(shard int) {
	k.mu.Lock()
	h, ok := k.mine[shard]
	over := ok && !time.Now().Before(h.until)
	first := over && time.Since(k.outage) > k.ttl
	if over {
		k.outage, k.calm = time.Now(), time.Time{}
	}
	k.mu.Unlock()
	if first {
		k.log.Info("Leases run out, for the cluster does not renew them: their channels may be another replica's")
	}
	if over {
		k.lost(shard)
	}
}

func (k *keeper) lost(shard int) {
	k.mu.Lock()
	if h, ok := k.mine[shard]; ok {
		h.expiry.Stop()
		delete(k.mine, shard)
	}
	k.mu.Unlock()
	k.engine.Lose(shard)
	k.part(shard)
}

// takeUp takes up to n shards that nobody holds. Some turn out to be held: another was faster, or has
// not quite run out yet.
func (k *keeper) takeUp(ctx context.Context, n int) {
	free := k.free()
	for n > 0 && len(free) > 0 {
		some := free[:min(n, len(free))]
		free = free[len(some):]
		taken := make(chan bool, len(some))
		for _, shard := range some {
			go func() { taken <- k.take(ctx, shard) }()
		}
		for range some {
			if <-taken {
				n--
			}
		}
	}
}

func (k *keeper) take(ctx context.Context, shard int) bool {
	before := time.Now()
	revision, err := k.kv.Create(ctx, shardKey(shard), []byte(k.id))
	if keyExists(err) {
		// After an outage it may still be ours there, though it ran out here.
		before = time.Now()
		revision, err = k.renewFound(ctx, shard)
	}
	if err != nil {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mine[shard] = &holding{
		revision: revision, until: before.Add(k.worth()),
		expiry: time.AfterFunc(k.worth()-time.Since(before), func() { k.expired(shard) }),
	}
	return true
}

// free are the shards that seem to be nobody's, in no order. First come those that we were about
// to give away.
func (k *keeper) free() []int {
	k.mu.Lock()
	defer k.mu.Unlock()
	var free []int
	for _, shard := range rand.Perm(queue.Shards) { //nolint:gosec // nothing secret depends on it
		_, mine := k.mine[shard]
		s, taken := k.sighted[shardKey(shard)]
		if !mine && (!taken || time.Since(s.at) >= k.ttl) {
			free = append(free, shard)
		}
	}
	return free
}
