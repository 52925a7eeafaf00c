package engine

// The bounds of what is kept in memory, by its size in the log.
const (
	// Events accepted last: most are sent at once, and need not be read back.
	eventBytes = 16 << 20
	// Messages read last: a channel that works again wants one event after another of them.
	messageBytes = 8 << 20
)

// cache keeps what was added last, of things that never change.
type cache[K comparable, V any] struct {
	limit  int
	size   int
	values map[K]sized[V]
	order  []K
}

type sized[V any] struct {
	value V
	size  int
}

func newCache[K comparable, V any](limit int) *cache[K, V] {
	return &cache[K, V]{limit: limit, values: map[K]sized[V]{}}
}

func (c *cache[K, V]) get(key K) (V, bool) {
	found, ok := c.values[key]
	return found.value, ok
}

func (c *cache[K, V]) add(key K, value V, size int) {
	if _, ok := c.values[key]; ok || size > c.limit {
		return
	}
	c.values[key] = sized[V]{value, size}
	c.order = append(c.order, key)
	for c.size += size; c.size > c.limit; {
		c.size -= c.values[c.order[0]].size
		delete(c.values, c.order[0])
		c.order = c.order[1:]
	}
}
