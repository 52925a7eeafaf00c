package queuetest

import (
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

func (f *fixture) post(d queue.Delivery, handle string, until time.Duration) {
	f.Helper()
	f.settle(d, queue.Outcome{Kind: queue.Delivered, Posted: &queue.Posted{Handle: handle, Until: f.clock.Now().Add(until)}})
}

// shown takes a delivery and compares the message of its build.
func (f *fixture) shown(handle string, newer bool) queue.Delivery {
	f.Helper()
	d := f.take(queue.Healthy)
	switch {
	case handle == "" && d.Shown != nil:
		f.Fatalf("build %s has the message %+v, want none", d.Event.Build.Number, d.Shown)
	case handle != "" && (d.Shown == nil || d.Shown.Handle != handle || d.Shown.Destination != "system/chat/#builds" || d.Shown.Newer != newer):
		f.Fatalf("build %s has the message %+v, want %s, newer %v", d.Event.Build.Number, d.Shown, handle, newer)
	}
	return d
}

// testMessages: a message is known to the later states of its build for the same target, through restarts,
// until its time is over.
func testMessages(f *fixture) {
	builds, other := Target("builds", "#builds"), Target("other", "#builds")
	builds.Destination, other.Destination = "system/chat/#builds", "system/chat/#builds"
	f.accept(Event(1, travis.Pending), builds)
	f.post(f.shown("", false), "first", time.Hour)
	f.restart()
	f.accept(Event(1, travis.Broken), builds)
	f.accept(Event(1, travis.Broken), other) // seen: nothing to send
	f.accept(Event(2, travis.Broken), other)
	f.post(f.shown("first", false), "second", time.Hour)
	f.deliver(f.shown("", false)) // another build, of another route
	f.accept(restarted(Event(1, travis.Pending)), builds)
	f.deliver(f.shown("second", false)) // as a new message, which cannot be updated
	f.restart()
	f.clock.Step(time.Hour)
	f.accept(restarted(Event(1, travis.Fixed)), builds)
	f.deliver(f.shown("", false))
}

// testNewHandle: an edit that gives the message another handle leaves no copy behind.
func testNewHandle(f *fixture) {
	builds := Target("builds", "#builds")
	builds.Destination = "system/chat/#builds"
	f.accept(Event(1, travis.Pending), builds)
	f.post(f.shown("", false), "first", time.Hour)
	f.accept(Event(1, travis.Broken), builds)
	f.settle(f.shown("first", false), queue.Outcome{Kind: queue.Delivered, Posted: &queue.Posted{
		Handle: "second", Until: f.clock.Now().Add(time.Hour), Gone: []string{"first"},
	}})
	f.restart()
	f.accept(restarted(Event(1, travis.Pending)), builds)
	if d := f.shown("second", false); len(d.Shown.Copies) > 0 {
		f.Fatalf("the build has copies %q of its message", d.Shown.Copies)
	}
}

// testOlderState: a state that is redriven after a later one was shown is handed out as such, and its message
// does not replace the later one.
func testOlderState(f *fixture) {
	builds := Target("builds", "#builds")
	builds.Destination = "system/chat/#builds"
	f.accept(Event(1, travis.Pending), builds)
	f.settle(f.take(queue.Healthy), queue.Outcome{Kind: queue.Dead, Reason: "refused"})
	f.accept(Event(1, travis.Broken), builds)
	d := f.take(queue.Probation)
	f.post(d, "first", time.Hour)
	if n := f.redrive(queue.Query{}); n != 1 {
		f.Fatalf("redrove %d deliveries, want 1", n)
	}
	f.accept(restarted(Event(1, travis.Pending)), builds)
	late := f.shown("first", true)
	if late.Newer != travis.Pending {
		f.Fatalf("%q waits behind it, want pending", late.Newer)
	}
	f.post(late, "late", time.Hour)
	f.deliver(f.shown("first", false))
}
