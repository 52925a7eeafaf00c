package journal

import (
	"fmt"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/travis"
)

// TestTransitions follows a branch through what Travis reports wrongly.
func TestTransitions(t *testing.T) {
	type step struct {
		build   int64
		state   string
		started int // minutes
		// want is the result, with the build that it was compared with; empty while Travis' word stands.
		want string
	}
	for name, steps := range map[string][]step{
		"the first build": {{1, "failed", 0, ""}},
		"one after another": {
			{1, "passed", 0, ""}, {2, "failed", 10, "broken by 1 passed"}, {3, "failed", 20, "still_failing by 2 failed"},
			{4, "passed", 30, "fixed by 3 failed"}, {5, "passed", 40, "passed by 4 passed"},
		},
		"an errored and a canceled build in between": {
			{1, "failed", 0, ""}, {2, "errored", 10, ""}, {3, "canceled", 20, ""}, {4, "failed", 30, "still_failing by 1 failed"},
			{5, "errored", 40, ""}, {6, "passed", 50, "fixed by 4 failed"},
		},
		"builds that overlap": {
			{1, "passed", 0, ""}, {3, "passed", 2, "passed by 1 passed"}, {2, "failed", 1, "broken by 1 passed"},
			{4, "passed", 20, "passed by 3 passed"},
		},
		"a restarted build": {
			{1, "passed", 0, ""}, {2, "failed", 10, "broken by 1 passed"}, {2, "passed", 20, "fixed by 2 failed"},
			{3, "failed", 30, "broken by 2 passed"},
		},
		"an old build that is restarted": {
			{1, "passed", 0, ""}, {2, "passed", 10, "passed by 1 passed"}, {3, "passed", 20, "passed by 2 passed"},
			{1, "failed", 30, "broken by 1 passed"}, {4, "failed", 40, "broken by 3 passed"},
		},
		"a copy of a run's end": {
			{1, "passed", 0, ""}, {2, "failed", 10, "broken by 1 passed"}, {2, "passed", 20, "fixed by 2 failed"},
			{2, "passed", 20, "fixed by 2 failed"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := New(remembered)
			for i, step := range steps {
				e := travis.Event{
					Repository: travis.Repository{ID: 1, Owner: "example", Name: "example"},
					Build: travis.Build{
						ID: step.build, Number: fmt.Sprint(step.build), Type: travis.Push, Branch: "main",
						State: step.state, Result: travis.Result(step.state), Started: noon.Add(time.Duration(step.started) * time.Minute),
					},
				}
				got := ""
				if transition := TransitionOf(&e, s.Runs(HistoryID(&e, "one"), noon)); transition != nil {
					got = fmt.Sprintf("%s by %s %s", transition.Computed, transition.Build, transition.State)
				}
				if got != step.want {
					t.Errorf("step %d, build %d %s: %q, want %q", i, step.build, step.state, got, step.want)
				}
				s.Apply(uint64(i+1), []Entry{{Finish: NewFinish(&e, "one", noon)}})
			}
		})
	}
}

func TestBranchesPullRequestsAndNamespacesAreApart(t *testing.T) {
	base := travis.Event{Repository: travis.Repository{ID: 1}, Build: travis.Build{Branch: "main", Type: travis.Push, State: "failed"}}
	other := func(change func(*travis.Event)) *travis.Event {
		e := base
		change(&e)
		return &e
	}
	ids := map[ID]string{HistoryID(&base, "one"): "base", HistoryID(&base, "two"): "namespace"}
	for name, e := range map[string]*travis.Event{
		"repository":           other(func(e *travis.Event) { e.Repository.ID = 2 }),
		"branch":               other(func(e *travis.Event) { e.Build.Branch = "next" }),
		"type":                 other(func(e *travis.Event) { e.Build.Type = travis.Cron }),
		"pull request":         other(func(e *travis.Event) { e.Build.Type, e.PullRequest = travis.PullRequest, &travis.PR{Number: 1} }),
		"another pull request": other(func(e *travis.Event) { e.Build.Type, e.PullRequest = travis.PullRequest, &travis.PR{Number: 2} }),
	} {
		if same, ok := ids[HistoryID(e, "one")]; ok {
			t.Errorf("%s and %s share a history", name, same)
		}
		ids[HistoryID(e, "one")] = name
	}
	next := other(func(e *travis.Event) { e.PullRequest = &travis.PR{Number: 2} })
	moved := other(func(e *travis.Event) { e.PullRequest, e.Build.Branch = &travis.PR{Number: 2}, "next" })
	if HistoryID(next, "one") != HistoryID(moved, "one") {
		t.Error("a pull request that is retargeted loses its history")
	}
}

// TestHistoriesAreBounded: the oldest runs go first, and all of them when nothing was built for a month.
func TestHistoriesAreBounded(t *testing.T) {
	s := New(remembered)
	key := HistoryID(&travis.Event{Build: travis.Build{Branch: "main"}}, "one")
	for n := range 20 {
		e := &travis.Event{Build: travis.Build{ID: int64(n + 1), Branch: "main", State: "passed"}}
		s.Apply(uint64(n+1), []Entry{{Finish: NewFinish(e, "one", noon)}})
	}
	if runs := s.Runs(key, noon); len(runs) != historyRuns || runs[0].Build != 20-historyRuns+1 {
		t.Errorf("kept %+v", runs)
	}
	later := noon.Add(historyKept)
	if runs := s.Runs(key, later); runs != nil {
		t.Errorf("after a month: %+v", runs)
	}
	if s.RemoveExpired(later); len(s.histories) != 0 || len(s.namespaces) != 0 {
		t.Errorf("%d histories and %d namespaces are left", len(s.histories), len(s.namespaces))
	}
}
