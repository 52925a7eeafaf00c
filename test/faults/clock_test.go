package faults

import (
	"context"
	"fmt"
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

// jumps are those of a clock that was wrong, and of one that becomes so.
var jumps = map[string]time.Duration{
	"an hour forward": time.Hour, "a year forward": 365 * 24 * time.Hour,
	"an hour back": -time.Hour, "a year back": -365 * 24 * time.Hour,
}

// jumpy is the time of day where somebody sets the clock, while time passes as it does.
type jumpy struct {
	*clocktesting.FakeClock
	ahead  time.Duration
	opened time.Duration // by how much it was ahead when the store was opened
}

func (c *jumpy) Now() time.Time                  { return c.FakeClock.Now().Add(c.ahead) }
func (c *jumpy) Since(t time.Time) time.Duration { return c.FakeClock.Now().Add(c.opened).Sub(t) }

// whiles are what else happens before the minute is over that something was told to wait.
var whiles = map[string]func(c *clockwork){
	"and stays there":                       func(*clockwork) {},
	"and is set right":                      func(c *clockwork) { c.clock.ahead = 0 },
	"and the operator restarts":             func(c *clockwork) { c.restart() },
	"and is set right before a restart":     func(c *clockwork) { c.clock.ahead = 0; c.restart() },
	"and is set right after a restart":      func(c *clockwork) { c.restart(); c.clock.ahead = 0 },
	"and jumps once more by as much":        func(c *clockwork) { c.clock.ahead *= 2 },
	"and is wrong by as much the other way": func(c *clockwork) { c.clock.ahead *= -1 },
}

// TestAClockThatJumps has the clock jump while one delivery waits for its retry, another is under way,
// and a third has been given up. What was told to wait for a minute goes out after a minute, and so
// does what came meanwhile; what was given up can be redriven.
func TestAClockThatJumps(t *testing.T) {
	for jumped, jump := range jumps {
		for while, happens := range whiles {
			t.Run(jumped+" "+while, func(t *testing.T) {
				c := newClockwork(t)
				c.accept(1)
				c.settle(c.take(), queue.Outcome{Kind: queue.Dead, At: c.clock.Now()})
				c.accept(2)
				c.retryInAMinute(c.take())
				c.accept(3)
				underWay := c.take()

				c.clock.ahead = jump
				c.retryInAMinute(underWay)
				c.accept(4)
				happens(c)
				c.drain() // whoever asks for what is due has the store look at the clock
				c.clock.Step(time.Minute)
				c.drain()
				c.Expect(c.delivered).To(ConsistOf(int64(2), int64(3), int64(4)))

				redriven, err := c.store.Redrive(t.Context(), queue.Query{})
				c.Expect(redriven, err).To(Equal(1))
				c.drain()
				c.Expect(c.delivered).To(ContainElement(int64(1)))
				c.Expect(c.store.Ready()).To(Succeed())
			})
		}
	}
}

// clockwork works a store by hand.
type clockwork struct {
	*WithT
	t         *testing.T
	dir       string
	clock     *jumpy
	store     *engine.Engine
	delivered []int64
}

func newClockwork(t *testing.T) *clockwork {
	c := &clockwork{
		WithT: NewWithT(t), t: t, dir: t.TempDir(),
		clock: &jumpy{FakeClock: clocktesting.NewFakeClock(time.Now())},
	}
	c.open()
	t.Cleanup(func() { c.Expect(c.store.Close(context.Background())).To(Succeed()) })
	return c
}

func (c *clockwork) open() {
	c.t.Helper()
	var err error
	c.store, err = embedded.OpenStore(c.t.Context(), c.dir, engine.Options{Clock: c.clock})
	c.Expect(err).NotTo(HaveOccurred())
}

func (c *clockwork) restart() {
	c.t.Helper()
	c.Expect(c.store.Close(c.t.Context())).To(Succeed())
	c.clock = &jumpy{FakeClock: c.clock.FakeClock, ahead: c.clock.ahead, opened: c.clock.ahead}
	c.open()
}

func (c *clockwork) accept(build int64) {
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
func (c *clockwork) take() queue.Delivery {
	c.t.Helper()
	var d queue.Delivery
	c.Eventually(func() (ok bool) {
		d, ok = c.tryTake()
		return ok
	}).WithTimeout(10 * time.Second).Should(BeTrue())
	return d
}

// tryTake takes what is due now in either lane.
func (c *clockwork) tryTake() (queue.Delivery, bool) {
	c.t.Helper()
	for _, lane := range []queue.Lane{queue.Healthy, queue.Probation} {
		d, ok, err := queuetest.Take(c.store, lane, 200*time.Millisecond)
		c.Expect(err).NotTo(HaveOccurred())
		if ok {
			return d, true
		}
	}
	return queue.Delivery{}, false
}

func (c *clockwork) retryInAMinute(d queue.Delivery) {
	c.t.Helper()
	c.settle(d, queue.Outcome{Kind: queue.Retry, At: c.clock.Now(), Due: c.clock.Now().Add(time.Minute)})
}

func (c *clockwork) settle(d queue.Delivery, o queue.Outcome) {
	c.t.Helper()
	c.Expect(c.store.Settle(c.t.Context(), d.ID, o)).To(Succeed())
}

// drain delivers all that is due.
func (c *clockwork) drain() {
	c.t.Helper()
	for {
		d, ok := c.tryTake()
		if !ok {
			return
		}
		c.settle(d, queue.Outcome{Kind: queue.Delivered, At: c.clock.Now()})
		c.delivered = append(c.delivered, d.Event.Build.ID)
	}
}
