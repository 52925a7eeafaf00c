package controllers

import (
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// fairOrder hands out items of each namespace in turn, so that one with a thousand changes does not delay
// the others. A namespace that had nothing waiting goes first. It implements workqueue.Queue.
type fairOrder[T comparable] struct {
	namespace func(T) string
	items     map[string][]T
	turns     []string // namespaces with items
	count     int
}

func newFairOrder[T comparable](namespace func(T) string) *fairOrder[T] {
	return &fairOrder[T]{namespace: namespace, items: map[string][]T{}}
}

// Touch implements workqueue.Queue.
func (*fairOrder[T]) Touch(T) {}

// Push implements workqueue.Queue.
func (f *fairOrder[T]) Push(item T) {
	n := f.namespace(item)
	if len(f.items[n]) == 0 {
		f.turns = append([]string{n}, f.turns...)
	}
	f.items[n] = append(f.items[n], item)
	f.count++
}

// Len implements workqueue.Queue.
func (f *fairOrder[T]) Len() int { return f.count }

// Pop implements workqueue.Queue.
func (f *fairOrder[T]) Pop() T {
	n := f.turns[0]
	f.turns = f.turns[1:]
	item := f.items[n][0]
	if f.items[n] = f.items[n][1:]; len(f.items[n]) == 0 {
		delete(f.items, n)
	} else {
		f.turns = append(f.turns, n)
	}
	f.count--
	return item
}

// fairQueue is a controller's queue in the order of fairOrder.
func fairQueue(name string, limiter workqueue.TypedRateLimiter[reconcile.Request]) workqueue.TypedRateLimitingInterface[reconcile.Request] {
	return queueInOrder(name, limiter, newFairOrder(func(r reconcile.Request) string { return r.Namespace }))
}

func queueInOrder[T comparable](name string, limiter workqueue.TypedRateLimiter[T], order workqueue.Queue[T]) workqueue.TypedRateLimitingInterface[T] {
	return workqueue.NewTypedRateLimitingQueueWithConfig(limiter, workqueue.TypedRateLimitingQueueConfig[T]{
		Name: name,
		DelayingQueue: workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[T]{
			Name:  name,
			Queue: workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[T]{Name: name, Queue: order}),
		}),
	})
}
