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

// newTestTrail returns a trail where routes name all repositories of the owner example, and no others.
func newTestTrail() *Trail {
	return New(start, func(slug string) bool { return strings.HasPrefix(slug, "example/") })
}

// report is a webhook some seconds after the start; authorized if it has a build.
func report(slug string, second int, build string) receiver.Report {
	r := receiver.Report{At: start.Add(time.Duration(second) * time.Second), Slug: slug, Reason: receiver.ReasonNoProof}
	if build != "" {
		r.Reason, r.Event = receiver.ReasonStored, &travis.Event{Build: travis.Build{Number: build}}
	}
	return r
}

func TestNewestWebhooksComeFirst(t *testing.T) {
	trail := newTestTrail()
	trail.Report(report("Example/Example", 1, "1"))
	trail.Report(report("example/example", 2, ""))
	trail.Report(report("example/EXAMPLE", 3, "2"))
	var got []string
	for _, w := range trail.Local("example/Example").Webhooks {
		got = append(got, w.At.Sub(start).String()+" "+w.Reason)
	}
	want := []string{"3s stored", "2s no_proof", "1s stored"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestStrangersDisplaceNothingAuthorized(t *testing.T) {
	trail := newTestTrail()
	trail.Report(report("example/example", 0, "1"))
	for i := range 10 * rejectedOverall {
		trail.Report(report("example/example", i, ""))
		trail.Report(report(fmt.Sprintf("example/%d", i), i, ""))
		trail.Report(report(fmt.Sprintf("stranger/%d", i), i, ""))
	}
	if all := trail.Local("example/example").Webhooks; all[len(all)-1].Build == nil {
		t.Error("the authorized webhook is forgotten")
	}
	if n := trail.rejected.order.Len() + trail.undeclared.order.Len(); n > rejectedOverall+undeclaredOverall {
		t.Errorf("%d rejected webhooks are remembered", n)
	}
	if n := len(trail.undeclared.byKey); n != undeclaredOverall {
		t.Errorf("%d undeclared repositories, want the newest %d", n, undeclaredOverall)
	}
	for _, h := range trail.counts.hours {
		if len(h.n) > 2*countsOverall {
			t.Errorf("%d counters of one hour", len(h.n))
		}
	}
	if b := trail.takeUnsaved(); len(b.Webhooks) != 1 {
		t.Errorf("%d webhooks would be stored, want the authorized one", len(b.Webhooks))
	}
}

func TestMemoryIsBounded(t *testing.T) {
	trail := newTestTrail()
	large := strings.Repeat("x", 16<<10)
	for i := range 5000 {
		r := report(fmt.Sprintf("example/%d", i%1000), i, "1")
		r.Event.Commit.Message = large
		trail.Report(r)
		s := queue.Summary{ID: fmt.Sprint(i), Repository: "example/example"}
		trail.Ended(s)
		for range 20 {
			trail.Attempted(record.Attempt{Delivery: queue.Delivery{ID: s.ID, Event: travis.Event{Repository: travis.Repository{Owner: "example", Name: "example"}}}})
		}
	}
	if trail.authorized.bytes > authorizedBytes || trail.authorized.bytes < authorizedBytes/2 {
		t.Errorf("events take %d bytes of %d", trail.authorized.bytes, authorizedBytes)
	}
	if n := len(trail.Local("example/999").Webhooks); n == 0 {
		t.Error("the newest are forgotten")
	}
	if n := len(trail.Local("example/0").Webhooks); n != 1 {
		t.Errorf("%d of a repository whose older ones were displaced are remembered, want the newest", n)
	}
	r := trail.Local("example/example")
	if n := len(r.Ended); n != endedPerRepository {
		t.Errorf("%d ended deliveries", n)
	}
	if n := len(r.Attempts["4999"]); n != attemptsPerDelivery {
		t.Errorf("%d attempts of one delivery", n)
	}
	if n := trail.attempts.order.Len(); n > attemptsOverall {
		t.Errorf("%d attempts", n)
	}
}

func TestInvalidSlugsAreNotRemembered(t *testing.T) {
	trail := newTestTrail()
	for _, slug := range []string{"", "example", "example/", "/example", "a/b/c", "ex ample/é", "example/" + strings.Repeat("x", 200), "a/b\n"} {
		trail.Report(report(slug, 1, ""))
		trail.Ended(queue.Summary{Repository: slug})
	}
	if n := trail.undeclared.order.Len() + trail.rejected.order.Len() + trail.ended.order.Len(); n != 0 {
		t.Errorf("%d are remembered", n)
	}
}

func TestSimilarNames(t *testing.T) {
	trail := newTestTrail()
	for i, slug := range []string{
		"example/example", "example/examlpe", "example/examples", "example/xample", "exampl/exampl", "example/exapmel",
		"exumple/exumplo", "example/sample", "other/other", "example/example-long",
	} {
		trail.Report(report(slug, i, ""))
	}
	want := []string{"exampl/exampl", "example/examlpe", "example/examples", "example/sample", "example/xample"}
	if diff := cmp.Diff(want, trail.Local("example/example").Similar); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A repository is not said to have lost webhooks because others have.
func TestForgottenWebhooksAreThoseOfTheRepository(t *testing.T) {
	trail := newTestTrail()
	trail.authorized.overall = 4
	check := func(name string, since int, dropped bool) {
		t.Helper()
		r := trail.Local("example/" + name)
		if got := r.Start().Sub(start); got != time.Duration(since)*time.Second || r.Dropped != dropped {
			t.Errorf("%s: complete since second %v, older ones dropped: %t; want %d, %t", name, got.Seconds(), r.Dropped, since, dropped)
		}
	}
	for second, name := range []string{1: "lost", 2: "quiet", 3: "busy", 4: "busy", 5: "busy"} {
		if name != "" {
			trail.Report(report("example/"+name, second, "1"))
		}
	}
	check("lost", 1, false)
	check("never", 1, false)
	check("quiet", 0, false)
	check("busy", 0, false)

	trail.Report(report("example/lost", 6, "2"))
	check("lost", 1, false)
	check("quiet", 2, false)
	trail.Report(report("example/lost", 7, "3"))
	check("busy", 0, true)
	check("lost", 1, false)

	r := Records{Since: start}
	r.Merge(trail.Local("example/quiet"))
	if got := r.Start().Sub(start); got != 2*time.Second {
		t.Errorf("with another replica's: complete since %v", got)
	}
}

func TestRecentKeepsTheNewest(t *testing.T) {
	r := newRecent[int](2, 3, 0)
	for i, key := range []string{"a", "a", "a", "b", "c", "c"} {
		r.add(key, i, 0)
	}
	got := map[string][]int{"a": r.get("a"), "b": r.get("b"), "c": r.get("c")}
	if diff := cmp.Diff(map[string][]int{"a": {}, "b": {3}, "c": {4, 5}}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(r.byKey) != 2 {
		t.Errorf("empty keys are kept: %v", r.byKey)
	}
}

func BenchmarkReport(b *testing.B) {
	trail := newTestTrail()
	r := report("example/example", 1, "1")
	b.ReportAllocs()
	for b.Loop() {
		trail.Report(r)
	}
}
