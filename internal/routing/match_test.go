package routing

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/travis"
)

// testEvent is a cron build of main that broke after a quarter of an hour.
func testEvent() *travis.Event {
	return &travis.Event{
		Repository: travis.Repository{ID: 17, Owner: "Example", Name: "example"},
		Build: travis.Build{
			ID: 99, Number: "12", Type: travis.Cron, State: "failed", Result: travis.Broken,
			Branch: "main", Duration: 15 * time.Minute, Started: time.Unix(1_700_000_000, 0),
		},
		Commit: travis.Commit{SHA: "62aae5f", Message: "fix\n\nall of it", Author: "Someone"},
		Jobs: []travis.Job{
			{ID: 1, Number: "12.1", State: "passed"},
			{ID: 2, Number: "12.2", State: "failed", AllowFailure: true},
		},
	}
}

// Each rule of a route, both ways, with the explanation.
func TestMatch(t *testing.T) {
	tests := map[string]struct {
		spec v1alpha1.TravisRouteSpec
		rule Rule
		says string
	}{
		"all events":        {spec: v1alpha1.TravisRouteSpec{Events: []v1alpha1.EventName{"*"}}, says: "matched: 1 channel"},
		"the event":         {spec: v1alpha1.TravisRouteSpec{Events: []v1alpha1.EventName{"broken"}}},
		"failure":           {spec: v1alpha1.TravisRouteSpec{Events: []v1alpha1.EventName{"failure"}}},
		"other events":      {spec: v1alpha1.TravisRouteSpec{Events: []v1alpha1.EventName{"success", "failed"}}, rule: RuleEvents, says: "did not match: event broken is not in [passed,failed]"},
		"the defaults":      {},
		"suspended":         {spec: v1alpha1.TravisRouteSpec{Suspend: true}, rule: RuleSuspend, says: "suspended"},
		"not accepted":      {spec: v1alpha1.TravisRouteSpec{Filter: "nonsense"}, rule: RuleAccepted, says: "not accepted"},
		"its number":        {spec: v1alpha1.TravisRouteSpec{RepositoryID: 17}},
		"another number":    {spec: v1alpha1.TravisRouteSpec{RepositoryID: 18}, rule: RuleRepository, says: "did not match: repository id 17 is not 18"},
		"the build type":    {spec: v1alpha1.TravisRouteSpec{BuildTypes: []v1alpha1.BuildType{"push", "cron"}}},
		"other build types": {spec: v1alpha1.TravisRouteSpec{BuildTypes: []v1alpha1.BuildType{"push"}}, rule: RuleBuildTypes, says: `did not match: build type cron is not in ["push"]`},
		"the branch":        {spec: v1alpha1.TravisRouteSpec{Branches: &v1alpha1.Branches{Include: []v1alpha1.Glob{"dev", "m*"}}}},
		"other branches":    {spec: v1alpha1.TravisRouteSpec{Branches: &v1alpha1.Branches{Include: []v1alpha1.Glob{"release/*"}}}, rule: RuleBranches, says: `did not match: branch "main"; branches include ["release/*"] and exclude []`},
		"branch excluded":   {spec: v1alpha1.TravisRouteSpec{Branches: &v1alpha1.Branches{Exclude: []v1alpha1.Glob{"main"}}}, rule: RuleBranches, says: `include [all] and exclude ["main"]`},
		"branch in both":    {spec: v1alpha1.TravisRouteSpec{Branches: &v1alpha1.Branches{Include: []v1alpha1.Glob{"*"}, Exclude: []v1alpha1.Glob{"main"}}}, rule: RuleBranches},
		"branches of none":  {spec: v1alpha1.TravisRouteSpec{Branches: &v1alpha1.Branches{}}},
		"filter":            {spec: v1alpha1.TravisRouteSpec{Filter: `build.duration > duration("10m")`}},
		"filter that is not so": {
			spec: v1alpha1.TravisRouteSpec{Filter: `build.duration > duration("20m")`}, rule: RuleFilter, says: `the filter is false: build.duration > duration("20m")`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.spec.Repository = "example/example"
			test.spec.Channels = []v1alpha1.Channel{{Address: "builds@example.com"}}
			c := NewCompiler(testConfig())
			c.PutRoute(testRoute("a", "example", test.spec))
			repository, _ := c.Table().Repository("example/example")
			n := repository.Namespaces[0]
			want := test.rule == matched
			if got := n.Match(testEvent()); (len(got) == 1) != want {
				t.Errorf("Match = %v, want a target: %v", got, want)
			}
			x := n.Explain(testEvent())[0]
			if x.Rule != test.rule || x.Matched() != want || !strings.Contains(x.Detail, test.says) {
				t.Errorf("Explain = %+v, want rule %q saying %q", x, test.rule, test.says)
			}
		})
	}
}

// A filter that fails on an event matches and is reported; one that costs too much fails.
func TestFilterThatFails(t *testing.T) {
	many := testEvent()
	for range 500 {
		many.Jobs = append(many.Jobs, travis.Job{Number: "12.3"})
	}
	for name, filter := range map[string]string{
		"no such index":  `jobs[1000].state == "passed"`,
		"costs too much": `jobs.all(a, jobs.all(b, a.number != b.number + "x"))`,
		"wrong number":   `int(build.branch) > 0`,
	} {
		t.Run(name, func(t *testing.T) {
			var failures []string
			config := testConfig()
			config.FilterFailed = func(route types.NamespacedName, err error) {
				failures = append(failures, route.String()+": "+err.Error())
			}
			c := NewCompiler(config)
			c.PutRoute(testRoute("a", "example", v1alpha1.TravisRouteSpec{
				Repository: "example/example", Channels: []v1alpha1.Channel{{Address: "x"}}, Filter: filter,
			}))
			repository, _ := c.Table().Repository("example/example")
			if got := repository.Namespaces[0].Match(many); len(got) != 1 {
				t.Errorf("the event went to %d rooms, want 1", len(got))
			}
			if len(failures) != 1 || !strings.HasPrefix(failures[0], "a/example: filter on build 12: ") {
				t.Errorf("reported: %q", failures)
			}
		})
	}
}
