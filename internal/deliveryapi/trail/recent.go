package trail

import (
	"container/list"
	"iter"
	"slices"
	"time"
)

// recent keeps the newest values by key, bounded in number for each key, and in number and bytes
// overall.
type recent[T any] struct {
	perKey, overall, maxBytes int

	bytes int
	order list.List                  // of *entry[T], oldest first
	byKey map[string][]*list.Element // oldest first
	// at returns the time of a value. It is nil where nobody asks what was dropped.
	at func(T) time.Time
	// losses are of the keys of byKey.
	losses map[string]*loss
	// until is the newest time of a value whose key is no longer in byKey. It tells nothing about a single
	// key, because any of them may have lost that value.
	until time.Time
}

type entry[T any] struct {
	key   string
	value T
	size  int
}

// loss is what may have been dropped of a key.
type loss struct {
	before time.Time // recent.until when the key was added: values of an earlier time in byKey
	until  time.Time // the newest value that was dropped since then; zero if none was
}

// newRecent returns an empty one; a maxBytes of 0 is no bound.
func newRecent[T any](perKey, overall, maxBytes int) *recent[T] {
	return &recent[T]{perKey: perKey, overall: overall, maxBytes: maxBytes, byKey: map[string][]*list.Element{}, losses: map[string]*loss{}}
}

// add adds a value of size bytes and drops the oldest values beyond the bounds.
func (r *recent[T]) add(key string, value T, size int) {
	if len(r.byKey[key]) == r.perKey {
		r.drop(r.byKey[key][0])
	}
	if len(r.byKey[key]) == 0 {
		r.losses[key] = &loss{before: r.until}
	}
	r.byKey[key] = append(r.byKey[key], r.order.PushBack(&entry[T]{key, value, size}))
	r.bytes += size
	for r.order.Len() > r.overall || r.maxBytes > 0 && r.bytes > r.maxBytes {
		r.drop(r.order.Front())
	}
}

// addNew is add, unless the key has a value that is the same.
func (r *recent[T]) addNew(key string, value T, size int, same func(T) bool) {
	if !slices.ContainsFunc(r.get(key), same) {
		r.add(key, value, size)
	}
}

// dropped returns since when the values of a key are complete, zero for always. lately means that older ones
// were dropped nevertheless, when newer ones were added.
func (r *recent[T]) dropped(key string) (since time.Time, lately bool) {
	l, ok := r.losses[key]
	if !ok {
		return r.until, false
	}
	return l.before, !l.until.IsZero()
}

// drop removes the oldest value of its key, which the oldest overall is too.
func (r *recent[T]) drop(e *list.Element) {
	k := r.order.Remove(e).(*entry[T])
	r.bytes -= k.size
	l := r.losses[k.key]
	if r.at != nil {
		l.until = later(l.until, r.at(k.value))
	}
	if r.byKey[k.key] = slices.Delete(r.byKey[k.key], 0, 1); len(r.byKey[k.key]) == 0 {
		delete(r.byKey, k.key)
		delete(r.losses, k.key)
		r.until = later(r.until, l.until)
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
