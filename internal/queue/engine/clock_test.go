package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/wal"
	"github.com/travishook/travishook/internal/queue/wal/waltest"
)

// jumpingClock is a wall clock that a test sets, while monotonic time is not affected.
type jumpingClock struct {
	clock.RealClock
	opened time.Duration // by how much it was ahead when the store was opened
	ahead  atomic.Int64
}

func (c *jumpingClock) Now() time.Time                  { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *jumpingClock) Since(t time.Time) time.Duration { return time.Now().Add(c.opened).Sub(t) }
func (c *jumpingClock) set(ahead time.Duration)         { c.ahead.Store(int64(ahead)) }

const year = 365 * 24 * time.Hour

// withJumpingClock opens a store in a bubble of its own.
func withJumpingClock(t *testing.T, test func(t *testing.T, e *Engine, c *jumpingClock)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := &jumpingClock{}
		e := openOn(t, newMemoryLog(), Options{Clock: c})
		defer closeNow(t, e)
		test(t, e, c)
	})
}

func TestTakeWakesWhenTheClockIsSetBack(t *testing.T) {
	withJumpingClock(t, func(t *testing.T, e *Engine, c *jumpingClock) {
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
		c := &jumpingClock{opened: year}
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

func TestAnEventThatAFastClockAcceptedIsSentAtOnce(t *testing.T) {
	withJumpingClock(t, func(t *testing.T, e *Engine, c *jumpingClock) {
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

// TestWhatAFastClockAcceptedIsDueWhenTheLogAnswersAgain: a log that fails again and again leaves no time for the pulse.
func TestWhatAFastClockAcceptedIsDueWhenTheLogAnswersAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemoryLog()
		e := openOn(t, l, Options{Clock: &jumpingClock{}})
		defer closeNow(t, e)
		l.set(func(l *memoryLog) { l.fault = storedUnanswered })
		a := acceptance(1, "room")
		a.Received = time.Now().Add(year)
		if _, err := e.Accept(t.Context(), a); !errors.Is(err, queue.ErrUnavailable) {
			t.Fatal(err)
		}
		l.set(func(l *memoryLog) { l.fault = nil })
		if _, err := e.Take(t.Context(), queue.Healthy); err != nil {
			t.Fatal(err)
		}
		if e.time.passed() >= pulseInterval {
			t.Errorf("it is due %v after the start, want when the log answers again", e.time.passed())
		}
	})
}

// TestNothingExpiresRightAfterAClockJump: what expires because of a wrong clock would be lost when the
// clock is corrected.
func TestNothingExpiresRightAfterAClockJump(t *testing.T) {
	withJumpingClock(t, func(t *testing.T, e *Engine, c *jumpingClock) {
		d := acceptAndTake(t, e)
		if err := e.Settle(t.Context(), d.ID, queue.Outcome{Kind: queue.Dead, At: c.Now()}); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Accept(t.Context(), acceptance(2, "#b")); err != nil {
			t.Fatal(err)
		}
		c.set(year)
		time.Sleep(trustAfter / 2)
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
		if tried := c.Now().Sub(d.Since).Round(time.Second); tried != trustAfter/2 {
			t.Errorf("a delivery of half an hour ago is tried for %v", tried)
		}

		time.Sleep(trustAfter)
		if kept := e.Deliveries(queue.Query{}); len(kept) != 1 {
			t.Errorf("%d deliveries are kept, want that a clock that stays where it is is believed", len(kept))
		}
	})
}

// TestAClockThatWasAheadForAMoment: it jumps and is set back between two checks of the clock.
func TestAClockThatWasAheadForAMoment(t *testing.T) {
	withJumpingClock(t, func(t *testing.T, e *Engine, c *jumpingClock) {
		d := acceptAndTake(t, e)
		c.set(5 * time.Hour)
		settleRetry(t, e, d, c)
		c.set(0)
		if waited := timeToTake(t, e); waited > time.Minute+2*pulseInterval {
			t.Errorf("what was to wait for a minute waited for %v", waited)
		}
	})
}

// absentLog is a log that one process cannot reach for a while.
type absentLog struct {
	wal.Log
	away atomic.Bool
}

func (l *absentLog) Extent(ctx context.Context) (wal.Extent, error) {
	if l.away.Load() {
		return wal.Extent{}, errDisk
	}
	return l.Log.Extent(ctx)
}

func (*absentLog) Updates() <-chan wal.Message { return make(chan wal.Message) }

// TestAReplicaWithAFastClockDelaysNoOther: a retry is stored by a replica whose clock is ahead, which then
// trims the log. Another replica, whose clock is right, follows, or reads the log from its new beginning.
func TestAReplicaWithAFastClockDelaysNoOther(t *testing.T) {
	for name, away := range map[string]bool{"it follows": false, "it was away": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shared := waltest.NewMemory(0)
				c := &jumpingClock{}
				fast := openOn(t, shared.Open(true), Options{Clock: c})
				defer closeNow(t, fast)
				l := &absentLog{Log: shared.Open(true)}
				other := openOn(t, l, Options{})
				defer closeNow(t, other)
				time.Sleep(2 * pollInterval)
				l.away.Store(away)

				d := acceptAndTake(t, fast)
				c.set(5 * time.Hour)
				settleRetry(t, fast, d, c)
				time.Sleep(2 * pulseInterval) // the other has corrected it, unless it is away
				trimAll(t, fast)
				l.away.Store(false)
				if waited := timeToTake(t, other); waited > 2*time.Minute {
					t.Errorf("what was to wait for a minute waited for %v", waited)
				}
			})
		})
	}
}

// trimAll has the engine carry all that is alive to the log's end.
func trimAll(t *testing.T, e *Engine) {
	t.Helper()
	r := newEmptyRequest()
	last := uint64(0)
	r.decide = func() error {
		last, e.pass.until, e.pass.budget = e.last, e.last, stepCarry
		return nil
	}
	if err := e.submit(r); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	if x, err := e.log.Extent(t.Context()); err != nil || x.First <= last {
		t.Fatalf("the log begins at message %d after it was trimmed up to %d: %v", x.First, last, err)
	}
}

// settleRetry settles a delivery that is due again after a minute, by that clock.
func settleRetry(t *testing.T, e *Engine, d queue.Delivery, c clock.PassiveClock) {
	t.Helper()
	if err := e.Settle(t.Context(), d.ID, queue.Outcome{Kind: queue.Retry, At: c.Now(), Due: c.Now().Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
}

// timeToTake returns after what time a delivery that was retried is handed out.
func timeToTake(t *testing.T, e *Engine) time.Duration {
	t.Helper()
	began := time.Now()
	if _, err := e.Take(t.Context(), queue.Probation); err != nil {
		t.Fatal(err)
	}
	return time.Since(began)
}
