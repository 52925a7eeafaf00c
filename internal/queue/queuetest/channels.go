package queuetest

import (
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

func testOrder(f *fixture) {
	room := Target("builds", "#builds")
	f.accept(Event(1, travis.Pending), room)
	f.accept(Event(1, travis.Passed), room)
	first := f.take(queue.Healthy)
	if first.Event.Build.Result != travis.Pending {
		f.Fatalf("%s was handed out first, want pending", first.Event.Build.Result)
	}
	f.deliver(first)
	if next := f.take(queue.Healthy); next.Event.Build.Result != travis.Passed {
		f.Fatalf("%s was handed out next, want passed", next.Event.Build.Result)
	}
}

func testOnePerChannel(f *fixture) {
	shared := Target("builds", "#builds")
	sameRoom := Target("releases", "#builds")
	f.accept(Event(1, travis.Passed), shared, sameRoom, Target("builds", "#other"))
	f.accept(Event(2, travis.Passed), shared)
	first := f.take(queue.Healthy)
	if other := f.take(queue.Healthy); other.Target.Address != "#other" {
		f.Fatalf("%s got a second delivery at once", other.Target.Address)
	}
	f.takeNone(queue.Healthy)
	f.deliver(first)
	if next := f.take(queue.Healthy); next.Target.Route != "releases" {
		f.Fatalf("route %s was next, want the other one that shares the room", next.Target.Route)
	}
}

func testLanes(f *fixture) {
	f.accept(Event(1, travis.Passed), Target("builds", "#builds"))
	f.accept(Event(2, travis.Passed), Target("builds", "#builds"))
	f.retryIn(f.take(queue.Healthy), time.Minute)
	f.takeNone(queue.Healthy)
	f.takeNone(queue.Probation)
	f.clock.Step(time.Minute)
	f.takeNone(queue.Healthy)
	f.deliver(f.take(queue.Probation))
	f.takeNone(queue.Probation)
	f.deliver(f.take(queue.Healthy))
}

func testPoison(f *fixture) {
	room := Target("builds", "#builds")
	f.accept(Event(1, travis.Pending), room)
	f.accept(Event(1, travis.Passed), room)
	f.accept(Event(2, travis.Passed), room)
	f.accept(Event(3, travis.Passed), room)
	f.retryIn(f.take(queue.Healthy), time.Minute) // build 1 will never be delivered
	f.clock.Step(time.Minute)
	second := f.take(queue.Probation)
	if second.Event.Build.ID != 2 {
		f.Fatalf("build %d was tried, want another one than that which failed", second.Event.Build.ID)
	}
	f.deliver(second)
	if third := f.take(queue.Healthy); third.Event.Build.ID != 3 {
		f.Fatalf("build %d was next, want 3", third.Event.Build.ID)
	}
}

// testFailures: any delivery of a channel shows how often the channel has failed.
func testFailures(f *fixture) {
	room := Target("builds", "#builds")
	for build := range int64(3) {
		f.accept(Event(build+1, travis.Passed), room)
	}
	lane := queue.Healthy
	for failed := range 3 {
		d := f.take(lane)
		if d.Failures != failed || d.Attempt != 1 {
			f.Fatalf("attempt %d of build %d knows of %d failures in its room, want %d", d.Attempt, d.Event.Build.ID, d.Failures, failed)
		}
		f.retryIn(d, time.Minute)
		f.clock.Step(time.Minute)
		lane = queue.Probation
	}
	f.restart()
	d := f.take(lane)
	if d.Failures != 3 {
		f.Fatalf("after a restart it knows of %d failures, want 3", d.Failures)
	}
	f.deliver(d)
	if next := f.take(queue.Healthy); next.Failures != 0 {
		f.Fatalf("after a success it knows of %d failures", next.Failures)
	}
}

func testRetryDue(f *fixture) {
	f.accept(Event(1, travis.Passed), Target("builds", "#builds"))
	accepted := f.clock.Now()
	first := f.take(queue.Healthy)
	f.retryIn(first, time.Hour)
	f.clock.Step(time.Hour - 1)
	f.takeNone(queue.Probation)
	f.clock.Step(1)
	again := f.take(queue.Probation)
	if again.ID != first.ID || again.Attempt != 2 || again.LastReason != "no answer" || !again.Since.Equal(accepted) {
		f.Fatalf("second attempt %+v, want the same delivery's", again)
	}
}

func testSuperseded(f *fixture) {
	room := Target("builds", "#builds")
	f.accept(Event(1, travis.Pending), room)
	f.retryIn(f.take(queue.Healthy), time.Minute)
	f.accept(Event(1, travis.Passed), room)
	f.clock.Step(time.Minute)
	d := f.take(queue.Probation)
	if d.Event.Build.Result != travis.Passed {
		f.Fatalf("%s was sent late, want the newer state of the build", d.Event.Build.Result)
	}
	f.deliver(d)
	if left := f.all(); len(left) != 0 {
		f.Fatalf("%d deliveries are left, want the superseded one dropped", len(left))
	}
	f.accept(Event(2, travis.Pending), room)
	f.accept(Event(2, travis.Passed), room)
	if d := f.take(queue.Healthy); d.Event.Build.Result != travis.Pending {
		f.Fatalf("%s was sent, want all states while the channel works", d.Event.Build.Result)
	}
}

func testTakeWaits(f *fixture) {
	got := f.takeLater(queue.Healthy)
	f.accept(Event(1, travis.Passed), Target("builds", "#builds"))
	if d := f.await(got); d.Event.Build.ID != 1 {
		f.Fatalf("build %d was handed out", d.Event.Build.ID)
	}
}

func testTakeDue(f *fixture) {
	f.accept(Event(1, travis.Passed), Target("builds", "#builds"))
	f.retryIn(f.take(queue.Healthy), time.Minute)
	got := f.takeLater(queue.Probation)
	if d := f.awaitWhileTimePasses(got); d.Attempt != 2 {
		f.Fatalf("attempt %d was handed out, want the second", d.Attempt)
	}
}
