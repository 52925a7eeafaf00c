package trail

import (
	"container/list"
	"iter"
	"slices"
)

// recent keeps the newest values by key, bounded in number for each key, and in number and bytes
// overall.
type recent[T any] struct {
	perKey, overall, maxBytes int

	bytes int
	order list.List                  // of *entry[T], oldest first
	byKey map[string][]*list.Element // oldest first
	// full are the keys of byKey that have lost values to newer ones. overflowed is set once keys may have
	// lost values to each other.
	full       map[string]bool
	overflowed bool
}

type entry[T any] struct {
	key   string
	value T
	size  int
}

// newRecent returns an empty one; a maxBytes of 0 is no bound.
func newRecent[T any](perKey, overall, maxBytes int) *recent[T] {
	return &recent[T]{perKey: perKey, overall: overall, maxBytes: maxBytes, byKey: map[string][]*list.Element{}, full: map[string]bool{}}
}

// add adds a value of size bytes and drops the oldest values beyond the bounds.
func (r *recent[T]) add(key string, value T, size int) {
	if len(r.byKey[key]) == r.perKey {
		r.drop(r.byKey[key][0])
		r.full[key] = true
	}
	r.byKey[key] = append(r.byKey[key], r.order.PushBack(&entry[T]{key, value, size}))
	r.bytes += size
	for r.order.Len() > r.overall || r.maxBytes > 0 && r.bytes > r.maxBytes {
		r.drop(r.order.Front())
		r.overflowed = true
	}
}

// dropped reports whether older values of a key may have been dropped.
func (r *recent[T]) dropped(key string) bool { return r.full[key] || r.overflowed }

// drop removes the oldest value of its key, which the oldest overall is too.
func (r *recent[T]) drop(e *list.Element) {
	k := r.order.Remove(e).(*entry[T])
	r.bytes -= k.size
	if r.byKey[k.key] = slices.Delete(r.byKey[k.key], 0, 1); len(r.byKey[k.key]) == 0 {
		delete(r.byKey, k.key)
		delete(r.full, k.key) // so that there are no more of them than of byKey
	}
}

// get returns the values of a key, oldest first.
func (r *recent[T]) get(key string) []T {
	values := make([]T, 0, len(r.byKey[key]))
	for _, e := range r.byKey[key] {
		values = append(values, e.Value.(*entry[T]).value)
	}
	return values
}

// all returns all values, oldest first.
func (r *recent[T]) all() iter.Seq[T] {
	return func(yield func(T) bool) {
		for e := r.order.Front(); e != nil; e = e.Next() {
			if !yield(e.Value.(*entry[T]).value) {
				return
			}
		}
	}
}
