package trail

import (
	"container/list"
	"slices"
)

// shelf keeps the newest things, by key: so many of one key, and so many and so large overall.
type shelf[T any] struct {
	perKey, overall, maxBytes int

	bytes int
	order list.List                  // of *kept[T], oldest first
	by    map[string][]*list.Element // oldest first
}

type kept[T any] struct {
	key   string
	value T
	size  int
}

// newShelf returns an empty one; maxBytes 0 is no bound.
func newShelf[T any](perKey, overall, maxBytes int) *shelf[T] {
	return &shelf[T]{perKey: perKey, overall: overall, maxBytes: maxBytes, by: map[string][]*list.Element{}}
}

// put adds a thing of so many bytes and lets the oldest go.
func (s *shelf[T]) put(key string, value T, size int) {
	if len(s.by[key]) == s.perKey {
		s.drop(s.by[key][0])
	}
	s.by[key] = append(s.by[key], s.order.PushBack(&kept[T]{key, value, size}))
	s.bytes += size
	for s.order.Len() > s.overall || s.maxBytes > 0 && s.bytes > s.maxBytes {
		s.drop(s.order.Front())
	}
}

// drop takes out the oldest thing of its key: what is oldest overall is that, too.
func (s *shelf[T]) drop(e *list.Element) {
	k := s.order.Remove(e).(*kept[T])
	s.bytes -= k.size
	if s.by[k.key] = slices.Delete(s.by[k.key], 0, 1); len(s.by[k.key]) == 0 {
		delete(s.by, k.key)
	}
}

// of returns the things of a key, oldest first.
func (s *shelf[T]) of(key string) []T {
	things := make([]T, 0, len(s.by[key]))
	for _, e := range s.by[key] {
		things = append(things, e.Value.(*kept[T]).value)
	}
	return things
}
