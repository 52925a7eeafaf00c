package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
	"github.com/travishook/travishook/internal/queue/wal"
)

// If several processes append to the log, each applies the messages of the others, in the log's order. An
// append names the message that it follows, so one of two concurrent appends is refused; the engine applies
// the other's message and decides again. All of this runs in the committer.

const (
	// pollInterval limits how far the state lags behind when updates of the log do not arrive.
	pollInterval = time.Second
	// updateTimeout is how long to wait for the update with a message that is known to exist.
	updateTimeout = 50 * time.Millisecond
	// The process that appended last is the first to know the log's end, and would always win. So it
	// pauses for a random time after each append while others write.
	minYield = time.Millisecond
	maxYield = 5 * time.Millisecond
	// yieldWindow is for how long after another process's message it pauses.
	yieldWindow = time.Second
)

// applyUpdate applies a message from the log's updates.
func (e *Engine) applyUpdate(m wal.Message) {
	if err := e.applyNext(m); err != nil {
		e.failFollowing(err)
	}
}

func (e *Engine) failFollowing(err error) {
	_ = e.fail(fmt.Errorf("follow journal: %w", err))
	e.awaitRecovery()
}

// applyNext applies m if it is the next message. If there is a gap, it reads what is missing.
func (e *Engine) applyNext(m wal.Message) error {
	switch {
	case m.Seq <= e.last: // already applied, as most are this process's own
		return nil
	case m.Seq > e.last+1:
		return e.poll()
	}
	e.othersWrote = time.Now()
	entries, err := journal.Split(m.Data)
	if err != nil {
		return fmt.Errorf("message %d: %w", m.Seq, err)
	}
	e.applyRemote(m.Seq, entries, len(m.Data))
	return nil
}

// follow applies the messages of others after a conflict.
func (e *Engine) follow() error {
	if err := e.awaitUpdate(); err != nil {
		return e.fail(fmt.Errorf("follow journal: %w", err))
	}
	return nil
}

// awaitUpdate applies at least one message, if there is one.
func (e *Engine) awaitUpdate() error {
	late := time.NewTimer(updateTimeout)
	defer late.Stop()
	for before := e.last; e.last == before; {
		select {
		case m := <-e.updates:
			if err := e.applyNext(m); err != nil {
				return err
			}
		case <-late.C:
			// The update is late, or the other process's message was never committed.
			return e.poll()
		case <-e.ctx.Done():
			return e.ctx.Err()
		}
	}
	return nil
}

// poll reads the log's extent, and applies missing messages.
func (e *Engine) poll() error {
	ctx, cancel := context.WithTimeout(e.ctx, recoverTimeout)
	defer cancel()
	e.polled = time.Now()
	return e.catchUp(ctx)
}

// pollIfDue polls once every pollInterval.
func (e *Engine) pollIfDue() {
	if e.updates == nil || time.Since(e.polled) < pollInterval {
		return
	}
	if err := e.poll(); err != nil {
		e.failFollowing(err)
	}
}

// pollTicker ticks only if other processes append.
func (e *Engine) pollTicker() *time.Ticker {
	t := time.NewTicker(pollInterval)
	if e.updates == nil {
		t.Stop()
	}
	return t
}

// yield pauses so that others can append, if they have written recently.
func (e *Engine) yield() {
	if e.othersWrote.IsZero() || time.Since(e.othersWrote) > yieldWindow {
		return
	}
	pause := minYield + time.Duration(e.random.Int64N(int64(maxYield-minYield)))
	over := time.NewTimer(pause)
	defer over.Stop()
	for before := e.last; e.last == before; {
		select {
		case m := <-e.updates:
			e.applyUpdate(m)
		case <-over.C:
			return
		case <-e.closing:
			return
		}
	}
}

// startOver discards the state, because the log was trimmed beyond the last applied message: this process
// was disconnected for too long. Nothing is handed out until the log's end is reached, because before that
// the state is inconsistent.
func (e *Engine) startOver(first uint64) {
	e.logger.Info("reading the store again: the log does not continue after the last applied message", "applied", e.last, "first", first)
	e.pass.ahead = nil
	fresh := journal.New(e.opt.Remember)
	e.mu.Lock()
	defer e.mu.Unlock()
	for lane, n := range e.slots {
		fresh.SetSlots(queue.Lane(lane), n)
	}
	for _, l := range e.leases {
		l.lose() // what was delivered is settled all the same
	}
	for shard := range e.sends {
		fresh.SetSends(shard, false)
	}
	e.state, e.rereading, e.missing = fresh, true, 0
	e.last = first - 1
}

// endRereading hands out deliveries again, once all of the log is applied and every earlier attempt is
// settled: the new state does not know those attempts, and would repeat a message that was just delivered.
// Until then each poll retries. The caller holds the lock.
func (e *Engine) endRereading() {
	if !e.rereading || e.updates != nil && len(e.leases) > 0 {
		return
	}
	e.rereading = false
	for shard, sends := range e.sends {
		e.state.SetSends(shard, sends)
	}
	e.signalLanes()
}

// overtaken reports whether err means that another process has written meanwhile.
func overtaken(err error) bool {
	return !errors.Is(err, queue.ErrUnavailable) && (errors.Is(err, wal.ErrConflict) || errors.Is(err, wal.ErrGone))
}
