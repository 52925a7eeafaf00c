package engine

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
)

// listPiece is how many deliveries are listed before the lock is released for others.
const listPiece = 500

// Deliveries lists the kept deliveries that q selects, oldest first.
func (e *Engine) Deliveries(q queue.Query) []queue.Summary {
	e.mu.Lock()
	list := e.state.List(q)
	e.mu.Unlock()
	selected := journal.Select(&q)
	for more := true; more; {
		var piece []journal.Listed
		e.mu.Lock()
		piece, more = list.Next(listPiece)
		e.mu.Unlock()
		selected.Add(piece)
	}
	return selected.InOrder()
}

// Channels describes every channel of a route that an event was accepted for in the last 30 days.
func (e *Engine) Channels(namespace, route string) []queue.ChannelStatus {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state.Channels(namespace, route, e.clock.Now())
}

// Get returns a stored value.
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

// Update replaces a value with the result of next. Nothing is stored if it stays the same. next runs in the
// committer: it must be quick, and must not use the store. It is not called any more when Update has returned.
func (e *Engine) Update(ctx context.Context, bucket, key string, next func(old []byte, ok bool) ([]byte, error)) error {
	release, err := e.claim(ctx, journal.ValueID(bucket, key))
	if err != nil {
		return fmt.Errorf("update %s/%s: %w", bucket, key, err)
	}
	r := newEmptyRequest()
	r.after = release
	r.decide = func() error {
		old, ok := e.Get(bucket, key)
		value, err := next(old, ok)
		r.entry = journal.Entry{}
		if err != nil || value == nil || ok && bytes.Equal(value, old) {
			return err
		}
		r.entry.Put = &journal.Put{Bucket: bucket, Key: key, Value: value}
		return r.entry.Encode()
	}
	if err := e.submit(r); err != nil {
		release()
		return fmt.Errorf("update %s/%s: %w", bucket, key, err)
	}
	if err := r.wait(ctx); err != nil {
		return fmt.Errorf("update %s/%s: %w", bucket, key, err)
	}
	return nil
}

// Counts counts the kept deliveries.
func (e *Engine) Counts() queue.Counts {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state.Counts()
}

// Usage returns what the store holds for a namespace.
func (e *Engine) Usage(namespace string) queue.Usage {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.usages([]queue.Usage{e.state.Usage(namespace, e.limits())})[0]
}

// SetSlots sets how many attempts of a lane are made at once.
func (e *Engine) SetSlots(lane queue.Lane, attempts int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.slots[lane] = attempts
	e.state.SetSlots(lane, attempts)
	e.signalLanes()
}

// Usages returns what the store holds for each namespace, in no order.
func (e *Engine) Usages() []queue.Usage {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.usages(e.state.Usages(e.limits()))
}
