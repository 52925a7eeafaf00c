package jetstream

import (
	"github.com/travishook/travishook/internal/queue/journal"
	"github.com/travishook/travishook/internal/travis"
)

// cacheBytes bounds the events kept in memory, by their size in the log.
const cacheBytes = 16 << 20

// cache holds the events accepted last: most are sent at once, and need not be read back.
type cache struct {
	limit  int
	size   int
	events map[journal.Position]cached
	order  []journal.Position
}

type cached struct {
	event *travis.Event
	size  int
}

func newCache(limit int) *cache {
	return &cache{limit: limit, events: map[journal.Position]cached{}}
}

func (c *cache) get(at journal.Position) (*travis.Event, bool) {
	found, ok := c.events[at]
	return found.event, ok
}

func (c *cache) add(at journal.Position, e *travis.Event, size int) {
	if _, ok := c.events[at]; ok || size > c.limit {
		return
	}
	c.events[at] = cached{e, size}
	c.order = append(c.order, at)
	for c.size += size; c.size > c.limit; {
		c.size -= c.events[c.order[0]].size
		delete(c.events, c.order[0])
		c.order = c.order[1:]
	}
}
