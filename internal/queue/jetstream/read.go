package jetstream

import (
	"context"
	"fmt"
	"slices"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
)

// listPiece is how many deliveries are looked at before others get at the store again.
const listPiece = 500

// Deliveries lists what is kept, oldest first, as far as wanted says so.
func (e *Engine) Deliveries(wanted func(queue.Summary) bool) []queue.Summary {
	e.mu.Lock()
	list := e.state.List()
	e.mu.Unlock()
	var chosen []journal.Listed
	for more := true; more; {
		var piece []journal.Listed
		e.mu.Lock()
		piece, more = list.Next(listPiece)
		e.mu.Unlock()
		for i := range piece {
			if wanted(piece[i].Summary) {
				chosen = append(chosen, piece[i])
			}
		}
	}
	return journal.InOrder(chosen)
}

// Channels tells of every channel of a route that an event was accepted for in the last 30 days.
func (e *Engine) Channels(namespace, route string) []queue.ChannelStatus {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state.Channels(namespace, route, e.clock.Now())
}

// Get returns what was put.
func (e *Engine) Get(bucket, key string) ([]byte, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	value, ok := e.state.Get(bucket, key)
	return slices.Clone(value), ok
}

// Put stores a value.
func (e *Engine) Put(ctx context.Context, bucket, key string, value []byte) error {
	entry := journal.Entry{Put: &journal.Put{Bucket: bucket, Key: key, Value: slices.Clone(value)}}
	if err := e.store(ctx, entry); err != nil {
		return fmt.Errorf("put %s/%s: %w", bucket, key, err)
	}
	return nil
}
