package journal

import (
	"container/heap"
	"time"

	"github.com/travishook/travishook/internal/queue"
)

// Rewind is for a clock that was set back to now. What was told while it was ahead would wait until
// the clock has come to that time again: so whatever would wait for longer than it was told to, from
// now on, waits for as long as it was told to. Where nothing was told in the future, nothing changes.
// It returns how many deliveries wait for less now.
//
// What was seen stays as it is, for to know a replay for longer does no harm. Nothing of it is in the
// log: after a replay it is done again.
func (s *State) Rewind(now time.Time) (hurried int) {
	at := now.UnixNano()
	for _, d := range s.deliveries {
		d.since = min(d.since, at)
		if wait := d.wait(); d.due-at > wait {
			d.due = at + wait
			if d.state != dead {
				hurried++
			}
		}
	}
	for _, c := range s.channels {
		if wait := c.until - c.told; c.until-at > wait {
			c.until, c.told = at+wait, at
		}
		heap.Init(&c.heads)
		s.place(c)
	}
	return hurried
}

// wait is what the delivery was told to wait by what came of its last attempt. One that was accepted
// or begun again has nothing to wait for, and one that is dead has been so since its time.
func (d *delivery) wait() int64 {
	if d.state == dead || d.last == nil || d.last.Kind != queue.Retry {
		return 0
	}
	return max(0, int64(d.last.Due.Sub(d.last.At)))
}
