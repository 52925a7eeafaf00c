package travis_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/travis"
)

func TestExpandEvent(t *testing.T) {
	tests := map[string][]travis.Result{
		"success":       {travis.Passed},
		"failure":       {travis.Broken, travis.Failed, travis.Errored},
		"*":             travis.Results,
		"still_failing": {travis.StillFailing},
		"pending":       {travis.Pending},
		"":              nil,
		"Passed":        nil,
		"still failing": nil,
		"exploded":      nil,
	}
	for word, want := range tests {
		got, ok := travis.ExpandEvent(word)
		if diff := cmp.Diff(want, got); diff != "" || ok != (want != nil) {
			t.Errorf("%q: %v %v", word, got, ok)
		}
	}
}

func TestIsStale(t *testing.T) {
	now := time.Date(2026, 1, 3, 12, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		started, finished time.Duration // before now; 0 is absent
		want              bool
	}{
		"just finished":                       {time.Hour, time.Minute, false},
		"finished within the limit":           {48 * time.Hour, 23 * time.Hour, false},
		"finished before the limit":           {26 * time.Hour, 25 * time.Hour, true},
		"pending, started within the limit":   {23 * time.Hour, 0, false},
		"pending, started before the limit":   {25 * time.Hour, 0, true},
		"a little in the future":              {0, -time.Minute, false},
		"further in the future than a clock":  {0, -2 * time.Hour, true},
		"no time at all, so of any time ever": {0, 0, true},
	}
	for name, test := range tests {
		var e travis.Event
		if test.started != 0 {
			e.Build.Started = now.Add(-test.started)
		}
		if test.finished != 0 {
			e.Build.Finished = now.Add(-test.finished)
		}
		if got := e.IsStale(now, 24*time.Hour); got != test.want {
			t.Errorf("%s: stale is %v, want %v", name, got, test.want)
		}
	}
}

func TestTheResultFollowsFromTheBuildBefore(t *testing.T) {
	for _, test := range []struct {
		before, now string
		want        travis.Result
	}{
		{"passed", "passed", travis.Passed},
		{"passed", "failed", travis.Broken},
		{"failed", "passed", travis.Fixed},
		{"failed", "failed", travis.StillFailing},
		{"", "passed", travis.Passed},
		{"", "failed", travis.Failed},
		{"failed", "errored", travis.Errored},
		{"passed", "canceled", travis.Canceled},
	} {
		if got := travis.ComputeResult(test.before, test.now); got != test.want {
			t.Errorf("%q after %q is %s, want %s", test.now, test.before, got, test.want)
		}
	}
}
