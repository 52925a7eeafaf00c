package journal

import (
	"time"

	"github.com/travishook/travishook/internal/queue"
)

// Rewind is for a clock that was set back to now. What was stored while it was ahead would wait until
// the clock comes to that time again: so whatever would wait for longer than it was to, from now on,
// waits for as long as it was to. Where no time lies in the future, nothing changes. It returns how many
// deliveries wait for less now.
//
// What is known of builds stays as it is: to know a replay for longer does no harm. Nothing of this is
// in the log; after a replay it is done again.
func (s *State) Rewind(now time.Time) (sooner int) {
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
		d.rewind(at)
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

func (c *condition) rewind(at int64) {
	told := min(c.told, at)
	for _, t := range []*int64{&c.until, &c.rest} {
		if wait := *t - c.told; *t-at > wait {
			*t = at + max(wait, 0)
		}
	}
	if c.told != 0 {
		c.told = told
	}
}

// wait is how long the delivery was to wait after its last attempt. One that was accepted or begun
// again has nothing to wait for, and one that is dead has been so since its time.
func (d *delivery) wait() int64 {
	if d.state == dead || d.last == nil || d.last.Kind != queue.Retry {
		return 0
	}
	return max(0, int64(d.last.Due.Sub(d.last.At)))
}
