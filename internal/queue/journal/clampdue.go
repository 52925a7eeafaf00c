package journal

import (
	"time"

	"github.com/travishook/travishook/internal/queue"
)

// ClampDueTimes corrects due times after the clock was set back to now. Times that were set while the clock was
// ahead would delay deliveries until the clock reaches them again, so each remaining wait is limited to its
// intended length. It returns how many deliveries became due earlier.
//
// The state of builds is unchanged, because remembering a build for longer is harmless. The correction is not in
// the log; it is repeated after a replay.
func (s *State) ClampDueTimes(now time.Time) (sooner int) {
	at := now.UnixNano()
	for _, d := range s.deliveries {
		d.since = min(d.since, at)
		if wait := d.wait(); d.due-at > wait {
			d.due = at + wait
			if d.state != dead {
				sooner++
			}
		}
	}
	for _, c := range s.channels {
		if wait := c.until - c.paused; c.until-at > wait {
			c.until, c.paused = at+wait, at
		}
		c.heads.init()
	}
	for _, d := range s.destinations {
		d.clampDueTimes(at)
		for _, f := range d.flows {
			s.suspend(f)
			f.channels.init()
		}
	}
	for _, d := range s.destinations {
		s.scheduleAll(d)
	}
	return sooner
}

func (c *condition) clampDueTimes(at int64) {
	setAt := min(c.setAt, at)
	for _, t := range []*int64{&c.until, &c.rest} {
		if wait := *t - c.setAt; *t-at > wait {
			*t = at + max(wait, 0)
		}
	}
	if c.setAt != 0 {
		c.setAt = setAt
	}
}

// wait returns the delay that the last attempt's outcome asked for. It is zero for a delivery that was just
// accepted, was redriven, or is dead.
func (d *delivery) wait() int64 {
	if d.state == dead || d.last == nil || d.last.Kind != queue.Retry {
		return 0
	}
	return max(0, int64(d.last.Due.Sub(d.last.At)))
}
