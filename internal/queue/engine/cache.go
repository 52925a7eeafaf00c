package engine

// Limits of the caches in bytes of the log.
const (
	// The newest events: most are sent immediately and need not be read back.
	eventBytes = 16 << 20
	// The last messages read: a recovered channel's events are in a few messages.
	messageBytes = 8 << 20
)

// cache keeps the most recently added values. Values are immutable.
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
