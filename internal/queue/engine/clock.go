package engine

import (
	"time"

	"k8s.io/utils/clock"

	"github.com/travishook/travishook/internal/queue/journal"
)

const (
	// slack is how far the clock and the monotonic time may drift apart between two checks: clocks are
	// also corrected in small steps.
	slack = time.Second
	// doubtFor is how long a clock that has jumped forward must have stayed there before anything
	// expires by it.
	doubtFor = time.Hour
)

// timekeeper compares the clock with monotonic time. What is stored carries the time of day, because it
// outlives the process; and the clock jumps when it is set.
type timekeeper struct {
	clock   clock.Clock
	opened  time.Time
	offset  time.Duration // of the clock from the time that has passed, at the last look
	trusted time.Duration // as much of it as is believed
	doubted time.Duration // what had passed when the clock was first found ahead of that
}

func newTimekeeper(c clock.Clock) timekeeper { return timekeeper{clock: c, opened: c.Now()} }

// passed is how long the store has been open, whatever the clock did meanwhile.
func (t *timekeeper) passed() time.Duration { return t.clock.Since(t.opened) }

// look returns the time of day, and by how much the clock was set back since the last call.
func (t *timekeeper) look() (now time.Time, back time.Duration) {
	now = t.clock.Now()
	passed := t.passed()
	offset := now.Round(0).Sub(t.opened.Round(0)) - passed
	back = t.offset - offset
	t.offset = offset
	switch {
	case t.ahead() <= slack: // right, or set back, which is believed at once
		t.trusted, t.doubted = offset, 0
	case t.doubted == 0:
		t.doubted = passed
	case passed-t.doubted >= doubtFor:
		t.trusted, t.doubted = offset, 0
	}
	if back <= slack {
		back = 0
	}
	return now, back
}

// ahead is by how much the clock has jumped forward and is not trusted yet.
func (t *timekeeper) ahead() time.Duration { return t.offset - t.trusted }

// now is the time of day. If the clock was set back, due times are moved with it. The caller holds the
// lock.
func (e *Engine) now() time.Time {
	now, back := e.time.look()
	if back > 0 {
		e.logger.Info("the clock was set back", "by", back.Round(time.Second).String())
		e.rewind(now)
	}
	return now
}

// sure is the time of day without a recent jump forward: for what cannot be undone if the clock turns
// out to be wrong. The caller holds the lock.
func (e *Engine) sure() time.Time {
	now := e.now()
	return now.Add(-e.time.ahead())
}

// rewind moves due times that were set by a clock that was ahead, so that no delivery waits for longer
// than it was to. The caller holds the lock.
func (e *Engine) rewind(now time.Time) {
	if n := e.state.Rewind(now); n > 0 {
		e.logger.Info("deliveries that a clock that was ahead told to wait are due earlier now", "deliveries", n)
		e.signalLanes()
	}
}

// fromTheFuture reports whether an entry was written by a clock that is ahead: another process's, or
// this one's before it was set back. What it says is due would wait until our clock gets there. The
// caller holds the lock.
func (e *Engine) fromTheFuture(entry *journal.Entry) bool {
	var at time.Time
	switch {
	case entry.Accept != nil:
		at = entry.Accept.At
	case entry.Settle != nil:
		at = entry.Settle.Outcome.At
	case entry.Move != nil:
		at = entry.Move.At
	case entry.Resume != nil:
		at = entry.Resume.At
	case entry.Wake != nil:
		at = entry.Wake.At
	}
	return at.Sub(e.clock.Now()) > slack
}
