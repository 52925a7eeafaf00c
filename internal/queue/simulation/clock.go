package simulation

import (
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"
)

// machineClock is a machine's wall clock, which is sometimes set. Timers and Since are not affected.
type machineClock struct {
	clock.RealClock
	opened time.Duration // how far the clock was ahead when the process started
	ahead  *atomic.Int64 // how far it is ahead now
}

func (c *machineClock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *machineClock) Since(t time.Time) time.Duration { return time.Now().Add(c.opened).Sub(t) }

// toMachine turns true time into the machine's, and fromMachine back.
func (c *machineClock) toMachine(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(time.Duration(c.ahead.Load()))
}

func (c *machineClock) fromMachine(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(-time.Duration(c.ahead.Load()))
}
