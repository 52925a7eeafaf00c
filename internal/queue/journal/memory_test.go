package journal

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

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
