package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
	"github.com/travishook/travishook/internal/queue/wal"
	"github.com/travishook/travishook/internal/travis"
)

// errUnreadable means that a retry does not help.
var errUnreadable = errors.New("the event cannot be read")

// unreadablePause is the delay before an event that could not be read is retried.
const unreadablePause = time.Minute

// lease is a delivery that was handed out and is not settled yet. Its Place is zero if the outcome does not
// concern the destination.
type lease struct {
	journal.Lease
	number uint64 // among all leases of this process
	// earlier is a lost lease of the same delivery, whose attempt has not reported its outcome yet.
	earlier *lease
	// fixed says that a possible cause of failure was fixed while the attempt was under way.
	fixed bool
	// settling is the outcome that is being stored.
	settling *request
	// ended is closed and lost is set when another process may send the delivery.
	ended chan struct{}
	lost  bool
	// over says that the delivery has ended. Only a message that the attempt sent is still to be stored.
	over bool
}

// Take waits for a delivery of the lane that is due and whose channel is free.
func (e *Engine) Take(ctx context.Context, lane queue.Lane) (queue.Delivery, error) {
	for {
		d, ok, due, err := e.take(ctx, lane)
		if ok || err != nil {
			return d, err
		}
		if err := e.await(ctx, lane, due); err != nil {
			return queue.Delivery{}, err
		}
	}
}

// take hands out a due delivery. Without one, it returns when the next is due; zero means when the lane is
// signalled.
func (e *Engine) take(ctx context.Context, lane queue.Lane) (d queue.Delivery, ok bool, due time.Time, err error) {
	for {
		if err := ctx.Err(); err != nil {
			e.signal(e.ready[lane]) // wake another waiter
			return d, false, due, err
		}
		l, due, err := e.next(lane)
		switch {
		case err != nil || l == nil:
			return d, false, due, err
		case l.Superseded == "":
			if d, err = e.handOut(ctx, l); err == nil {
				return d, true, due, nil
			}
			if err := e.postpone(ctx, l, err); err != nil {
				return d, false, due, err
			}
			continue
		}
		if err := e.drop(ctx, l, l.Superseded); err != nil {
			return d, false, due, err
		}
	}
}

// next leases the next delivery of the lane, or returns when it is due.
func (e *Engine) next(lane queue.Lane) (*lease, time.Time, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, time.Time{}, e.refusal()
	}
	if e.down != nil {
		return nil, time.Time{}, nil // outcomes could not be stored
	}
	taken, ok, due := e.state.Take(lane, e.now())
	if !ok {
		return nil, due, nil
	}
	e.taken++
	l := &lease{Lease: taken, number: e.taken, earlier: e.leases[taken.ID], ended: make(chan struct{})}
	l.Since = l.Since.Add(e.time.ahead()) // a clock's jump does not count as time of trying
	if !e.opt.Shards.Sends(l.Shard) {
		e.state.Return(l.ID)
		e.state.SetSends(l.Shard, false) // its timer is about to say so
		return nil, time.Time{}, nil
	}
	e.leases[l.ID] = l
	e.signal(e.ready[lane]) // there may be more, for others who wait
	return l, time.Time{}, nil
}

// await returns when the lane may have a due delivery. A signal wakes one waiter; if that one returns
// without calling next, it must signal again.
func (e *Engine) await(ctx context.Context, lane queue.Lane, due time.Time) error {
	var timer <-chan time.Time
	if !due.IsZero() {
		wait := due.Sub(e.clock.Now())
		if wait <= 0 {
			return nil
		}
		t := e.clock.NewTimer(wait)
		defer t.Stop()
		timer = t.C()
	}
	select {
	case <-timer:
		return nil
	case <-e.ready[lane]:
		return nil
	case <-e.closing:
		return nil // next returns the reason
	case <-ctx.Done():
		e.signal(e.ready[lane])
		return ctx.Err()
	}
}

// drop ends a delivery without an attempt. This is stored even if ctx ends meanwhile, because nothing else would
// settle the delivery.
func (e *Engine) drop(ctx context.Context, l *lease, reason string) error {
	o := queue.Outcome{Kind: queue.Dropped, At: stamp(e.clock.Now()), Reason: reason}
	return e.settle(context.WithoutCancel(ctx), l, o)
}

// postpone puts off a delivery whose event cannot be read, so that one damaged message does not block the
// others. If the whole store does not answer, or the caller's context has ended, it returns the delivery and
// the error.
func (e *Engine) postpone(ctx context.Context, l *lease, why error) error {
	e.mu.Lock()
	down := e.down != nil || e.closed || errors.Is(why, wal.ErrUnanswered)
	e.mu.Unlock()
	if down || ctx.Err() != nil {
		e.giveBack(l)
		return why
	}
	if errors.Is(why, errUnreadable) {
		e.logger.Error(why, "event is lost; its delivery ends", "delivery", l.ID.String())
		return e.drop(ctx, l, "the store has lost the event")
	}
	e.logger.Error(why, "event cannot be read; retrying later", "delivery", l.ID.String())
	now := e.clock.Now()
	o := queue.Outcome{Kind: queue.Retry, At: now, Due: now.Add(unreadablePause), Reason: "the store cannot read the event"}
	e.mu.Lock()
	l.Place = journal.Place{} // the destination did not fail
	e.mu.Unlock()
	return e.settle(context.WithoutCancel(ctx), l, o)
}

// handOut completes a delivery with its event.
func (e *Engine) handOut(ctx context.Context, l *lease) (queue.Delivery, error) {
	event, err := e.event(ctx, &l.Lease)
	if err != nil {
		return queue.Delivery{}, fmt.Errorf("read event of delivery %s: %w: %w", l.ID, queue.ErrUnavailable, err)
	}
	e.mu.Lock()
	overtaken := e.state.Overtaken(event, l.Target.Namespace, e.now())
	e.mu.Unlock()
	return queue.Delivery{
		ID: l.ID.String(), Lease: l.number, Target: l.Target, Event: *event, AccountKey: l.Place.AccountKey, Destination: l.Place.Destination, Reassignments: l.Reassignments,
		Accepted: l.Accepted, Attempt: l.Attempt, Since: l.Since, LastReason: l.LastReason, Failures: l.Failures,
		LeaseLost: l.ended, Shown: l.Shown, Newer: l.Newer, Overtaken: overtaken,
	}, nil
}

// event finds the event of a lease in memory or in the log. Trimming may move it meanwhile.
func (e *Engine) event(ctx context.Context, l *journal.Lease) (*travis.Event, error) {
	for at := l.Event; ; {
		e.mu.Lock()
		event, cached := e.events.get(at)
		e.mu.Unlock()
		if cached {
			return event, nil
		}
		event, err := e.readEvent(ctx, at)
		if err == nil {
			return event, nil
		}
		e.mu.Lock()
		now, kept := e.state.Event(l.ID)
		e.mu.Unlock()
		switch {
		case !errors.Is(err, wal.ErrGone) || !kept:
			return nil, err
		case now == at:
			return nil, e.explainGone(ctx, at.Seq, err)
		}
		at = now
	}
}

// explainGone distinguishes a lost message from one that another process has just purged.
func (e *Engine) explainGone(ctx context.Context, seq uint64, gone error) error {
	x, err := e.log.Extent(ctx)
	if err == nil && x.First <= seq {
		e.noteUnreadable(seq, seq)
		return fmt.Errorf("%w: %w", errUnreadable, gone)
	}
	return gone
}

func (e *Engine) readEvent(ctx context.Context, at journal.Position) (*travis.Event, error) {
	data, err := e.message(ctx, at.Seq)
	if err != nil {
		return nil, fmt.Errorf("message %d: %w", at.Seq, err)
	}
	entry, err := journal.SplitOne(data, at.Index)
	if err != nil {
		return nil, fmt.Errorf("message %d: %w: %w", at.Seq, errUnreadable, err)
	}
	event := entry.Event()
	if event == nil {
		return nil, fmt.Errorf("message %d: %w: entry %d has no event", at.Seq, errUnreadable, at.Index)
	}
	return event, nil
}

// message reads a message from the cache or the log.
func (e *Engine) message(ctx context.Context, seq uint64) ([]byte, error) {
	e.mu.Lock()
	data, cached := e.messages.get(seq)
	e.mu.Unlock()
	if cached {
		return data, nil
	}
	ctx, cancel := context.WithTimeout(ctx, e.opt.IOTimeout)
	defer cancel()
	data, err := e.log.Read(ctx, seq)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	e.messages.add(seq, data, len(data))
	e.mu.Unlock()
	return data, nil
}

// giveBack ends a lease without an attempt.
func (e *Engine) giveBack(l *lease) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.abandon(l)
	e.signalLanes()
}
