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
		Commit: travis.Commit{SHA: "62aae5f", Message: "mend\n\nall of it", Author: "Someone"},
		Jobs: []travis.Job{
			{ID: 1, Number: "12.1", State: "passed"},
			{ID: 2, Number: "12.2", State: "failed", AllowFailure: true},
		},
	}
}

// Each rule of a route, both ways, with the words that tell why.
func TestMatch(t *testing.T) {
	tests := map[string]struct {
		spec v1alpha1.TravisRouteSpec
		rule Rule
		says string
	}{
		"all events":        {spec: v1alpha1.TravisRouteSpec{Events: []v1alpha1.EventName{"*"}}, says: "it goes to 1 rooms"},
		"the event":         {spec: v1alpha1.TravisRouteSpec{Events: []v1alpha1.EventName{"broken"}}},
		"failure":           {spec: v1alpha1.TravisRouteSpec{Events: []v1alpha1.EventName{"failure"}}},
		"other events":      {spec: v1alpha1.TravisRouteSpec{Events: []v1alpha1.EventName{"success", "failed"}}, rule: RuleEvents, says: "the event is broken, and the route wants passed,failed"},
		"the defaults":      {},
		"suspended":         {spec: v1alpha1.TravisRouteSpec{Suspend: true}, rule: RuleSuspend, says: "suspended"},
		"not accepted":      {spec: v1alpha1.TravisRouteSpec{Filter: "nonsense"}, rule: RuleAccepted, says: "not accepted"},
		"its number":        {spec: v1alpha1.TravisRouteSpec{RepositoryID: 17}},
		"another number":    {spec: v1alpha1.TravisRouteSpec{RepositoryID: 18}, rule: RuleRepository, says: "the route is for repository number 18, and this is 17"},
		"the build type":    {spec: v1alpha1.TravisRouteSpec{BuildTypes: []v1alpha1.BuildType{"push", "cron"}}},
		"other build types": {spec: v1alpha1.TravisRouteSpec{BuildTypes: []v1alpha1.BuildType{"push"}}, rule: RuleBuildTypes, says: `the build is of the type cron, and the route wants "push"`},
		"the branch":        {spec: v1alpha1.TravisRouteSpec{Branches: &v1alpha1.Branches{Include: []v1alpha1.Glob{"dev", "m*"}}}},
		"other branches":    {spec: v1alpha1.TravisRouteSpec{Branches: &v1alpha1.Branches{Include: []v1alpha1.Glob{"release/*"}}}, rule: RuleBranches, says: `the branch is "main", and the route includes "release/*" and excludes none`},
		"branch excluded":   {spec: v1alpha1.TravisRouteSpec{Branches: &v1alpha1.Branches{Exclude: []v1alpha1.Glob{"main"}}}, rule: RuleBranches, says: `includes all and excludes "main"`},
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
			want := test.rule == wanted
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

func TestFilters(t *testing.T) {
	pr := testEvent()
	pr.Build.Type = travis.PullRequest
	pr.PullRequest = &travis.PR{Number: 7, Title: "Mend"}
	tests := map[string]struct {
		filter string
		event  *travis.Event
		want   bool
	}{
		"build":           {`build.number == "12" && build.type == "cron" && build.result == "broken" && build.branch == "main"`, testEvent(), true},
		"time":            {`build.started < timestamp("2024-01-01T00:00:00Z")`, testEvent(), true},
		"commit":          {`commit.message.startsWith("mend") && commit.author == "Someone"`, testEvent(), true},
		"repository":      {`repository.slug == "Example/example" && repository.id == 17`, testEvent(), true},
		"jobs":            {`jobs.all(j, j.state == "passed" || j.allowFailure)`, testEvent(), true},
		"jobs counted":    {`jobs.filter(j, j.state == "failed").size() > 1`, testEvent(), false},
		"pull request":    {`pullRequest.number == 7 && pullRequest.title == "Mend"`, pr, true},
		"no pull request": {`pullRequest.number == 0`, testEvent(), true},
		"regexp":          {`build.branch.matches("^ma[a-z]+$")`, testEvent(), true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, err := compileFilter(test.filter, func(err error) { t.Error(err) })
			if err != nil {
				t.Fatal(err)
			}
			if got := f.passes(test.event); got != test.want {
				t.Errorf("%s = %v, want %v", test.filter, got, test.want)
			}
		})
	}
}

// A filter that fails on an event lets it through and is told of; one that costs too much fails.
func TestFilterThatFails(t *testing.T) {
	many := testEvent()
	for range 500 {
		many.Jobs = append(many.Jobs, travis.Job{Number: "12.3"})
	}
	for name, filter := range map[string]string{
		"no such index":  `jobs[1000].state == "passed"`,
		"costs too much": `jobs.all(a, jobs.all(b, jobs.all(c, a.number != b.number + c.number + "x")))`,
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
				t.Errorf("told: %q", failures)
			}
		})
	}
}
