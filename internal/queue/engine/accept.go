package engine

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
)

// Accept stores an event for each namespace that did not have it yet and that has room for it.
func (e *Engine) Accept(ctx context.Context, a queue.Acceptance) (queue.Receipt, error) {
	release, err := e.claim(ctx, journal.BuildID(&a.Event))
	if err != nil {
		return queue.Receipt{}, fmt.Errorf("store event: %w", err)
	}
	requests, receipt, err := e.prepare(&a)
	if err != nil || len(requests) == 0 {
		release()
		return receipt, err
	}
	afterAll(requests, release)
	if err := e.submit(requests...); err != nil {
		release()
		return queue.Receipt{}, fmt.Errorf("store event: %w", err)
	}
	var again []queue.Offer
	for _, r := range requests {
		if err := awaitAccepted(ctx, r, &receipt); err != nil {
			return queue.Receipt{}, fmt.Errorf("store event: %w", err)
		}
		if r.stale {
			again = append(again, r.offer)
		}
	}
	return e.acceptAgain(ctx, a, again, receipt)
}

// claim serializes the callers that store events of one build, or that update one value: the second waits
// and then finds what the first has stored. The claim is held until the committer is done, even if the
// caller no longer waits.
func (e *Engine) claim(ctx context.Context, what journal.ID) (release func(), err error) {
	for {
		e.mu.Lock()
		other, taken := e.claims[what]
		if !taken {
			mine := make(chan struct{})
			e.claims[what] = mine
			e.mu.Unlock()
			return func() { e.release(what, mine) }, nil
		}
		e.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (e *Engine) release(what journal.ID, claim chan struct{}) {
	e.mu.Lock()
	delete(e.claims, what)
	e.mu.Unlock()
	close(claim)
}

// prepare decides which namespaces the event is new to, and encodes an entry for each that has room.
func (e *Engine) prepare(a *queue.Acceptance) (requests []*request, receipt queue.Receipt, err error) {
	at := a.Received
	if at.IsZero() {
		at = e.clock.Now()
	}
	compared, remote, err := e.compare(a)
	if err != nil {
		return nil, receipt, fmt.Errorf("store event: %w", err)
	}
	for i := range a.Offers {
		r, err := e.prepareOffer(compared[i], stamp(at), &receipt)
		namespace := a.Offers[i].Namespace
		switch {
		case refused(err):
			e.noteRefused(namespace, err)
			refuse(&receipt, namespace, err)
			continue
		case err != nil:
			return nil, queue.Receipt{}, fmt.Errorf("store event: %w", err)
		case r == nil:
			continue
		}
		r.comparison, r.remote = compared[i], remote
		requests = append(requests, r)
	}
	return requests, receipt, nil
}

// prepareOffer returns the request for one namespace's part of an event; nil if there is nothing to store.
func (e *Engine) prepareOffer(c comparison, at time.Time, receipt *queue.Receipt) (*request, error) {
	namespace := c.offer.Namespace
	event := c.event.WithTransition(c.transition, c.offer.Computed)
	if c.transition != nil {
		noteTransition(receipt, namespace, c.transition)
	}
	targets := c.offer.Targets
	if c.offer.Match != nil {
		if targets = c.offer.Match(&event); len(targets) == 0 {
			receipt.Unmatched = append(receipt.Unmatched, namespace)
			return e.finish(c, at)
		}
	}
	e.mu.Lock()
	fresh := e.state.Fresh(&event, &queue.Offer{Namespace: namespace, Targets: targets}, e.trustedNow())
	e.mu.Unlock()
	if len(fresh) == 0 {
		receipt.Seen = append(receipt.Seen, namespace)
		return nil, nil
	}
	return e.acceptance(&journal.Accept{At: at, Namespace: namespace, Targets: fresh, Event: event})
}

// acceptance encodes an entry, if there is room for it.
func (e *Engine) acceptance(a *journal.Accept) (*request, error) {
	if n := len(a.Targets); n > queue.MaxTargets {
		return nil, fmt.Errorf("%w: it has %d targets; the limit is %d", queue.ErrTooLarge, n, queue.MaxTargets)
	}
	r, err := newRequest(journal.Entry{Accept: a})
	if err != nil {
		return nil, err
	}
	size := r.entry.Size()
	if most := min(queue.MaxEntry, e.maxEntry); size > most {
		return nil, fmt.Errorf("%w: it has %d bytes; the limit is %d", queue.ErrTooLarge, size, most)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.room(size); err != nil {
		return nil, err
	}
	if err := e.state.Room(a.Namespace, size, a.Targets, e.limits()); err != nil {
		e.signal(e.work) // the committer checks whether there is something to purge
		return nil, err
	}
	return r, nil
}

// limits returns the limits of the state. The caller holds the lock.
func (e *Engine) limits() journal.Limits {
	return journal.Limits{Bytes: e.opt.MaxBytes, Memory: e.opt.MaxMemory}
}

func refused(err error) bool {
	return errors.Is(err, queue.ErrFull) || errors.Is(err, queue.ErrShare) || errors.Is(err, queue.ErrTooLarge)
}

// refusedFor is how long a namespace counts as full after an event that was refused.
const refusedFor = time.Minute

// noteRefused remembers that a namespace has used its share: an event may need more room than is usual.
func (e *Engine) noteRefused(namespace string, err error) {
	if !errors.Is(err, queue.ErrShare) {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refused[namespace] = e.time.passed()
}

// usages completes what the state knows of namespaces. The caller holds the lock.
func (e *Engine) usages(all []queue.Usage) []queue.Usage {
	for namespace, at := range e.refused {
		if e.time.passed()-at >= refusedFor {
			delete(e.refused, namespace)
		}
	}
	for i := range all {
		if _, recently := e.refused[all[i].Namespace]; recently {
			all[i].Full = true
		}
	}
	return all
}

func refuse(receipt *queue.Receipt, namespace string, err error) {
	if receipt.Refused == nil {
		receipt.Refused = map[string]error{}
	}
	receipt.Refused[namespace] = err
}

// afterAll calls fn once all requests have ended.
func afterAll(requests []*request, fn func()) {
	var left atomic.Int32
	left.Store(int32(len(requests)))
	for _, r := range requests {
		r.after = func() {
			if left.Add(-1) == 0 {
				fn()
			}
		}
	}
}

// awaitAccepted adds the outcome for one namespace to the receipt.
func awaitAccepted(ctx context.Context, r *request, receipt *queue.Receipt) error {
	namespace := r.offer.Namespace
	select {
	case <-r.done:
	case <-ctx.Done():
		return ctx.Err() // the request is still the committer's
	}
	switch err := r.err; {
	case r.stale:
	case r.unmatched:
		return nil // an error loses how one build ended, and no more
	case refused(err):
		refuse(receipt, namespace, err)
	case err != nil:
		return err
	case r.void:
		receipt.Seen = append(receipt.Seen, namespace)
	default:
		receipt.Stored = append(receipt.Stored, namespace)
	}
	return nil
}

// redecide removes from an acceptance what another process has stored since the decision.
func (e *Engine) redecide(r *request) error {
	a := r.entry.Accept
	e.mu.Lock()
	if r.remote == e.remote {
		e.mu.Unlock()
		return nil
	}
	r.remote = e.remote
	fresh := e.state.Fresh(&a.Event, &queue.Offer{Namespace: a.Namespace, Targets: a.Targets}, e.trustedNow())
	e.mu.Unlock()
	switch len(fresh) {
	case 0:
		r.void = true
		return nil
	case len(a.Targets):
		return nil
	}
	a.Targets = fresh
	return r.entry.Encode()
}
