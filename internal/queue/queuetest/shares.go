package queuetest

import (
	"context"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

// sharedTarget is a channel of a namespace that resolves to a destination shared by several.
func sharedTarget(namespace, address string) queue.Target {
	t := Target("builds", address)
	t.Namespace, t.Channel = namespace, namespace+"/chat/"+address
	t.Destination = "system/chat/#shared"
	return t
}

func (f *fixture) acceptIn(e travis.Event, targets ...queue.Target) {
	f.Helper()
	r, err := f.Accept(context.Background(), queue.Acceptance{
		Event: e, Received: f.clock.Now(),
		Offers: []queue.Offer{{Namespace: targets[0].Namespace, Targets: targets}},
	})
	if err != nil || len(r.Stored) != 1 {
		f.Fatalf("accept: %+v, %v", r, err)
	}
}

func testDestination(f *fixture) {
	f.acceptIn(Event(1, travis.Passed), sharedTarget("team-a", "#a"), sharedTarget("team-a", "#b"))
	f.acceptIn(Event(1, travis.Passed), sharedTarget("team-b", "#c"))
	first := f.take(queue.Healthy)
	if first.Destination != "system/chat/#shared" || first.Target.Destination != "" {
		f.Fatalf("destination %q, and %q in the target", first.Destination, first.Target.Destination)
	}
	f.takeNone(queue.Healthy)
	f.retryIn(first, time.Minute)
	f.takeNone(queue.Healthy)
	f.takeNone(queue.Probation) // all namespaces share the backoff
	f.clock.Step(time.Minute)
	f.deliver(f.take(queue.Probation))
	f.deliver(f.take(queue.Healthy))
	f.deliver(f.take(queue.Healthy))
}

func testTurns(f *fixture) {
	for build := range int64(10) {
		f.acceptIn(Event(build, travis.Passed), sharedTarget("team-a", "#a"))
	}
	f.acceptIn(Event(1, travis.Passed), sharedTarget("team-b", "#b"))
	served := ""
	for range 3 {
		d := f.take(queue.Healthy)
		served += d.Target.Namespace + " "
		f.deliver(d)
	}
	if served != "team-a team-b team-a " {
		f.Fatalf("served %s, want turns", served)
	}
}

func testRest(f *fixture) {
	f.acceptIn(Event(1, travis.Passed), sharedTarget("team-a", "#a"))
	f.acceptIn(Event(1, travis.Passed), sharedTarget("team-b", "#b"))
	f.settle(f.take(queue.Healthy), queue.Outcome{Kind: queue.Delivered, Rest: f.clock.Now().Add(time.Second)})
	f.takeNone(queue.Healthy)
	f.takeNone(queue.Probation)
	waiting := f.takeLater(queue.Healthy)
	f.deliver(f.awaitWhileTimePasses(waiting))
}

func testSlots(f *fixture) {
	f.SetSlots(queue.Healthy, 8)
	for i := range 20 {
		f.accept(Event(int64(i), travis.Passed), Target("builds", fmt.Sprint("#", i)))
	}
	for range 4 {
		defer f.deliver(f.take(queue.Healthy))
	}
	f.takeNone(queue.Healthy) // a namespace alone gets half
	other := sharedTarget("team-b", "#b")
	f.acceptIn(Event(1, travis.Passed), other)
	if d := f.take(queue.Healthy); d.Target.Namespace != "team-b" {
		f.Fatalf("handed out %+v, want the other namespace's", d.Target)
	} else {
		f.deliver(d)
	}
}

func testReplaced(f *fixture) {
	f.accept(Event(1, travis.Passed), Target("builds", "#builds"))
	f.retryIn(f.take(queue.Healthy), time.Hour)
	if n := f.wake(everyTargetFixed); n != 0 {
		f.Fatalf("a fixed credential woke %d that did not wait for one", n)
	}
	if n := f.wake(func(queue.Target) queue.Change { return queue.Replaced }); n != 1 {
		f.Fatalf("woke %d, want the one", n)
	}
	f.deliver(f.take(queue.Probation))
}

func testDrop(f *fixture) {
	gone := Target("gone", "#gone")
	for build := range int64(5) {
		f.accept(Event(build, travis.Passed), gone, Target("builds", "#builds"))
	}
	sending := f.take(queue.Healthy)
	for sending.Target.Route != "gone" {
		f.deliver(sending)
		sending = f.take(queue.Healthy)
	}
	n, err := f.Drop(context.Background(), func(t queue.Target) bool { return t.Route == "gone" }, "the route was deleted")
	if err != nil || n != 5 {
		f.Fatalf("dropped %d, %v; want 5", n, err)
	}
	for range 2 {
		if left := f.Deliveries(queue.Query{Namespace: "team-a", Route: "gone"}); len(left) != 0 {
			f.Fatalf("%d deliveries of the route are left", len(left))
		}
		if s := f.Channels("team-a", "gone"); len(s) != 0 {
			f.Fatalf("the route's status is still %+v", s)
		}
		f.settle(sending, queue.Outcome{Kind: queue.Retry, Due: f.clock.Now()}) // its attempt ends only now
		f.restart()
	}
	f.deliver(f.take(queue.Healthy))
}

func testQueries(f *fixture) {
	f.accept(Event(1, travis.Passed), Target("builds", "#a"), Target("releases", "#b"))
	f.accept(Event(2, travis.Passed), Target("builds", "#a"))
	f.acceptIn(Event(2, travis.Passed), sharedTarget("team-b", "#c"))
	dead := f.take(queue.Healthy)
	f.settle(dead, queue.Outcome{Kind: queue.Dead})
	all := f.all()
	for _, q := range []queue.Query{
		{Namespace: "team-a"}, {Namespace: "team-a", Route: "builds"}, {Repository: "EXAMPLE/example", BuildID: 2},
		{Repository: "example/example", Build: "1", Namespace: "team-a"}, {IDs: []string{dead.ID}},
		{States: []queue.State{queue.DeadLetter}}, {Repository: "example/other"},
	} {
		var want []queue.Summary
		for i := range all {
			if q.Matches(&all[i]) {
				want = append(want, all[i])
			}
		}
		if diff := cmp.Diff(want, f.Deliveries(q), cmpopts.EquateEmpty()); diff != "" {
			f.Errorf("%+v (-want +got):\n%s", q, diff)
		}
	}
	beyond := 0
	first := f.Deliveries(queue.Query{Limit: 1, Beyond: &beyond, Allow: func(t queue.Target) bool { return t.Namespace == "team-a" }})
	newest := f.Deliveries(queue.Query{Limit: 2, Newest: true})
	if diff := cmp.Diff(append(all[:1:1], all[len(all)-2:]...), append(first, newest...)); diff != "" || beyond != 2 {
		f.Errorf("limited (-want +got), %d beyond the limit:\n%s", beyond, diff)
	}
	n := f.Counts()
	if n.Waiting != 3 || n.Dead != 1 || n.Sending != 0 || !n.Oldest.Equal(f.clock.Now()) {
		f.Errorf("counts %+v", n)
	}
	if u := f.Usage("team-a"); u.Deliveries != 3 || u.Bytes == 0 || u.Memory == 0 || u.Share <= 0 || u.Share >= 1 {
		f.Errorf("usage %+v", u)
	}
}
