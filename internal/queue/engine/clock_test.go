package engine

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"

	"github.com/travishook/travishook/internal/queue"
)

// jumpy is the time of day where somebody sets the clock, while time passes as it does.
type jumpy struct {
	clock.RealClock
	opened time.Duration // by how much it was ahead when the store was opened
	ahead  atomic.Int64
}

func (c *jumpy) Now() time.Time                  { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *jumpy) Since(t time.Time) time.Duration { return time.Now().Add(c.opened).Sub(t) }
func (c *jumpy) set(ahead time.Duration)         { c.ahead.Store(int64(ahead)) }

const year = 365 * 24 * time.Hour

// jumpyStore opens a store in a bubble of its own.
func jumpyStore(t *testing.T, test func(t *testing.T, e *Engine, c *jumpy)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := &jumpy{}
		e := openOn(t, newMemoryLog(), Options{Clock: c})
		defer closeNow(t, e)
		test(t, e, c)
	})
}

func TestWhoWaitsIsWokenWhenTheClockIsSetBack(t *testing.T) {
	jumpyStore(t, func(t *testing.T, e *Engine, c *jumpy) {
		c.set(year)
		d := acceptAndTake(t, e)
		retry := queue.Outcome{Kind: queue.Retry, At: c.Now(), Due: c.Now().Add(time.Minute)}
		if err := e.Settle(t.Context(), d.ID, retry); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		took := make(chan time.Duration, 1)
		go func() {
			if _, err := e.Take(t.Context(), queue.Probation); err != nil {
				t.Error(err)
			}
			took <- time.Since(began)
		}()
		synctest.Wait()
		c.set(0)
		if waited := <-took; waited < time.Minute || waited > time.Minute+2*pulseInterval {
			t.Errorf("what was to wait for a minute waited for %v", waited)
		}
	})
}

func TestAClockThatWasAheadAtTheLastStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemoryLog()
		c := &jumpy{opened: year}
		c.set(year)
		e := openOn(t, l, Options{Clock: c})
		d := acceptAndTake(t, e)
		retry := queue.Outcome{Kind: queue.Retry, At: c.Now(), Due: c.Now().Add(time.Minute)}
		if err := e.Settle(t.Context(), d.ID, retry); err != nil {
			t.Fatal(err)
		}
		closeNow(t, e)

		e = openOn(t, l, Options{})
		defer closeNow(t, e)
		began := time.Now()
		d, err := e.Take(t.Context(), queue.Probation)
		if err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited != time.Minute || d.Since.After(began) {
			t.Errorf("what was to wait for a minute waited for %v, and is tried since %v", waited, d.Since)
		}
	})
}

// TestAJumpForwardForgetsNothing: what is given up by a clock that is wrong does not come back when
// it is right.
func TestAnEventThatAFastClockAcceptedIsSentAtOnce(t *testing.T) {
	jumpyStore(t, func(t *testing.T, e *Engine, c *jumpy) {
		a := acceptance(1, "room")
		a.Received = c.Now().Add(year) // by the clock of another replica, or by ours before it was set back
		if _, err := e.Accept(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := e.Take(t.Context(), queue.Healthy); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited > 2*pulseInterval {
			t.Errorf("it was sent after %v", waited)
		}
	})
}

func TestAJumpForwardForgetsNothing(t *testing.T) {
	jumpyStore(t, func(t *testing.T, e *Engine, c *jumpy) {
		d := acceptAndTake(t, e)
		if err := e.Settle(t.Context(), d.ID, queue.Outcome{Kind: queue.Dead, At: c.Now()}); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Accept(t.Context(), acceptance(2, "#b")); err != nil {
			t.Fatal(err)
		}
		c.set(year)
		time.Sleep(doubtFor / 2)
		if kept := e.Deliveries(queue.Query{}); len(kept) != 2 {
			t.Errorf("%d deliveries are kept, want the dead and the one that waits", len(kept))
		}
		if again, err := e.Accept(t.Context(), acceptance(1, "#a")); err != nil || len(again.Seen) != 1 {
			t.Errorf("an event that was seen: %+v, %v", again, err)
		}
		d, err := e.Take(t.Context(), queue.Healthy)
		if err != nil {
			t.Fatal(err)
		}
		if tried := c.Now().Sub(d.Since).Round(time.Second); tried != doubtFor/2 {
			t.Errorf("a delivery of half an hour ago is tried for %v", tried)
		}

		time.Sleep(doubtFor)
		if kept := e.Deliveries(queue.Query{}); len(kept) != 1 {
			t.Errorf("%d deliveries are kept, want that a clock that stays where it is is believed", len(kept))
		}
	})
}
