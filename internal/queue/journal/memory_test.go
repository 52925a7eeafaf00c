package journal

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/queue"
)

// TestMemoryIsEstimated compares the estimate with the heap, for different mixes of events: it is at least
// the real size, and at most twice as much.
func TestMemoryIsEstimated(t *testing.T) {
	long := strings.Repeat("x", 200)
	for name, mix := range map[string]struct {
		events, targets int
		target          func(event, n int) queue.Target
		outcome         *queue.Outcome
	}{
		"one channel": {events: 20_000, targets: 1, target: func(int, int) queue.Target { return room }},
		"a channel each": {events: 20_000, targets: 1, target: func(event, _ int) queue.Target {
			return inChannel(fmt.Sprint("#", event))
		}},
		"many channels": {events: 100, targets: 200, target: func(_, n int) queue.Target {
			return inChannel(fmt.Sprint("#", n))
		}},
		"long names": {events: 200, targets: 100, target: func(event, n int) queue.Target {
			return inChannel(fmt.Sprint(long, event, "-", n))
		}},
		"dead letters": {
			events: 20_000, targets: 1, target: func(int, int) queue.Target { return room },
			outcome: &queue.Outcome{Kind: queue.Dead, At: noon, Reason: long},
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := heapBytes()
			s := New(remembered)
			for i := range mix.events {
				e := accepted(int64(i))
				e.Accept.Targets = nil
				for n := range mix.targets {
					e.Accept.Targets = append(e.Accept.Targets, mix.target(i, n))
				}
				s.Apply(uint64(2*i+1), decoded(t, e))
				if mix.outcome != nil {
					id := DeliveryID(EventID(&e.Accept.Event), &e.Accept.Targets[0])
					s.Apply(uint64(2*i+2), decoded(t, Entry{Settle: &Settle{ID: id, Outcome: *mix.outcome}}))
				}
			}
			heap, estimate := heapBytes()-before, s.Stats().Memory
			t.Logf("%d deliveries: %d bytes of heap each, estimated %d", mix.events*mix.targets,
				heap/int64(mix.events*mix.targets), estimate/int64(mix.events*mix.targets))
			if estimate < heap || estimate > 2*heap {
				t.Errorf("estimated %d bytes, and the heap has grown by %d", estimate, heap)
			}
			runtime.KeepAlive(s)
		})
	}
}

func inChannel(address string) queue.Target {
	t := room
	t.Route, t.Address = address, address
	t.Channel, t.Destination = "team-a/chat/"+address, "system/chat/"+address
	return t
}

// decoded returns an entry as read from the log, with strings of its own.
func decoded(t *testing.T, e Entry) []Entry {
	t.Helper()
	if err := e.Encode(); err != nil {
		t.Fatal(err)
	}
	return mustSplit(t, Join([]Entry{e}))
}

// TestIdleDestinationsAreBounded: a namespace may have new addresses all the time, each of which fails.
func TestIdleDestinationsAreBounded(t *testing.T) {
	s := New(remembered)
	seq := uint64(0)
	for i := range 2 * maxIdle {
		e := accepted(int64(i))
		e.Accept.Targets = []queue.Target{inChannel(fmt.Sprint("#", i))}
		place := Place{Destination: e.Accept.Targets[0].Destination}
		id := DeliveryID(EventID(&e.Accept.Event), &e.Accept.Targets[0])
		at := noon.Add(time.Duration(i) * time.Millisecond)
		failed := queue.Outcome{Kind: queue.Dead, At: at, Reason: "refused"}
		dropped := &Drop{At: at, IDs: []ID{id}, Reason: "dropped"}
		for _, entry := range []Entry{e, {Settle: &Settle{ID: id, Place: place, Outcome: failed}}, {Drop: dropped}} {
			seq++
			s.Apply(seq, decoded(t, entry))
		}
	}
	if n := len(s.destinations); n != maxIdle || len(s.idle) != maxIdle {
		t.Errorf("%d destinations are remembered, %d of them idle; want %d", n, len(s.idle), maxIdle)
	}
	last := fmt.Sprint("system/chat/#", 2*maxIdle-1)
	if d, ok := s.destinations[Place{Destination: last}]; !ok || !d.failing {
		t.Error("the last is forgotten, and should be the first")
	}
}
