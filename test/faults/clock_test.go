package faults

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/jetstream"
	"github.com/travishook/travishook/internal/travis"
)

// jumps are those of a clock that was wrong, and of one that becomes so.
var jumps = map[string]time.Duration{
	"an hour forward": time.Hour, "a year forward": 365 * 24 * time.Hour,
	"an hour back": -time.Hour, "a year back": -365 * 24 * time.Hour,
}

// TestAClockThatJumps has the clock jump while one delivery waits for its retry and another is under
// way, and jump to where it was after a while. Both go out, and so does what came meanwhile.
func TestAClockThatJumps(t *testing.T) {
	for name, jump := range jumps {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			clock := clocktesting.NewFakeClock(time.Now())
			store, err := jetstream.Open(t.Context(), jetstream.Options{Dir: t.TempDir(), Clock: clock})
			g.Expect(err).NotTo(HaveOccurred())
			defer func() { g.Expect(store.Close(t.Context())).To(Succeed()) }()
			c := &clockwork{WithT: g, t: t, store: store}

			c.accept(clock.Now(), 1)
			retry, ok := c.take()
			g.Expect(ok).To(BeTrue())
			c.settle(retry, queue.Outcome{Kind: queue.Retry, At: clock.Now(), Due: clock.Now().Add(time.Minute)})
			c.accept(clock.Now(), 2)
			underWay, ok := c.take()
			g.Expect(ok).To(BeTrue())

			clock.Step(jump)
			c.settle(underWay, queue.Outcome{Kind: queue.Retry, At: clock.Now(), Due: clock.Now().Add(time.Minute)})
			c.accept(clock.Now(), 3)
			c.drain()
			clock.Step(2 * time.Minute)
			c.drain()
			clock.Step(-jump)
			clock.Step(2 * time.Minute)
			c.drain()
			g.Expect(c.delivered).To(ConsistOf(int64(1), int64(2), int64(3)))
			g.Expect(store.Ready()).To(Succeed())
		})
	}
}

// clockwork works a store by hand.
type clockwork struct {
	*WithT
	t         *testing.T
	store     *jetstream.Engine
	delivered []int64
}

func (c *clockwork) accept(at time.Time, build int64) {
	c.t.Helper()
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

// take takes what is due now in either lane.
func (c *clockwork) take() (queue.Delivery, bool) {
	c.t.Helper()
	for _, lane := range []queue.Lane{queue.Healthy, queue.Probation} {
		d, ok, err := c.store.TryTake(c.t.Context(), lane)
		c.Expect(err).NotTo(HaveOccurred())
		if ok {
			return d, true
		}
	}
	return queue.Delivery{}, false
}

func (c *clockwork) settle(d queue.Delivery, o queue.Outcome) {
	c.t.Helper()
	c.Expect(c.store.Settle(c.t.Context(), d.ID, o)).To(Succeed())
}

// drain delivers all that is due.
func (c *clockwork) drain() {
	c.t.Helper()
	for {
		d, ok := c.take()
		if !ok {
			return
		}
		c.settle(d, queue.Outcome{Kind: queue.Delivered})
		c.delivered = append(c.delivered, d.Event.Build.ID)
	}
}
