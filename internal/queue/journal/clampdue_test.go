package journal

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/travishook/travishook/internal/queue"
)

// clampDueTimes must change nothing if the clock was never set back. The model does not implement it.
func (h *harness) clampDueTimes(t *rapid.T) {
	if n := h.live.ClampDueTimes(h.now); n > 0 {
		t.Fatalf("%d deliveries became due earlier, though the clock was never set back", n)
	}
}

// TestClockSetBackDelaysNothing changes the state at random while the clock jumps. Afterwards no delivery may wait
// for longer than its last outcome asked for.
func TestClockSetBackDelaysNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHarness()
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			h.now = h.now.Add(time.Duration(rapid.IntRange(-1000, 1000).Draw(t, "hours")) * time.Hour)
			h.live.ClampDueTimes(h.now)
			h.upset(t)
		}
		if rapid.Bool().Draw(t, "restart") {
			h.live = h.replay(t)
		}
		h.now = h.now.Add(-time.Duration(rapid.IntRange(0, 1000).Draw(t, "hours back")) * time.Hour)
		before := listed(h.live)
		h.live.ClampDueTimes(h.now)
		for i, d := range listed(h.live) {
			h.waits(t, before[i], d)
		}
		h.inOrder(t)
		if n := h.live.ClampDueTimes(h.now); n > 0 {
			t.Errorf("a second call made %d deliveries due earlier", n)
		}
		h.allOut(t)
	})
}

// upset accepts, attempts and settles something, without the model, which does not simulate the clock.
func (h *harness) upset(t *rapid.T) {
	if a, ok := h.drawUnseen(t); ok {
		h.append(t, Entry{Accept: &a})
	}
	for _, lane := range []queue.Lane{queue.Healthy, queue.Probation} {
		for got, ok, _ := h.live.Take(lane, h.now); ok; got, ok, _ = h.live.Take(lane, h.now) {
			o := queue.Outcome{At: h.now, Kind: rapid.SampledFrom([]queue.Kind{queue.Retry, queue.Dead}).Draw(t, "kind")}
			if o.Kind == queue.Retry {
				o.Due = h.now.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "minutes")) * time.Minute)
			}
			h.append(t, Entry{Settle: &Settle{ID: got.ID, Outcome: o, Place: got.Place}})
		}
	}
	if rapid.IntRange(0, 3).Draw(t, "trim") == 0 {
		h.trim(t)
	}
}

func (h *harness) drawUnseen(t *rapid.T) (Accept, bool) {
	a := accepted(int64(rapid.IntRange(1, 1000).Draw(t, "build"))).Accept
	a.At, a.Namespace = h.now, "one"
	a.Targets = h.live.Fresh(&a.Event, &queue.Offer{Namespace: "one", Targets: drawTargets(t, "one")}, h.now)
	return *a, len(a.Targets) > 0
}

// waits checks the rule for a delivery: its due time is the same as before, or its whole wait from now on.
func (h *harness) waits(t *rapid.T, before, after queue.Summary) {
	if after.State == queue.DeadLetter {
		return
	}
	delay := time.Duration(0)
	if after.Last.Kind == queue.Retry {
		delay = after.Last.Due.Sub(after.Last.At)
	}
	want := before.Due
	if most := h.now.Add(delay); want.After(most) {
		want = most
	}
	if !after.Due.Equal(want) {
		t.Fatalf("delayed by %v at %v: due at %v, want %v (before: %v)", delay, h.now, after.Due, want, before.Due)
	}
}

// inOrder checks that each channel has its earliest due delivery first.
func (h *harness) inOrder(t *rapid.T) {
	for _, c := range h.live.channels {
		for _, l := range c.heads {
			if first := c.heads[0].first; l.first.due < first.due {
				t.Fatalf("%s has first what is due at %v, and something is due at %v", c.key, fromNano(first.due), fromNano(l.first.due))
			}
		}
	}
}

// allOut waits for as long as the longest delay and no longer: then every delivery is sent.
func (h *harness) allOut(t *rapid.T) {
	const longest = 90 * time.Minute
	left := h.live.Stats().Waiting
	for left > 0 {
		for _, lane := range []queue.Lane{queue.Healthy, queue.Probation} {
			got, ok, next := h.live.Take(lane, h.now.Add(longest))
			if !ok && !next.IsZero() {
				t.Fatalf("something waits until %v, and it is %v", next, h.now)
			}
			if ok {
				h.append(t, Entry{Settle: &Settle{ID: got.ID, Outcome: queue.Outcome{Kind: queue.Delivered, At: h.now}, Place: got.Place}})
			}
		}
		if now := h.live.Stats().Waiting; now == left {
			t.Fatalf("%d deliveries wait, and none goes out", left)
		} else {
			left = now
		}
	}
}

// TestNothingIsYoungerThanTheClock: otherwise a dead delivery would be kept too long, and a waiting one
// retried too long, by as much as the clock was ahead.
func TestNothingIsYoungerThanTheClock(t *testing.T) {
	h := newHistory(t)
	ahead, now := noon.Add(365*24*time.Hour), noon.Add(time.Minute)
	dies, begun := accepted(1), accepted(2)
	id := func(e Entry) ID { return DeliveryID(EventID(&e.Accept.Event), &room) }
	h.append(dies, begun)
	dead := queue.Outcome{Kind: queue.Dead, At: ahead}
	h.append(Entry{Settle: &Settle{ID: id(dies), Outcome: dead}}, Entry{Settle: &Settle{ID: id(begun), Outcome: dead}})
	h.append(Entry{Redrive: &Redrive{At: ahead, IDs: []ID{id(begun)}}})

	h.live.ClampDueTimes(now)
	if old := h.live.Expired(now.Add(time.Second), 10); len(old) != 1 {
		t.Errorf("%d died before now, want the one", len(old))
	}
	if l, ok, _ := h.live.Take(queue.Healthy, now); !ok || !l.Since.Equal(now) {
		t.Errorf("took %v, which is tried since %v; want it tried since %v", ok, l.Since, now)
	}
}
