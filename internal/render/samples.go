package render

import (
	"strings"
	"time"

	"github.com/travishook/travishook/internal/travis"
)

// Sample is a made-up event for checking templates.
type Sample struct {
	Name  string // in words: still failing, pull request
	Event travis.Event
}

// Samples returns one event for each result and build type, and one for a tag: every case that a template
// may distinguish.
func Samples() []Sample {
	var all []Sample
	for _, r := range travis.Results {
		for _, t := range travis.BuildTypes {
			all = append(all, Sample{Name: status(r) + ", " + strings.ReplaceAll(string(t), "_", " "), Event: sampleEvent(r, t)})
		}
		tagged := sampleEvent(r, travis.Push)
		tagged.Build.Tag, tagged.Build.Branch = "v1.2.0", "v1.2.0"
		all = append(all, Sample{Name: status(r) + ", tag", Event: tagged})
	}
	return all
}

// states are what Travis calls the state of a build of each result.
var states = map[travis.Result]string{
	travis.Pending: "started", travis.Passed: "passed", travis.Fixed: "passed",
	travis.Broken: "failed", travis.Failed: "failed", travis.StillFailing: "failed",
	travis.Errored: "errored", travis.Canceled: "canceled",
}

func sampleEvent(r travis.Result, t travis.BuildType) travis.Event {
	started := time.Date(2026, time.November, 23, 15, 4, 5, 0, time.UTC)
	e := travis.Event{
		Repository: travis.Repository{ID: 1234, Owner: "example", Name: "example"},
		Build: travis.Build{
			ID: 277712204, Number: "123", Type: t, State: states[r], Result: r, Branch: "main",
			URL:     "https://app.travis-ci.com/example/example/builds/277712204",
			Started: started,
		},
		Commit: travis.Commit{
			SHA:     "62aae5f70ceee39123ef4d6c8f0b1a9d2e7f5a31",
			Message: "Keep the order of events\n\nThey came out of order after a restart.",
			Author:  "Ada Example", Committer: "Grace Example", Committed: started.Add(-time.Minute),
			CompareURL: "https://github.com/example/example/compare/1a2b3c4d5e6f...62aae5f70cee",
		},
		Jobs: []travis.Job{
			{ID: 638473449, Number: "123.1", Name: "unit tests", State: states[r], Started: started},
			{ID: 638473450, Number: "123.2", Name: "docs", State: states[r], Started: started, AllowFailure: true},
		},
	}
	if r != travis.Pending {
		e.Build.Finished, e.Build.Duration = started.Add(time.Minute), 95*time.Second
		for i := range e.Jobs {
			e.Jobs[i].Finished = e.Build.Finished
		}
	}
	if t == travis.PullRequest {
		e.PullRequest = &travis.PR{Number: 42, Title: "Keep the order"}
		e.Commit.CompareURL = "https://github.com/example/example/pull/42"
	}
	return e
}
