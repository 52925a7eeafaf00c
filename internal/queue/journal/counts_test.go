package journal

import (
	"fmt"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/queue"
)

// BenchmarkScrapeAmongAMillion reads what metrics and one route's status need, and one build's deliveries,
// while a million others wait.
func BenchmarkScrapeAmongAMillion(b *testing.B) {
	s := New(time.Hour)
	for i := range 1_000_000 {
		e := accepted(int64(i))
		e.Accept.Event.Repository.Name = fmt.Sprint("example-", i%1000)
		t := inChannel(fmt.Sprint("#", i%1000))
		t.Route = fmt.Sprint("route-", i%1000)
		e.Accept.Targets = []queue.Target{t}
		s.Apply(uint64(i+1), []Entry{e})
	}
	b.Run("counts", func(b *testing.B) {
		for b.Loop() {
			if s.Counts().Waiting != 1_000_000 {
				b.Fatal("lost some")
			}
		}
	})
	b.Run("channels", func(b *testing.B) {
		for b.Loop() {
			s.Channels("team-a", "route-7", noon)
		}
	})
	b.Run("one build", func(b *testing.B) {
		for b.Loop() {
			if got := query(s, queue.Query{Repository: "example/example-7", Build: "7"}); len(got) != 1 {
				b.Fatalf("%d deliveries", len(got))
			}
		}
	})
}
