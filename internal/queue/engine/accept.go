package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
)

// Accept stores an event for each namespace that did not have it yet.
func (e *Engine) Accept(ctx context.Context, a queue.Acceptance) (queue.Receipt, error) {
	event := journal.EventID(&a.Event)
	release, err := e.claim(ctx, event)
	if err != nil {
		return queue.Receipt{}, fmt.Errorf("store event: %w", err)
	}
	r, receipt, err := e.acceptance(event, &a)
	if err != nil || r == nil {
		release()
		return receipt, err
	}
	r.after = release
	if err := e.submit(r); err != nil {
		release()
		return queue.Receipt{}, fmt.Errorf("store event: %w", err)
	}
	if err := r.wait(ctx); err != nil {
		return queue.Receipt{}, fmt.Errorf("store event: %w", err)
	}
	return r.amend(receipt), nil
}

// claim makes sure that one event is stored by one caller at a time: the second waits and
// then finds it seen. The claim is held until the committer is done, even if its caller is not.
func (e *Engine) claim(ctx context.Context, event journal.ID) (release func(), err error) {
	for {
		e.mu.Lock()
		other, taken := e.claims[event]
		if !taken {
			mine := make(chan struct{})
			e.claims[event] = mine
			e.mu.Unlock()
			return func() { e.release(event, mine) }, nil
		}
		e.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (e *Engine) release(event journal.ID, claim chan struct{}) {
	e.mu.Lock()
	delete(e.claims, event)
	e.mu.Unlock()
	close(claim)
}

// acceptance decides what is new of an event, and prepares the entry that tells it; nil where
// nothing is.
func (e *Engine) acceptance(event journal.ID, a *queue.Acceptance) (*request, queue.Receipt, error) {
	received := a.Received
	if received.IsZero() {
		received = e.clock.Now()
	}
	e.mu.Lock()
	refused := e.refusal()
	fresh, seen := e.state.Fresh(event, a.Offers, e.sure())
	foreign := e.foreign
	e.mu.Unlock()
	if refused != nil {
		return nil, queue.Receipt{}, fmt.Errorf("store event: %w", refused)
	}
	receipt := queue.Receipt{Seen: seen}
	if len(fresh) == 0 {
		return nil, receipt, nil
	}
	for _, offer := range fresh {
		receipt.Stored = append(receipt.Stored, offer.Namespace)
	}
	r, err := newRequest(journal.Entry{Accept: &journal.Accept{At: stamp(received), Event: a.Event, Offers: fresh}})
	if err != nil {
		return nil, queue.Receipt{}, fmt.Errorf("store event: %w", err)
	}
	r.foreign = foreign
	if size := r.entry.Size(); size > e.maxEntry {
		return nil, queue.Receipt{}, fmt.Errorf("store event: entry of %d bytes is too large: the store's log takes %d", size, e.maxEntry)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.room(r.entry.Size()); err != nil {
		return nil, queue.Receipt{}, fmt.Errorf("store event: %w", err)
	}
	return r, receipt, nil
}

// redecide drops from an acceptance what another process has stored since it was decided.
func (e *Engine) redecide(r *request) error {
	a := r.entry.Accept
	e.mu.Lock()
	if r.foreign == e.foreign {
		e.mu.Unlock()
		return nil
	}
	r.foreign = e.foreign
	fresh, seen := e.state.Fresh(journal.EventID(&a.Event), a.Offers, e.sure())
	e.mu.Unlock()
	if len(seen) == 0 {
		return nil
	}
	r.seen = append(r.seen, seen...)
	if r.void = len(fresh) == 0; r.void {
		return nil
	}
	r.entry = journal.Entry{Accept: &journal.Accept{At: a.At, Event: a.Event, Offers: fresh}}
	return r.entry.Encode()
}

// amend moves to Seen what another process stored while we were about to.
func (r *request) amend(receipt queue.Receipt) queue.Receipt {
	receipt.Seen = append(receipt.Seen, r.seen...)
	receipt.Stored = slices.DeleteFunc(receipt.Stored, func(ns string) bool { return slices.Contains(r.seen, ns) })
	return receipt
}
