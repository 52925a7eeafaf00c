package pagerduty

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/travis"
)

// TestAction: what each result does to the branch's alert.
func TestAction(t *testing.T) {
	want := map[travis.Result]string{
		travis.Broken: "trigger", travis.Failed: "trigger", travis.StillFailing: "trigger", travis.Errored: "trigger",
		travis.Passed: "resolve", travis.Fixed: "resolve",
		travis.Pending: "", travis.Canceled: "",
	}
	got := map[travis.Result]string{}
	for _, r := range travis.Results {
		got[r] = action(r)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestDedupKey: the builds of a branch share an alert, whoever triggered them. Pull requests have their own, so that
// one that fails is no alert of the branch that it is for, and one that passes resolves none.
func TestDedupKey(t *testing.T) {
	event := func(slug, branch string, change func(*travis.Event)) string {
		owner, name, _ := strings.Cut(slug, "/")
		e := travis.Event{Repository: travis.Repository{Owner: owner, Name: name}, Build: travis.Build{Branch: branch}}
		if change != nil {
			change(&e)
		}
		return dedupKey(&e)
	}
	pull := func(n int64) func(*travis.Event) {
		return func(e *travis.Event) { e.Build.Type, e.PullRequest = travis.PullRequest, &travis.PR{Number: n} }
	}
	main := event("example/widget", "main", nil)
	if len(main) > 255 || main != event("Example/Widget", "main", func(e *travis.Event) { e.Build.Type = travis.Cron }) {
		t.Errorf("a branch has several keys, or too long ones: %q", main)
	}
	seen := map[string]string{}
	for what, key := range map[string]string{
		"main": main, "MAIN": event("example/widget", "MAIN", nil), "another repository": event("example/other", "main", nil),
		"pull request 7": event("example/widget", "main", pull(7)), "pull request 8": event("example/widget", "main", pull(8)),
		"a branch that is named so": event("example/widget", "pull request 7", nil), "a long branch": event("example/widget", strings.Repeat("b", 1000), nil),
	} {
		if other, taken := seen[key]; taken {
			t.Errorf("%s and %s share an alert", what, other)
		}
		seen[key] = what
	}
}

// TestEvents: where each kind of event goes, and what is in it.
func TestEvents(t *testing.T) {
	m := notify.Message{
		Route: "team-a/example", Level: notify.Bad, Text: "x",
		Spans:      []notify.Span{{Text: "[a/b] build/123", URL: "https://travis.example/123"}, {Text: ":\nbroken"}},
		Fields:     []notify.Field{{Name: "Commit", Value: notify.Span{Text: "62aae5f", URL: "https://git.example/a"}}, {Name: "Tag"}},
		FailedJobs: []notify.Job{{Name: "unit"}, {Name: "docs", Allowed: true}},
		Event: travis.Event{
			Repository: travis.Repository{Owner: "a", Name: "b"}, Commit: travis.Commit{CompareURL: "https://git.example/compare"},
			Build: travis.Build{
				Number: "123", Branch: "main", URL: "https://travis.example/123", Result: travis.Broken,
				Finished: time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC),
			},
		},
	}
	links := []link{{"https://travis.example/123", "Build 123"}, {"https://git.example/compare", "Commits"}}
	details := map[string]string{"Commit": "62aae5f", "Failed jobs": "unit, docs (allowed to fail)", "Route": "team-a/example"}
	want := event{
		Action: "trigger", DedupKey: dedupKey(&m.Event), Client: "Travis CI", ClientURL: "https://travis.example/123", Links: links,
		Payload: payload{
			Summary: "[a/b] build/123: broken", Source: "a/b", Severity: "warning", Timestamp: "2026-11-03T12:00:00Z",
			Component: "main", Group: "a/b", Class: "broken", Details: details,
		},
	}
	if diff := cmp.Diff(want, show(m, "warning")); diff != "" {
		t.Errorf("an alert (-want +got):\n%s", diff)
	}
	m.Event.Build.Result = travis.Canceled
	want = event{Links: links, Payload: payload{Summary: want.Payload.Summary, Source: "a/b", Timestamp: want.Payload.Timestamp, Details: details}}
	if diff := cmp.Diff(want, show(m, "warning")); diff != "" {
		t.Errorf("a change event (-want +got):\n%s", diff)
	}
	m.Event.Build.Result, m.Overtaken = travis.Fixed, true
	if diff := cmp.Diff(want, show(m, "warning")); diff != "" {
		t.Errorf("a build that a later one overtook is not a change event (-want +got):\n%s", diff)
	}
}

// postRecorder is a client that records where events go.
type postRecorder struct{ urls []string }

func (p *postRecorder) RoundTrip(r *http.Request) (*http.Response, error) {
	p.urls = append(p.urls, r.URL.String())
	return &http.Response{StatusCode: http.StatusAccepted, Body: io.NopCloser(strings.NewReader(`{"status":"success"}`))}, nil
}

func TestRegions(t *testing.T) {
	p := &postRecorder{}
	for _, config := range []string{`{}`, `{"region":"US"}`, `{"region":"EU"}`} {
		n, err := Service.New([]byte(config), notify.Credential{"routingKey": secret.New(strings.Repeat("a", 32))}, notify.Deps{HTTP: &http.Client{Transport: p}})
		if err != nil {
			t.Fatal(err)
		}
		for _, result := range []travis.Result{travis.Fixed, travis.Pending} {
			m := notify.Message{Address: "routingKey", Event: travis.Event{Build: travis.Build{Result: result}}}
			if _, err := n.Notify(t.Context(), m); err != nil {
				t.Error(err)
			}
		}
	}
	const us, eu = "https://events.pagerduty.com/v2/", "https://events.eu.pagerduty.com/v2/"
	want := []string{us + "enqueue", us + "change/enqueue", us + "enqueue", us + "change/enqueue", eu + "enqueue", eu + "change/enqueue"}
	if diff := cmp.Diff(want, p.urls); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
