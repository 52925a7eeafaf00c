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
	// trustAfter is how long a clock that jumped forward must stay there before anything expires by it.
	trustAfter = time.Hour
)

// timekeeper compares the clock with monotonic time. The journal contains times of day, because they must outlive
// the process, and the clock jumps when it is set.
type timekeeper struct {
	clock   clock.Clock
	opened  time.Time
	offset  time.Duration // of the clock from monotonic time, at the last check
	trusted time.Duration // the part of the offset that is trusted
	aheadAt time.Duration // since opening, when the clock was first ahead of the trusted offset
}

func newTimekeeper(c clock.Clock) timekeeper { return timekeeper{clock: c, opened: c.Now()} }

// passed returns how long the store has been open, by monotonic time.
func (t *timekeeper) passed() time.Duration { return t.clock.Since(t.opened) }

// check returns the time of day, and by how much the clock was set back since the last call.
func (t *timekeeper) check() (now time.Time, back time.Duration) {
	now = t.clock.Now()
	passed := t.passed()
	offset := now.Round(0).Sub(t.opened.Round(0)) - passed
	back = t.offset - offset
	t.offset = offset
	switch {
	case t.ahead() <= slack: // correct, or set back, which is trusted without delay
		t.trusted, t.aheadAt = offset, 0
	case t.aheadAt == 0:
		t.aheadAt = passed
	case passed-t.aheadAt >= trustAfter:
		t.trusted, t.aheadAt = offset, 0
	}
	if back <= slack {
		back = 0
	}
	return now, back
}

// ahead returns by how much the clock jumped forward without being trusted yet.
func (t *timekeeper) ahead() time.Duration { return t.offset - t.trusted }

// now returns the time of day and corrects due times if the clock was set back. The caller holds the lock.
func (e *Engine) now() time.Time {
	now, back := e.time.check()
	if back > 0 {
		e.logger.Info("clock was set back", "by", back.Round(time.Second).String())
		e.clampDueTimes(now)
	}
	return now
}

// trustedNow returns the time of day without a recent jump forward, for decisions that cannot be undone if the
// clock is wrong. The caller holds the lock.
func (e *Engine) trustedNow() time.Time {
	now := e.now()
	return now.Add(-e.time.ahead())
}

// correctInherited checks the clock, and corrects due times that another clock may have set. The caller holds the lock.
func (e *Engine) correctInherited() {
	now := e.now()
	if e.inherited {
		e.inherited = false
		e.clampDueTimes(now)
	}
}

// clampDueTimes corrects due times that were set by a clock that was ahead. The caller holds the lock.
func (e *Engine) clampDueTimes(now time.Time) {
	if n := e.state.ClampDueTimes(now); n > 0 {
		e.logger.Info("corrected due times that were set by a clock that was ahead", "deliveries", n)
	}
	e.signalLanes() // the pause of a destination may be shorter, too
}

// fromTheFuture reports whether an entry was written by a clock that is ahead: another process's, or
// this one's before it was set back. Its due times must be corrected.
func fromTheFuture(entry *journal.Entry, now time.Time) bool {
	var at time.Time
	switch {
	case entry.Accept != nil:
		at = entry.Accept.At
	case entry.Settle != nil:
		at = entry.Settle.Outcome.At
	case entry.Reassign != nil:
		at = entry.Reassign.At
	case entry.Redrive != nil:
		at = entry.Redrive.At
	case entry.Wake != nil:
		at = entry.Wake.At
	default:
		at = carriedAt(entry)
	}
	return at.Sub(now) > slack
}

// carriedAt returns the latest time at which something that the entry carries was set.
func carriedAt(entry *journal.Entry) (at time.Time) {
	switch {
	case entry.Kept != nil:
		at = entry.Kept.At
		for i := range entry.Kept.Deliveries {
			d := &entry.Kept.Deliveries[i]
			at = latest(at, d.Since)
			if d.Last != nil {
				at = latest(at, d.Last.At)
			}
		}
	case entry.Channel != nil:
		at = latest(entry.Channel.At, entry.Channel.Condition.At)
	case entry.Condition != nil:
		at = entry.Condition.At
	}
	return at
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// stamp returns a time as it is read from the log.
func stamp(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Round(0)
}
