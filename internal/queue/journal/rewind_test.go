package journal

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/travishook/travishook/internal/queue"
)

// rewind must change nothing where the clock never went back: the model does not know of it.
func (w *world) rewind(t *rapid.T) {
	if n := w.live.Rewind(w.now); n > 0 {
		t.Fatalf("%d deliveries wait for less, and the clock was never set back", n)
	}
}

// TestAClockThatWasSetBackHoldsNothingUp does random things while the clock goes to and fro, and then
// has all that waits be due in no more than what it was told to wait.
func TestAClockThatWasSetBackHoldsNothingUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			w.now = w.now.Add(time.Duration(rapid.IntRange(-1000, 1000).Draw(t, "hours")) * time.Hour)
			w.live.Rewind(w.now)
			w.upset(t)
		}
		if rapid.Bool().Draw(t, "restart") {
			w.live = w.replay(t)
		}
		w.now = w.now.Add(-time.Duration(rapid.IntRange(0, 1000).Draw(t, "hours back")) * time.Hour)
		before := listed(w.live)
		w.live.Rewind(w.now)
		for i, d := range listed(w.live) {
			w.waits(t, before[i], d)
		}
		w.inOrder(t)
		if n := w.live.Rewind(w.now); n > 0 {
			t.Errorf("%d deliveries wait for less when the same is done again", n)
		}
		w.allOut(t)
	})
}

// upset accepts, attempts and settles something, without asking the model, which knows no such clock.
func (w *world) upset(t *rapid.T) {
	if a, ok := w.drawUnseen(t); ok {
		w.append(t, Entry{Accept: &a})
	}
	for _, lane := range []queue.Lane{queue.Healthy, queue.Probation} {
		for got, ok, _ := w.live.Take(lane, w.now); ok; got, ok, _ = w.live.Take(lane, w.now) {
			o := queue.Outcome{At: w.now, Kind: rapid.SampledFrom([]queue.Kind{queue.Retry, queue.Dead}).Draw(t, "kind")}
			if o.Kind == queue.Retry {
				o.Due = w.now.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "minutes")) * time.Minute)
			}
			w.append(t, Entry{Settle: &Settle{got.ID, o}})
		}
	}
	if rapid.IntRange(0, 3).Draw(t, "trim") == 0 {
		w.trim(t)
	}
}

func (w *world) drawUnseen(t *rapid.T) (Accept, bool) {
	a := accepted(int64(rapid.IntRange(1, 1000).Draw(t, "build"))).Accept
	a.At, a.Offers = w.now, []queue.Offer{{Namespace: "one", Targets: drawTargets(t, "one")}}
	fresh, _ := w.live.Fresh(EventID(&a.Event), a.Offers, w.now)
	a.Offers = fresh
	return *a, len(fresh) > 0
}

// waits holds a delivery to the rule: it is due when it was, or when its wait is over from now on.
func (w *world) waits(t *rapid.T, before, after queue.Summary) {
	if after.State == queue.DeadLetter {
		return
	}
	told := time.Duration(0)
	if after.Last.Kind == queue.Retry {
		told = after.Last.Due.Sub(after.Last.At)
	}
	want := before.Due
	if most := w.now.Add(told); want.After(most) {
		want = most
	}
	if !after.Due.Equal(want) {
		t.Fatalf("told to wait %v at %v: due at %v, want %v (before: %v)", told, w.now, after.Due, want, before.Due)
	}
}

// inOrder holds each channel to having first what is due first.
func (w *world) inOrder(t *rapid.T) {
	for _, c := range w.live.channels {
		for _, l := range c.heads {
			if first := c.heads[0].first; l.first.due < first.due {
				t.Fatalf("%s has first what is due at %v, and something is due at %v", c.name, fromNano(first.due), fromNano(l.first.due))
			}
		}
	}
}

// allOut waits for as long as anything was told to wait, and no longer: all goes out then.
func (w *world) allOut(t *rapid.T) {
	const longest = 90 * time.Minute
	left := w.live.Stats().Waiting
	for left > 0 {
		for _, lane := range []queue.Lane{queue.Healthy, queue.Probation} {
			got, ok, next := w.live.Take(lane, w.now.Add(longest))
			if !ok && !next.IsZero() {
				t.Fatalf("something waits until %v, and it is %v", next, w.now)
			}
			if ok {
				w.append(t, Entry{Settle: &Settle{got.ID, queue.Outcome{Kind: queue.Delivered, At: w.now}}})
			}
		}
		if now := w.live.Stats().Waiting; now == left {
			t.Fatalf("%d deliveries wait, and none goes out", left)
		} else {
			left = now
		}
	}
}

// TestNothingIsYoungerThanTheClock: else a dead delivery would be kept, and one that waits be tried,
// for longer by as much as the clock was ahead.
func TestNothingIsYoungerThanTheClock(t *testing.T) {
	h := newHistory(t)
	ahead, now := noon.Add(365*24*time.Hour), noon.Add(time.Minute)
	dies, begun := accepted(1), accepted(2)
	id := func(e Entry) ID { return DeliveryID(EventID(&e.Accept.Event), &room) }
	h.append(dies, begun)
	dead := queue.Outcome{Kind: queue.Dead, At: ahead}
	h.append(Entry{Settle: &Settle{id(dies), dead}}, Entry{Settle: &Settle{id(begun), dead}})
	h.append(Entry{Resume: &Resume{At: ahead, IDs: []ID{id(begun)}}})

	h.live.Rewind(now)
	if old := h.live.Expired(now.Add(time.Second)); len(old) != 1 {
		t.Errorf("%d died before now, want the one", len(old))
	}
	if l, ok, _ := h.live.Take(queue.Healthy, now); !ok || !l.Since.Equal(now) {
		t.Errorf("took %v, which is tried since %v; want it tried since %v", ok, l.Since, now)
	}
}
