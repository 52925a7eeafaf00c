package queuetest

import (
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

func targetOf(accountKey, channel string) queue.Target {
	t := Target("builds", channel)
	t.AccountKey = accountKey
	return t
}

func testReassigned(f *fixture) {
	channel := targetOf("team-a/old", "#builds")
	f.accept(Event(1, travis.Pending), channel)
	f.accept(Event(1, travis.Passed), channel)
	first := f.take(queue.Healthy)
	if first.AccountKey != "team-a/old" || first.Target.AccountKey != "" || first.Reassignments != 0 {
		f.Fatalf("handed out with account key %q (%q in its target) after %d reassignments", first.AccountKey, first.Target.AccountKey, first.Reassignments)
	}
	f.settle(first, queue.Outcome{Kind: queue.Reassigned, AccountKey: "team-a/new", Due: f.clock.Now().Add(time.Minute)})
	for range 2 {
		f.takeNone(queue.Healthy)
		f.takeNone(queue.Probation)
		f.restart()
	}
	f.clock.Step(time.Minute)
	again := f.take(queue.Healthy)
	if again.ID != first.ID || again.Attempt != 1 || again.LastReason != "" || again.AccountKey != "team-a/new" || again.Reassignments != 1 {
		f.Fatalf("after the reassignment it was handed out as %+v, want the same delivery's first attempt, with the new account key", again)
	}
	if s := f.Channels("team-a", "builds"); len(s) != 1 || s[0].Failures != 0 || !s[0].Failure.At.IsZero() {
		f.Fatalf("the channel's status is %+v, want no attempt in it", s)
	}
	f.deliver(again)
	if next := f.take(queue.Healthy); next.Event.Build.Result != travis.Passed || next.AccountKey != "team-a/new" || next.Reassignments != 0 {
		f.Fatalf("then it was %+v, want the later event, with the new account key", next)
	}
}

// testAccountKey: a channel keeps its account key while deliveries wait in it, even if new targets have
// another one.
func testAccountKey(f *fixture) {
	f.accept(Event(1, travis.Passed), targetOf("", "#builds"))
	f.accept(Event(2, travis.Passed), targetOf("team-a/chat", "#builds"))
	for range 2 {
		d := f.take(queue.Healthy)
		if d.AccountKey != "" {
			f.Fatalf("build %s was handed out with account key %q, want none, as the channel has", d.Event.Build.Number, d.AccountKey)
		}
		f.deliver(d)
	}
	f.accept(Event(3, travis.Passed), targetOf("team-a/chat", "#builds"))
	d := f.take(queue.Healthy)
	if d.AccountKey != "team-a/chat" {
		f.Fatalf("handed out with account key %q after the channel was empty, want its own", d.AccountKey)
	}
	f.settle(d, queue.Outcome{Kind: queue.Dead, Reason: "unknown room"})
	f.redrive(queue.Query{})
	if again := f.take(queue.Healthy); again.ID != d.ID || again.AccountKey != "" {
		f.Fatalf("redriven with account key %q, want none, so that it is resolved again", again.AccountKey)
	}
}
