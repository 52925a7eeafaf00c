// Package queuetest tests the contract of the queue.
package queuetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

// Store is a queue that can be closed.
type Store interface {
	queue.Queue
	Close(ctx context.Context) error
}

// Open opens the store in dir, with the defaults and the given clock. The caller closes it.
type Open func(t testing.TB, dir string, clk clock.Clock) Store

const (
	// dueTimeout is how long a delivery that is due may take to be handed out.
	dueTimeout = time.Minute
	// idleTimeout is how long to wait until nothing is considered due.
	idleTimeout = 20 * time.Millisecond
)

// Take returns a delivery, if one is handed out within the time.
func Take(q queue.Queue, lane queue.Lane, within time.Duration) (d queue.Delivery, ok bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	d, err = q.Take(ctx, lane)
	if errors.Is(err, context.DeadlineExceeded) {
		return d, false, nil
	}
	return d, err == nil, err
}

// Run runs all tests of the contract, each in a store of its own.
func Run(t *testing.T, open Open) {
	tests := map[string]func(*fixture){
		"an accepted event is handed out whole":                  testHandOut,
		"an event is stored once per namespace":                  testSeen,
		"one event accepted many times at once, stored once":     testSeenAtOnce,
		"events of a build keep their order":                     testOrder,
		"a channel sends one at a time, others go on":            testOnePerChannel,
		"a failing channel waits in probation":                   testLanes,
		"a message that never goes through holds up none":        testPoison,
		"a failing channel is known for how long it fails":       testFailures,
		"a retry is due when it says":                            testRetryDue,
		"a newer state of the build supersedes a late one":       testSuperseded,
		"a dead delivery is kept and redriven":                   testDead,
		"a repaired account wakes deliveries that waited":        testWake,
		"a repair during an attempt wakes the retry":             testWakeUnderway,
		"a dropped delivery is gone":                             testDropped,
		"a reassigned channel keeps its deliveries in order":     testReassigned,
		"a channel keeps its account key while in use":           testAccountKey,
		"settling twice is settling once":                        testSettleTwice,
		"channels report their state":                            testChannels,
		"OnChange is called for changed routes":                  testOnChange,
		"OnEnd is called for deliveries that end":                testOnEnd,
		"values are stored, and updated by one caller at a time": testValues,
		"a late start of a run is never sent":                    testLateStart,
		"a result of an older run is never sent":                 testOlderRun,
		"a build is compared with the one before it":             testTransitions,
		"builds that end at once are compared in order":          testTransitionsAtOnce,
		"a build that a later one overtook is marked":            testOvertaken,
		"a build's message is known to its later states":         testMessages,
		"an older state does not replace a later one":            testOlderState,
		"an edit may change a message's handle":                  testNewHandle,
		"a namespace is refused alone":                           testTooLarge,
		"channels share their destination":                       testDestination,
		"namespaces take turns in a destination":                 testTurns,
		"a destination rests":                                    testRest,
		"a namespace leaves slots to others":                     testSlots,
		"a replaced target wakes waiting deliveries":             testReplaced,
		"deliveries of deleted routes are dropped":               testDrop,
		"queries select deliveries":                              testQueries,
		"a restart changes nothing":                              testRestart,
		"who waits is woken by an event":                         testTakeWaits,
		"who waits is woken when something is due":               testTakeDue,
		"every delivery is handed out to one of many":            testManyTakers,
		"who has given up gets nothing":                          testTakeEnded,
		"a closed store says so":                                 testClosed,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(newFixture(t, open)) })
	}
}

type fixture struct {
	*testing.T
	Store
	clock *clocktesting.FakeClock
	open  Open
	dir   string
}

func newFixture(t *testing.T, open Open) *fixture {
	f := &fixture{
		T: t, open: open, dir: t.TempDir(),
		clock: clocktesting.NewFakeClock(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)),
	}
	f.Store = open(t, f.dir, f.clock)
	t.Cleanup(f.close)
	return f
}

func (f *fixture) close() {
	if err := f.Close(context.Background()); err != nil {
		f.Errorf("close: %v", err)
	}
}

func (f *fixture) restart() {
	f.Helper()
	f.close()
	f.Store = f.open(f.T, f.dir, f.clock)
}

// Event is a build event as the receiver stores it.
func Event(build int64, result travis.Result) travis.Event {
	started := time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC)
	e := travis.Event{
		Repository: travis.Repository{ID: 1, Owner: "example", Name: "example"},
		Build: travis.Build{
			ID: build, Number: fmt.Sprint(build), Type: travis.Push, State: stateOf(result), Result: result,
			Branch: "main", URL: fmt.Sprintf("https://app.travis-ci.com/example/example/builds/%d", build),
			Started: started, Finished: started.Add(time.Minute), Duration: time.Minute,
		},
		Commit: travis.Commit{SHA: "62aae5f70ceee39123ef", Message: "Say <hello>\n\nto everyone", Author: "A"},
		Jobs:   []travis.Job{{ID: 2, Number: "1.1", State: "passed"}},
	}
	if result == travis.Pending {
		e.Build.Finished, e.Build.Duration = time.Time{}, 0
	}
	return e
}

func stateOf(result travis.Result) string {
	switch result {
	case travis.Pending:
		return "started"
	case travis.Fixed:
		return "passed"
	case travis.Broken, travis.StillFailing:
		return "failed"
	default:
		return string(result)
	}
}

// Target is a channel of a route of namespace team-a.
func Target(route, room string) queue.Target {
	return queue.Target{
		Namespace: "team-a", Route: route, RouteUID: "uid-" + route,
		Account: "chat", Address: room, Channel: "chat/" + room,
	}
}

func (f *fixture) accept(e travis.Event, targets ...queue.Target) queue.Receipt {
	f.Helper()
	r, err := f.Accept(context.Background(), queue.Acceptance{
		Event: e, Received: f.clock.Now(),
		Offers: []queue.Offer{{Namespace: "team-a", Targets: targets}},
	})
	if err != nil {
		f.Fatalf("accept: %v", err)
	}
	return r
}

// try returns a delivery that is handed out within the time.
func (f *fixture) try(lane queue.Lane, within time.Duration) (queue.Delivery, bool) {
	f.Helper()
	d, ok, err := Take(f, lane, within)
	if err != nil {
		f.Fatalf("take: %v", err)
	}
	return d, ok
}

func (f *fixture) take(lane queue.Lane) queue.Delivery {
	f.Helper()
	d, ok := f.try(lane, dueTimeout)
	if !ok {
		f.Fatalf("nothing is due in lane %d, want a delivery", lane)
	}
	return d
}

func (f *fixture) takeNone(lane queue.Lane) {
	f.Helper()
	if d, ok := f.try(lane, idleTimeout); ok {
		f.Fatalf("handed out build %s %s for %s, want nothing", d.Event.Build.Number, d.Event.Build.Result, d.Target.Channel)
	}
}

func (f *fixture) settle(d queue.Delivery, o queue.Outcome) {
	f.Helper()
	o.At, o.Lease = f.clock.Now(), d.Lease
	if err := f.Settle(context.Background(), d.ID, o); err != nil {
		f.Fatalf("settle: %v", err)
	}
}

func (f *fixture) deliver(d queue.Delivery) {
	f.Helper()
	f.settle(d, queue.Outcome{Kind: queue.Delivered})
}

func (f *fixture) retryIn(d queue.Delivery, wait time.Duration) {
	f.Helper()
	f.settle(d, queue.Outcome{Kind: queue.Retry, Reason: "no answer", Due: f.clock.Now().Add(wait)})
}

func (f *fixture) all() []queue.Summary {
	return f.Deliveries(queue.Query{})
}
