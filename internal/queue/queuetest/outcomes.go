package queuetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

func (f *fixture) redrive(q queue.Query) int {
	f.Helper()
	n, err := f.Redrive(context.Background(), q)
	if err != nil {
		f.Fatalf("redrive: %v", err)
	}
	return n
}

func (f *fixture) wake(change func(queue.Target) queue.Change) int {
	f.Helper()
	n, err := f.Wake(context.Background(), change)
	if err != nil {
		f.Fatalf("wake: %v", err)
	}
	return n
}

func everyTargetFixed(queue.Target) queue.Change { return queue.Fixed }

// fixed is a change of one address.
func fixed(address string) func(queue.Target) queue.Change {
	return func(t queue.Target) queue.Change {
		if t.Address == address {
			return queue.Fixed
		}
		return queue.Unchanged
	}
}

func testDead(f *fixture) {
	f.accept(Event(1, travis.Passed), Target("builds", "#builds"))
	f.accept(Event(2, travis.Passed), Target("builds", "#other"))
	d := f.take(queue.Healthy)
	f.settle(d, queue.Outcome{Kind: queue.Dead, Reason: "unknown room"})
	dead := f.Deliveries(queue.Query{States: []queue.State{queue.DeadLetter}})
	if len(dead) != 1 || dead[0].ID != d.ID || dead[0].Last.Reason != "unknown room" || dead[0].Attempts != 1 {
		f.Fatalf("dead deliveries %+v, want the one that died", dead)
	}
	if n := f.redrive(queue.Query{Namespace: "team-b"}); n != 0 {
		f.Fatalf("redrove %d that were not selected", n)
	}
	f.clock.Step(time.Hour)
	if n := f.redrive(queue.Query{Namespace: "team-a"}); n != 1 {
		f.Fatalf("redrove %d, want the dead one and not the waiting one", n)
	}
	again := f.take(queue.Healthy)
	if again.ID != d.ID {
		f.deliver(again)
		again = f.take(queue.Healthy)
	}
	if again.ID != d.ID || again.Attempt != 1 || !again.Since.Equal(f.clock.Now()) {
		f.Fatalf("redriven as %+v, want the same id from the first attempt", again)
	}
}

func testWake(f *fixture) {
	fails := func(build int64, room string, o queue.Outcome) {
		f.accept(Event(build, travis.Passed), Target("builds", room))
		o.Reason = "no credential"
		if o.Kind == queue.Retry {
			o.Due = f.clock.Now().Add(time.Hour)
		}
		f.settle(f.take(queue.Healthy), o)
	}
	fails(1, "#waiting", queue.Outcome{Kind: queue.Retry, Credential: true})
	fails(2, "#dead", queue.Outcome{Kind: queue.Dead, Credential: true})
	fails(3, "#down", queue.Outcome{Kind: queue.Retry})
	fails(4, "#unknown", queue.Outcome{Kind: queue.Dead})
	if n := f.wake(fixed("#elsewhere")); n != 0 {
		f.Fatalf("woke %d of another room", n)
	}
	if n := f.wake(everyTargetFixed); n != 2 {
		f.Fatalf("woke %d, want the two that a credential failed", n)
	}
	attempts := map[string]int{}
	for range 2 {
		d := f.take(queue.Probation)
		attempts[d.Target.Address] = d.Attempt
	}
	if attempts["#waiting"] != 2 || attempts["#dead"] != 1 {
		f.Fatalf("attempts %v, want the second of the one that waited and the first of the dead letter", attempts)
	}
	f.takeNone(queue.Healthy)
	f.takeNone(queue.Probation)
}

func testWakeUnderway(f *fixture) {
	f.accept(Event(1, travis.Passed), Target("builds", "#builds"))
	d := f.take(queue.Healthy)
	f.wake(fixed("#builds"))
	f.settle(d, queue.Outcome{Kind: queue.Dead, Reason: "bad credential", Credential: true})
	if again := f.take(queue.Probation); again.ID != d.ID || again.Attempt != 2 {
		f.Fatalf("handed out %+v, want another attempt after the fix", again)
	}
}

func testDropped(f *fixture) {
	f.accept(Event(1, travis.Passed), Target("builds", "#builds"))
	f.settle(f.take(queue.Healthy), queue.Outcome{Kind: queue.Dropped, Reason: "the route is gone"})
	f.restart()
	if left := f.all(); len(left) != 0 {
		f.Fatalf("%d deliveries are left, want none", len(left))
	}
}

func testSettleTwice(f *fixture) {
	room := Target("builds", "#builds")
	f.accept(Event(1, travis.Passed), room)
	f.accept(Event(2, travis.Passed), room)
	first := f.take(queue.Healthy)
	f.deliver(first)
	f.take(queue.Healthy)
	f.settle(first, queue.Outcome{Kind: queue.Dead})
	left := f.all()
	if len(left) != 1 || left[0].State != queue.Sending {
		f.Fatalf("left %+v, want the second one under way", left)
	}
	if err := f.Settle(context.Background(), "no id", queue.Outcome{Kind: queue.Delivered}); err == nil {
		f.Fatal("settled what has no id")
	}
}

func testChannels(f *fixture) {
	room, other := Target("builds", "#builds"), Target("builds", "#other")
	f.accept(Event(1, travis.Passed), room, other)
	f.deliver(f.take(queue.Healthy))
	delivered := queue.LastAttempt{At: f.clock.Now(), Build: "1", Result: travis.Passed}
	f.settle(f.take(queue.Healthy), queue.Outcome{Kind: queue.Dead, Reason: "unknown room"})
	died := queue.LastAttempt{At: f.clock.Now(), Build: "1", Result: travis.Passed, Reason: "unknown room"}
	f.clock.Step(time.Minute)
	f.accept(Event(2, travis.Broken), room)
	f.retryIn(f.take(queue.Healthy), time.Hour)
	failed := queue.LastAttempt{At: f.clock.Now(), Build: "2", Result: travis.Broken, Reason: "no answer"}
	want := []queue.ChannelStatus{
		{Target: room, Waiting: 1, Delivered: delivered, Failure: failed, Failures: 1},
		{Target: other, Dead: 1, Failure: died, Failures: 1},
	}
	for range 2 {
		byAddress := cmpopts.SortSlices(func(a, b queue.ChannelStatus) bool { return a.Target.Address < b.Target.Address })
		if diff := cmp.Diff(want, f.Channels("team-a", "builds"), byAddress); diff != "" {
			f.Fatalf("channels (-want +got):\n%s", diff)
		}
		f.restart()
	}
	if got := f.Channels("team-b", "builds"); len(got) != 0 {
		f.Fatalf("another namespace has channels: %v", got)
	}
}

func testOnChange(f *fixture) {
	told := make(chan string, 10)
	f.OnChange(func(namespace, route string) { told <- namespace + "/" + route })
	f.accept(Event(1, travis.Passed), Target("builds", "#builds"))
	f.deliver(f.take(queue.Healthy))
	select {
	case got := <-told:
		if got != "team-a/builds" {
			f.Fatalf("told of %s", got)
		}
	default:
		f.Fatal("OnEnd was not called although the outcome is stored")
	}
}

func testOnEnd(f *fixture) {
	told := make(chan queue.Summary, 10)
	f.OnEnd(func(s queue.Summary) { told <- s })
	room := Target("builds", "#builds")
	f.accept(Event(1, travis.Pending), room)
	d := f.take(queue.Healthy)
	f.accept(Event(1, travis.Passed), room)
	f.retryIn(d, time.Minute)
	f.clock.Step(time.Minute)
	f.deliver(f.take(queue.Probation))
	close(told)
	var ended []string
	for s := range told {
		ended = append(ended, fmt.Sprintf("%s %s %d %q", s.Result, s.Last.Kind, s.Attempts, s.Last.Reason))
	}
	want := []string{`pending dropped 1 "superseded by passed of the same build"`, `passed delivered 1 ""`}
	if diff := cmp.Diff(want, ended); diff != "" {
		f.Fatalf("ended (-want +got):\n%s", diff)
	}
}

func testRestart(f *fixture) {
	for build, room := range []string{"#waiting", "#retrying", "#dead", "#sending"} {
		f.accept(Event(int64(build+1), travis.Passed), Target("builds", room))
	}
	taken := map[string]queue.Delivery{}
	for range 4 {
		d := f.take(queue.Healthy)
		taken[d.Target.Address] = d
	}
	f.retryIn(taken["#retrying"], time.Hour)
	f.settle(taken["#dead"], queue.Outcome{Kind: queue.Dead, Reason: "unknown room", Credential: true})
	before := f.all()
	for i := range before {
		if before[i].State == queue.Sending {
			before[i].State = queue.Waiting // the attempt's outcome is not known
		}
	}
	f.restart()
	if diff := cmp.Diff(before, f.all()); diff != "" {
		f.Fatalf("deliveries (-before +after the restart):\n%s", diff)
	}
	if r := f.accept(Event(1, travis.Passed), Target("builds", "#waiting")); len(r.Stored) != 0 {
		f.Fatalf("stored again: %v", r)
	}
	rooms := []string{f.take(queue.Healthy).Target.Address, f.take(queue.Healthy).Target.Address}
	slices.Sort(rooms)
	if diff := cmp.Diff([]string{"#sending", "#waiting"}, rooms); diff != "" {
		f.Fatalf("handed out again (-want +got):\n%s", diff)
	}
	f.takeNone(queue.Probation)
	f.clock.Step(time.Hour)
	if d := f.take(queue.Probation); d.ID != taken["#retrying"].ID || d.Attempt != 2 {
		f.Fatalf("handed out %+v, want the second attempt", d)
	}
}

func testClosed(f *fixture) {
	if err := f.Ready(); err != nil {
		f.Fatalf("not ready: %v", err)
	}
	waiting := f.takeLater(queue.Healthy)
	f.close()
	defer func() { f.Store = f.open(f.T, f.dir, f.clock) }() // for the clean-up to close
	if r := f.awaitResult(waiting); !errors.Is(r.err, queue.ErrUnavailable) {
		f.Errorf("who waited was told %v", r.err)
	}
	_, err := f.Accept(context.Background(), queue.Acceptance{
		Event:  Event(1, travis.Passed),
		Offers: []queue.Offer{{Namespace: "team-a", Targets: []queue.Target{Target("builds", "#builds")}}},
	})
	if !errors.Is(err, queue.ErrUnavailable) {
		f.Errorf("accept: %v", err)
	}
	if err := f.Ready(); !errors.Is(err, queue.ErrUnavailable) {
		f.Errorf("ready: %v", err)
	}
}
