package trail

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/record"
	"github.com/travishook/travishook/internal/travis"
)

var start = time.Date(2026, 1, 3, 12, 0, 0, 0, time.UTC)

// declaring is a trail in whose cluster owner example declares everything, and nobody else anything.
func declaring() *Trail {
	return New(start, func(slug string) bool { return strings.HasPrefix(slug, "example/") })
}

// judged is a webhook that came so many seconds after the start; proven if it has a build.
func judged(slug string, second int, build string) receiver.Report {
	j := receiver.Report{At: start.Add(time.Duration(second) * time.Second), Slug: slug, Reason: receiver.ReasonNoProof}
	if build != "" {
		j.Reason, j.Event = receiver.ReasonStored, &travis.Event{Build: travis.Build{Number: build}}
	}
	return j
}

func TestTheNewestComeFirst(t *testing.T) {
	trail := declaring()
	trail.Judged(judged("Example/Example", 1, "1"))
	trail.Judged(judged("example/example", 2, ""))
	trail.Judged(judged("example/EXAMPLE", 3, "2"))
	var got []string
	for _, j := range trail.Webhooks("example/Example") {
		got = append(got, j.At.Sub(start).String()+" "+j.Reason)
	}
	want := []string{"3s stored", "2s no_proof", "1s stored"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestStrangersCannotPushOutWhatIsProven(t *testing.T) {
	trail := declaring()
	trail.Judged(judged("example/example", 0, "1"))
	for i := range 10 * refusedOverall {
		trail.Judged(judged("example/example", i, ""))
		trail.Judged(judged(fmt.Sprintf("example/%d", i), i, ""))
		trail.Judged(judged(fmt.Sprintf("stranger/%d", i), i, ""))
	}
	if all := trail.Webhooks("example/example"); all[len(all)-1].Event == nil {
		t.Error("the proven webhook is forgotten")
	}
	if n := trail.refused.order.Len() + trail.strangers.order.Len(); n > refusedOverall+strangersOverall {
		t.Errorf("%d webhooks that prove nothing are remembered", n)
	}
	if n := len(trail.Strangers()); n != strangersOverall {
		t.Errorf("%d strangers, want the newest %d", n, strangersOverall)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	trail := declaring()
	large := strings.Repeat("x", 16<<10)
	for i := range 5000 {
		j := judged(fmt.Sprintf("example/%d", i%1000), i, "1")
		j.Event.Commit.Message = large
		trail.Judged(j)
		s := queue.Summary{ID: fmt.Sprint(i), Repository: "example/example"}
		trail.Ended(s)
		for range 20 {
			trail.Attempted(record.Attempt{Delivery: queue.Delivery{ID: s.ID}})
		}
	}
	if trail.proven.bytes > provenBytes || trail.proven.bytes < provenBytes/2 {
		t.Errorf("events take %d bytes of %d", trail.proven.bytes, provenBytes)
	}
	if n := len(trail.Webhooks("example/999")); n == 0 {
		t.Error("the newest are forgotten")
	}
	if n := len(trail.Webhooks("example/0")); n != 1 {
		t.Errorf("%d of a repository whose older ones made place are remembered, want the newest", n)
	}
	if n := len(trail.Deliveries("example/example")); n != endedPerRepository {
		t.Errorf("%d ended deliveries", n)
	}
	if n := len(trail.Attempts("4999")); n != attemptsPerDelivery {
		t.Errorf("%d attempts of one delivery", n)
	}
	if n := trail.attempts.order.Len(); n > attemptsOverall {
		t.Errorf("%d attempts", n)
	}
}

func TestWhatNobodyCanDeclareIsNotRemembered(t *testing.T) {
	trail := declaring()
	for _, slug := range []string{"", "example", "example/", "/example", "a/b/c", "ex ample/é", "example/" + strings.Repeat("x", 200), "a/b\n"} {
		trail.Judged(judged(slug, 1, ""))
		trail.Ended(queue.Summary{Repository: slug})
	}
	if got := trail.Strangers(); len(got) != 0 {
		t.Errorf("remembered %q", got)
	}
}

func TestAShelfKeepsTheNewest(t *testing.T) {
	s := newShelf[int](2, 3, 0)
	for i, key := range []string{"a", "a", "a", "b", "c", "c"} {
		s.put(key, i, 0)
	}
	got := map[string][]int{"a": s.of("a"), "b": s.of("b"), "c": s.of("c")}
	if diff := cmp.Diff(map[string][]int{"a": {}, "b": {3}, "c": {4, 5}}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(s.by) != 2 {
		t.Errorf("empty keys are kept: %v", s.by)
	}
}

func BenchmarkJudged(b *testing.B) {
	trail := declaring()
	j := judged("example/example", 1, "1")
	b.ReportAllocs()
	for b.Loop() {
		trail.Judged(j)
	}
}
