package controllers

import (
	"context"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
)

// How often status is written. The rate does not grow with that of the events: whatever happens
// to an object until its turn comes goes into one write.
const (
	settle         = time.Second      // after an outcome, for others to come
	writesPerSec   = 10               // over all objects
	writesBurst    = 100              // for a start, or a change of the defaults
	lookAgain      = time.Minute      // at a problem that no watch tells the end of
	lookOver       = 5 * time.Second  // at what was written: the cache that it was compared with may have lagged behind
	retryWriteFrom = time.Second      // after a write that failed
	retryWriteTo   = 30 * time.Second // at most
)

// subject is an object whose status may have changed.
type subject struct {
	kind string
	key  types.NamespacedName
}

const (
	kindRoute    = "TravisRoute"
	kindDefaults = "TravisDefaults"
)

// turns hands out subjects one at a time while this replica holds the lease.
type turns struct {
	mu    sync.Mutex
	queue workqueue.TypedRateLimitingInterface[subject] // nil while another replica writes
}

// soon gives s its turn after delay. It never blocks.
func (t *turns) soon(s subject, delay time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.queue != nil {
		t.queue.AddAfter(s, delay)
	}
}

// run hands subjects to write until ctx ends, those of all first. A write returns after how
// long it wants to look again, zero for when something changes.
func (t *turns) run(ctx context.Context, log logr.Logger, all func(context.Context) []subject, write func(context.Context, subject) (time.Duration, error)) {
	queue := workqueue.NewTypedRateLimitingQueue(
		workqueue.NewTypedItemExponentialFailureRateLimiter[subject](retryWriteFrom, retryWriteTo))
	t.mu.Lock()
	t.queue = queue
	t.mu.Unlock()
	stop := context.AfterFunc(ctx, queue.ShutDown)
	defer func() {
		stop()
		queue.ShutDown()
		t.mu.Lock()
		t.queue = nil
		t.mu.Unlock()
	}()

	for _, s := range all(ctx) {
		queue.Add(s)
	}
	for {
		s, over := queue.Get()
		if over {
			return
		}
		again, err := write(ctx, s)
		switch {
		case err != nil && ctx.Err() == nil:
			log.Error(err, "status was not written, trying again", "kind", s.kind, "namespace", s.key.Namespace, "name", s.key.Name)
			queue.AddRateLimited(s)
		case again > 0:
			queue.Forget(s)
			queue.AddAfter(s, again)
		default:
			queue.Forget(s)
		}
		queue.Done(s)
	}
}
