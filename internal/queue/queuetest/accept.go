package queuetest

import (
	"context"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/keyvalue/keyvaluetest"
	"github.com/travishook/travishook/internal/travis"
)

func testHandOut(f *fixture) {
	target := Target("builds", "#builds")
	event := Event(1, travis.Passed)
	receipt := f.accept(event, target)
	if diff := cmp.Diff(queue.Receipt{Stored: []string{"team-a"}}, receipt); diff != "" {
		f.Fatalf("receipt (-want +got):\n%s", diff)
	}
	got := f.take(queue.Healthy)
	want := queue.Delivery{
		ID: got.ID, Target: target, Event: event,
		Accepted: f.clock.Now(), Since: f.clock.Now(), Attempt: 1,
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(queue.Delivery{}, "Lease", "LeaseLost")); diff != "" {
		f.Fatalf("delivery (-want +got):\n%s", diff)
	}
	if len(got.ID) != 32 {
		f.Fatalf("id %q, want 32 characters", got.ID)
	}
	f.deliver(got)
	if left := f.all(); len(left) != 0 {
		f.Fatalf("%d deliveries are kept after the only one arrived", len(left))
	}
}

func testSeen(f *fixture) {
	f.accept(Event(1, travis.Passed), Target("builds", "#builds"))
	elsewhere := Target("builds", "#other")
	elsewhere.Namespace = "team-b"
	receipt, err := f.Accept(context.Background(), queue.Acceptance{
		Event: Event(1, travis.Passed), Received: f.clock.Now(),
		Offers: []queue.Offer{
			{Namespace: "team-a", Targets: []queue.Target{Target("builds", "#builds")}},
			{Namespace: "team-b", Targets: []queue.Target{elsewhere}},
		},
	})
	if err != nil {
		f.Fatal(err)
	}
	want := queue.Receipt{Stored: []string{"team-b"}, Seen: []string{"team-a"}}
	if diff := cmp.Diff(want, receipt); diff != "" {
		f.Fatalf("receipt (-want +got):\n%s", diff)
	}
	f.deliver(f.take(queue.Healthy))
	again := f.accept(Event(1, travis.Passed), Target("builds", "#builds"))
	if len(again.Stored) != 0 {
		f.Fatalf("stored again after it was delivered: %v", again)
	}
	moved := Event(1, travis.Passed)
	moved.Build.Finished = moved.Build.Finished.Add(time.Second)
	if r := f.accept(moved, Target("builds", "#builds")); len(r.Stored) != 0 {
		f.Fatalf("stored a second report of one finish: %v", r)
	}
	if r := f.accept(restarted(Event(1, travis.Passed)), Target("builds", "#builds")); len(r.Stored) != 1 {
		f.Fatalf("a restarted build was taken for a replay: %v", r)
	}
}

func testSeenAtOnce(f *fixture) {
	var wait sync.WaitGroup
	receipts := make([]queue.Receipt, 16)
	for i := range receipts {
		wait.Go(func() { receipts[i] = f.accept(Event(1, travis.Passed), Target("builds", "#builds")) })
	}
	wait.Wait()
	stored := 0
	for _, r := range receipts {
		stored += len(r.Stored)
		if len(r.Stored)+len(r.Seen) != 1 {
			f.Errorf("receipt %v, want the namespace once", r)
		}
	}
	if stored != 1 || len(f.all()) != 1 {
		f.Fatalf("stored %d times, %d deliveries; want one of each", stored, len(f.all()))
	}
}

func testValues(f *fixture) {
	keyvaluetest.Contract(f.T, f)
	f.restart()
	if got, _ := f.Get("keys", "a"); string(got) != "new" {
		f.Errorf("got %q after a restart; want what was put last", got)
	}
	if got, _ := f.Get("counts", "a"); len(got) != 16 {
		f.Errorf("16 updates at once left %q after a restart, want each to build on another", got)
	}
}
