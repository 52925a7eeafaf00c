package controllers

import (
	"context"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"

	"github.com/travishook/travishook/api/v1alpha1"
)

// How often status is written. The rate does not grow with the number of events: all changes of an object
// until its turn go into one write. Objects whose spec changed have a rate of their own, because somebody
// waits for the result.
const (
	settle            = time.Second // after an outcome, to combine it with others
	changeWrites      = 50          // a second, of objects whose spec or verdict changed
	changeBurst       = 200
	deliveryWrites    = 10 // a second, of the others
	deliveryBurst     = 100
	resyncInterval    = time.Minute      // where no watch reports that a problem was fixed
	staleCacheRecheck = 5 * time.Second  // after a write, which may have been compared with a stale cache
	retryWriteFrom    = time.Second      // after a write that failed
	retryWriteTo      = 30 * time.Second // at most
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

// defaultsOf is the TravisDefaults of a namespace.
func defaultsOf(namespace string) subject {
	return subject{kindDefaults, types.NamespacedName{Namespace: namespace, Name: v1alpha1.DefaultsName}}
}

// secretsOf stands for the Secrets of a namespace that lack their label.
func secretsOf(namespace string) subject {
	return subject{kindSecret, types.NamespacedName{Namespace: namespace}}
}

// statusQueue hands out subjects one at a time while this replica holds the lease.
type statusQueue struct {
	// changed are the subjects whose spec or verdict changed since their last turn. It has no lock in
	// common with queue, which reads it under its own.
	changed sync.Map

	mu    sync.Mutex
	queue workqueue.TypedRateLimitingInterface[subject] // nil while another replica writes
}

// add queues s after delay. It never blocks.
func (q *statusQueue) add(s subject, delay time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.queue != nil {
		q.queue.AddAfter(s, delay)
	}
}

// addChanged queues s before all that are not changed.
func (q *statusQueue) addChanged(s subject) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.queue != nil {
		q.changed.Store(s, nil)
		q.queue.Add(s)
	}
}

// isChanged reports whether s comes before the others.
func (q *statusQueue) isChanged(s subject) bool {
	_, changed := q.changed.Load(s)
	return changed
}

// takeChanged returns isChanged of a subject whose turn has come, and clears it.
func (q *statusQueue) takeChanged(s subject) bool {
	_, changed := q.changed.LoadAndDelete(s)
	return changed
}

// changedFirst hands out changed subjects first, those of each namespace in turn, and the others in the
// order in which they came. It implements workqueue.Queue; the workqueue calls it under its lock.
type changedFirst struct {
	isChanged func(subject) bool
	changed   *fairOrder[subject]
	others    []subject
	moved     map[subject]struct{} // that are in others and were handed out as changed, or will be
}

func newChangedFirst(isChanged func(subject) bool) *changedFirst {
	return &changedFirst{
		isChanged: isChanged,
		changed:   newFairOrder(func(s subject) string { return s.key.Namespace }),
		moved:     map[subject]struct{}{},
	}
}

// Touch moves a queued subject forward that has changed meanwhile.
func (o *changedFirst) Touch(s subject) {
	if _, moved := o.moved[s]; !moved && o.isChanged(s) {
		for _, other := range o.changed.items[s.key.Namespace] {
			if other == s {
				return
			}
		}
		o.moved[s] = struct{}{}
		o.changed.Push(s)
	}
}

// Push implements workqueue.Queue.
func (o *changedFirst) Push(s subject) {
	if o.isChanged(s) {
		o.changed.Push(s)
		return
	}
	o.others = append(o.others, s)
}

// Len implements workqueue.Queue.
func (o *changedFirst) Len() int { return o.changed.Len() + len(o.others) - len(o.moved) }

// Pop implements workqueue.Queue.
func (o *changedFirst) Pop() subject {
	if o.changed.Len() > 0 {
		s := o.changed.Pop()
		if _, moved := o.moved[s]; moved {
			delete(o.moved, s)
			for i, other := range o.others {
				if other == s {
					o.others = append(o.others[:i:i], o.others[i+1:]...)
					break
				}
			}
		}
		return s
	}
	s := o.others[0]
	o.others = o.others[1:]
	return s
}

// run calls write with each queued subject until ctx ends, first with those of all. write returns after
// which time to repeat it, zero for only after a change.
func (q *statusQueue) run(ctx context.Context, log logr.Logger, all func(context.Context) []subject, write func(context.Context, subject) (time.Duration, error)) {
	queue := q.open()
	stop := context.AfterFunc(ctx, queue.ShutDown)
	defer func() {
		stop()
		queue.ShutDown()
		q.mu.Lock()
		q.queue = nil
		q.mu.Unlock()
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
		case err != nil && ctx.Err() == nil && refused(err):
			log.Error(err, "status was refused, waiting for a change", "kind", s.kind, "namespace", s.key.Namespace, "name", s.key.Name)
			queue.Forget(s)
		case err != nil && ctx.Err() == nil:
			log.Error(err, "status was not written, retrying", "kind", s.kind, "namespace", s.key.Namespace, "name", s.key.Name)
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

func (q *statusQueue) open() workqueue.TypedRateLimitingInterface[subject] {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.changed.Clear()
	q.queue = queueInOrder("status", workqueue.NewTypedItemExponentialFailureRateLimiter[subject](retryWriteFrom, retryWriteTo),
		newChangedFirst(q.isChanged))
	return q.queue
}

// refused reports whether the API server rejected the write in a way that a retry cannot change.
func refused(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsRequestEntityTooLargeError(err)
}
