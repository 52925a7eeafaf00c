package queuetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

// restarted returns the event in the next run of its build.
func restarted(e travis.Event) travis.Event {
	e.Build.Started = e.Build.Started.Add(time.Hour)
	if !e.Build.Finished.IsZero() {
		e.Build.Finished = e.Build.Finished.Add(time.Hour)
	}
	return e
}

func testLateStart(f *fixture) {
	builds := Target("builds", "#builds")
	f.accept(Event(1, travis.Broken), builds)
	for range 2 {
		if r := f.accept(Event(1, travis.Pending), builds); len(r.Seen) != 1 || len(r.Stored) != 0 {
			f.Fatalf("a start that came after the result was answered with %+v, want seen", r)
		}
		f.restart()
	}
	f.retryIn(f.take(queue.Healthy), time.Minute)
	f.clock.Step(time.Minute)
	d := f.take(queue.Probation)
	if d.Event.Build.Result != travis.Broken {
		f.Fatalf("handed out %s, want the result", d.Event.Build.Result)
	}
	f.deliver(d)
	if left := f.all(); len(left) != 0 {
		f.Fatalf("%d deliveries are left, want none", len(left))
	}
}

func testOlderRun(f *fixture) {
	builds := Target("builds", "#builds")
	f.accept(restarted(Event(1, travis.Pending)), builds)
	for _, result := range []travis.Result{travis.Pending, travis.Passed, travis.Failed} {
		if r := f.accept(Event(1, result), builds); len(r.Seen) != 1 {
			f.Fatalf("%s of the older run was answered with %+v, want seen", result, r)
		}
	}
	if r := f.accept(restarted(Event(1, travis.Passed)), builds); len(r.Stored) != 1 {
		f.Fatalf("the newer run's result was answered with %+v, want stored", r)
	}
}

func testTooLarge(f *fixture) {
	var many []queue.Target
	for i := range queue.MaxTargets + 1 {
		t := Target("builds", fmt.Sprint("#", i))
		t.Namespace = "team-b"
		many = append(many, t)
	}
	r, err := f.Accept(context.Background(), queue.Acceptance{
		Event: Event(1, travis.Passed), Received: f.clock.Now(),
		Offers: []queue.Offer{
			{Namespace: "team-b", Targets: many},
			{Namespace: "team-a", Targets: []queue.Target{Target("builds", "#builds")}},
		},
	})
	if err != nil || len(r.Stored) != 1 || r.Stored[0] != "team-a" || !errors.Is(r.Refused["team-b"], queue.ErrTooLarge) {
		f.Fatalf("%+v, %v; want team-b refused alone", r, err)
	}
	if d := f.take(queue.Healthy); d.Target.Namespace != "team-a" {
		f.Fatalf("handed out %+v", d.Target)
	}
}
