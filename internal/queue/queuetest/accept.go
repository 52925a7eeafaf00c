package queuetest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/travishook/travishook/internal/queue"
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

func testMemory(f *fixture) {
	ctx := context.Background()
	if _, ok := f.Get("keys", "travis-ci.com"); ok {
		f.Fatal("found what was never put")
	}
	for _, value := range []string{"old", "new"} {
		if err := f.Put(ctx, "keys", "travis-ci.com", []byte(value)); err != nil {
			f.Fatal(err)
		}
	}
	f.restart()
	got, ok := f.Get("keys", "travis-ci.com")
	if !ok || string(got) != "new" {
		f.Fatalf("got %q, %v; want what was put last", got, ok)
	}
	if _, ok := f.Get("ids", "travis-ci.com"); ok {
		f.Fatal("found it in another bucket")
	}
}

func testUpdate(f *fixture) {
	ctx := context.Background()
	count := func(old []byte, _ bool) ([]byte, error) { return append(old, 'x'), nil }
	var wait sync.WaitGroup
	for range 16 {
		wait.Go(func() {
			if err := f.Update(ctx, "counts", "a", count); err != nil {
				f.Error(err)
			}
		})
	}
	wait.Wait()
	fails := errors.New("no")
	if err := f.Update(ctx, "counts", "a", func([]byte, bool) ([]byte, error) { return nil, fails }); !errors.Is(err, fails) {
		f.Errorf("update: %v, want the function's own error", err)
	}
	if err := f.Update(ctx, "counts", "b", func(_ []byte, ok bool) ([]byte, error) { return nil, nil }); err != nil {
		f.Errorf("update that changes nothing: %v", err)
	}
	f.restart()
	if got, _ := f.Get("counts", "a"); len(got) != 16 {
		f.Errorf("16 updates at once left %q, want each to build on another", got)
	}
	if _, ok := f.Get("counts", "b"); ok {
		f.Error("an update that returned nil stored a value")
	}
}
