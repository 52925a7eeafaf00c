package faults

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/embedded"
	"github.com/travishook/travishook/internal/queue/engine"
	"github.com/travishook/travishook/internal/queue/queuetest"
	"github.com/travishook/travishook/internal/travis"
)

// jumps are the changes of the clock: it is corrected, or becomes wrong.
var jumps = map[string]time.Duration{
	"an hour forward": time.Hour, "a year forward": 365 * 24 * time.Hour,
	"an hour back": -time.Hour, "a year back": -365 * 24 * time.Hour,
}

// jumpingClock is a wall clock that can be set, while elapsed time is not affected.
type jumpingClock struct {
	*clocktesting.FakeClock
	ahead  atomic.Int64
	opened time.Duration // by how much it was ahead when the store was opened
}

func (c *jumpingClock) Now() time.Time {
	return c.FakeClock.Now().Add(time.Duration(c.ahead.Load()))
}

func (c *jumpingClock) Since(t time.Time) time.Duration {
	return c.FakeClock.Now().Add(c.opened).Sub(t)
}

// afterJump is what else happens during the minute for which a delivery waits.
var afterJump = map[string]func(c *clockFixture){
	"and stays there":                       func(*clockFixture) {},
	"and is set right":                      func(c *clockFixture) { c.clock.ahead.Store(0) },
	"and the operator restarts":             func(c *clockFixture) { c.restart() },
	"and is set right before a restart":     func(c *clockFixture) { c.clock.ahead.Store(0); c.restart() },
	"and is set right after a restart":      func(c *clockFixture) { c.restart(); c.clock.ahead.Store(0) },
	"and jumps once more by as much":        func(c *clockFixture) { c.clock.ahead.Store(2 * c.clock.ahead.Load()) },
	"and is wrong by as much the other way": func(c *clockFixture) { c.clock.ahead.Store(-c.clock.ahead.Load()) },
}

// TestAClockThatJumps sets the clock while one delivery waits for its retry, another is under way and a
// third is a dead letter. The retry is sent after its minute, and so is what arrived meanwhile; the dead
// letter can be redriven.
func TestAClockThatJumps(t *testing.T) {
	for jumped, jump := range jumps {
		for after, happens := range afterJump {
			t.Run(jumped+" "+after, func(t *testing.T) {
				c := newClockFixture(t)
				c.accept(1)
				c.settle(c.take(), queue.Outcome{Kind: queue.Dead, At: c.clock.Now()})
				c.accept(2)
				c.retryInAMinute(c.take())
				c.accept(3)
				underWay := c.take()

				c.clock.ahead.Store(int64(jump))
				c.retryInAMinute(underWay)
				c.accept(4)
				happens(c)
				c.drain() // taking a delivery makes the store check the clock
				c.clock.Step(time.Minute)
				c.Eventually(c.drain).WithTimeout(timeout).Should(ConsistOf(int64(2), int64(3), int64(4)))

				redriven, err := c.store.Redrive(t.Context(), queue.Query{})
				c.Expect(redriven, err).To(Equal(1))
				c.Eventually(c.drain).WithTimeout(timeout).Should(ContainElement(int64(1)))
				c.Expect(c.store.Ready()).To(Succeed())
			})
		}
	}
}

// clockFixture is a store with a clock that a test sets.
type clockFixture struct {
	*WithT
	t         *testing.T
	dir       string
	clock     *jumpingClock
	store     *engine.Engine
	delivered []int64
}

func newClockFixture(t *testing.T) *clockFixture {
	c := &clockFixture{
		WithT: NewWithT(t), t: t, dir: t.TempDir(),
		clock: &jumpingClock{FakeClock: clocktesting.NewFakeClock(time.Now())},
	}
	c.open()
	t.Cleanup(func() { c.Expect(c.store.Close(context.Background())).To(Succeed()) })
	return c
}

func (c *clockFixture) open() {
	c.t.Helper()
	var err error
	c.store, err = embedded.OpenStore(c.t.Context(), c.dir, engine.Options{Clock: c.clock})
	c.Expect(err).NotTo(HaveOccurred())
}

func (c *clockFixture) restart() {
	c.t.Helper()
	c.Expect(c.store.Close(c.t.Context())).To(Succeed())
	ahead := c.clock.ahead.Load()
	c.clock = &jumpingClock{FakeClock: c.clock.FakeClock, opened: time.Duration(ahead)}
	c.clock.ahead.Store(ahead)
	c.open()
}

func (c *clockFixture) accept(build int64) {
	c.t.Helper()
	at := c.clock.Now()
	event := travis.Event{
		Repository: travis.Repository{ID: 1, Owner: "team", Name: "project"},
		Build:      travis.Build{ID: build, Result: travis.Passed, Finished: at},
	}
	room := fmt.Sprintf("#%d", build)
	_, err := c.store.Accept(c.t.Context(), queue.Acceptance{Event: event, Received: at, Offers: []queue.Offer{{
		Namespace: "team",
		Targets:   []queue.Target{{Namespace: "team", Route: "route", RouteUID: "1", Account: "chat", Address: room, Channel: room}},
	}}})
	c.Expect(err).NotTo(HaveOccurred())
}

// take takes what must be due now.
func (c *clockFixture) take() queue.Delivery {
	c.t.Helper()
	var d queue.Delivery
	c.Eventually(func() (ok bool) {
		d, ok = c.tryTake()
		return ok
	}).WithTimeout(timeout).Should(BeTrue())
	return d
}

// tryTake takes what is due now in either lane.
func (c *clockFixture) tryTake() (queue.Delivery, bool) {
	c.t.Helper()
	for _, lane := range []queue.Lane{queue.Healthy, queue.Probation} {
		d, ok, err := queuetest.Take(c.store, lane, 20*time.Millisecond)
		c.Expect(err).NotTo(HaveOccurred())
		if ok {
			return d, true
		}
	}
	return queue.Delivery{}, false
}

func (c *clockFixture) retryInAMinute(d queue.Delivery) {
	c.t.Helper()
	c.settle(d, queue.Outcome{Kind: queue.Retry, At: c.clock.Now(), Due: c.clock.Now().Add(time.Minute)})
}

func (c *clockFixture) settle(d queue.Delivery, o queue.Outcome) {
	c.t.Helper()
	c.Expect(c.store.Settle(c.t.Context(), d.ID, o)).To(Succeed())
}

// drain delivers all that is due, and returns everything that was delivered. On a busy machine it may miss
// what has just become due.
func (c *clockFixture) drain() []int64 {
	c.t.Helper()
	for {
		d, ok := c.tryTake()
		if !ok {
			return c.delivered
		}
		c.settle(d, queue.Outcome{Kind: queue.Delivered, At: c.clock.Now()})
		c.delivered = append(c.delivered, d.Event.Build.ID)
	}
}
