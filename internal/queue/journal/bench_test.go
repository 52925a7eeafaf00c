package journal

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

// BenchmarkTakeAmongDeadChannels takes deliveries of one working channel, beside a thousand failing ones
// with a hundred deliveries waiting in each.
func BenchmarkTakeAmongDeadChannels(b *testing.B) {
	for _, dead := range []int{0, 1000} {
		b.Run(fmt.Sprint("dead=", dead), func(b *testing.B) {
			now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
			s := New(time.Hour)
			before := heapBytes()
			seq := uint64(0)
			accept := func(build int, room string) {
				seq++
				e := Entry{Accept: &Accept{
					At:        now,
					Event:     travis.Event{Repository: travis.Repository{ID: 1}, Build: travis.Build{ID: int64(build), State: fmt.Sprint(seq)}},
					Namespace: "team-a", Targets: []queue.Target{{Namespace: "team-a", Route: room, Address: room, Channel: room}},
				}}
				s.Apply(seq, []Entry{e})
			}
			attempt := func(o queue.Outcome) {
				l, ok, _ := s.Take(queue.Healthy, now)
				if !ok {
					b.Fatal("nothing to take")
				}
				seq++
				s.Apply(seq, []Entry{{Settle: &Settle{ID: l.ID, Outcome: o, Place: l.Place}}})
			}
			for channel := range dead {
				for build := range 100 {
					accept(build, fmt.Sprint("dead-", channel))
				}
				attempt(queue.Outcome{Kind: queue.Retry, At: now, Due: now.Add(time.Hour)})
			}
			perDelivery := float64(heapBytes()-before) / float64(max(dead*100, 1))
			for b.Loop() {
				accept(1, "alive")
				attempt(queue.Outcome{Kind: queue.Delivered, At: now})
			}
			b.ReportMetric(perDelivery, "B/delivery")
			runtime.KeepAlive(s)
		})
	}
}

func heapBytes() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
