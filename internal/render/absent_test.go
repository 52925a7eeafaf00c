package render

import (
	"strings"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/travis"
)

// TestWhatTravisDidNotSendIsNotShownAsAFact renders an event with the required fields only.
func TestWhatTravisDidNotSendIsNotShownAsAFact(t *testing.T) {
	bare := func() *travis.Event {
		return &travis.Event{
			Repository:  travis.Repository{ID: 1, Owner: "example", Name: "example"},
			Build:       travis.Build{ID: 2, Type: travis.PullRequest, State: "passed", Result: travis.Passed},
			PullRequest: &travis.PR{},
		}
	}
	backwards := bare()
	backwards.Build.Started = time.Date(2026, 11, 26, 10, 5, 0, 0, time.UTC)
	backwards.Build.Finished = backwards.Build.Started.Add(-10 * time.Second)
	linked := bare()
	linked.Commit.CompareURL = "https://github.com/example/example/compare/a...b"

	for name, e := range map[string]*travis.Event{"bare": bare(), "finished before it started": backwards, "no pull request's page": linked} {
		if got, want := defaultText(defaultSpans(e)), "[Travis-CI] [example/example] a build: passed for a pull request."; got != want {
			t.Errorf("%s: the text is %q, want %q", name, got, want)
		}
		for _, f := range fields(e, true) {
			t.Errorf("%s: there is a field %s: %+v", name, f.Name, f.Value)
		}
		values := data(e)
		want := map[string]any{
			"build_number": "", "pull_request_number": "", "pull_request_url": "", "duration": "?", "elapsed_time": "?", "what": "a pull request",
		}
		for variable, value := range want {
			if values[variable] != value {
				t.Errorf("%s: %s is %q, want %q", name, variable, values[variable], value)
			}
		}
		for variable, value := range values {
			if text, ok := value.(string); ok && strings.HasPrefix(text, "-") {
				t.Errorf("%s: %s is %q", name, variable, text)
			}
		}
	}
}
