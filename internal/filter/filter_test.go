package filter

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/travis"
)

// cronBuild is a cron build of main that broke after a quarter of an hour.
func cronBuild() *travis.Event {
	return &travis.Event{
		Repository: travis.Repository{ID: 17, Owner: "Example", Name: "example"},
		Build: travis.Build{
			ID: 99, Number: "12", Type: travis.Cron, State: "failed", Result: travis.Broken,
			Branch: "main", Duration: 15 * time.Minute, Started: time.Unix(1_700_000_000, 0),
		},
		Commit: travis.Commit{SHA: "62aae5f", Message: "Fix it\n\nall of it", Author: "Someone"},
		Jobs: []travis.Job{
			{ID: 1, Number: "12.1", State: "passed"},
			{ID: 2, Number: "12.2", State: "failed", AllowFailure: true},
		},
	}
}

// largest is an event whose fields are as long as the decoder allows.
func largest() *travis.Event {
	e := cronBuild()
	e.Commit.Message = strings.Repeat("a", 16<<10)
	e.Build.Branch, e.Build.Tag, e.Commit.Author = strings.Repeat("b", 1<<10), strings.Repeat("c", 1<<10), strings.Repeat("d", 1<<10)
	e.PullRequest = &travis.PR{Number: 7, Title: strings.Repeat("e", 1<<10)}
	for len(e.Jobs) < 512 {
		e.Jobs = append(e.Jobs, travis.Job{Number: strings.Repeat("1", 1<<10), State: strings.Repeat("s", 1<<10)})
	}
	return e
}

func TestFilters(t *testing.T) {
	pr := cronBuild()
	pr.Build.Type = travis.PullRequest
	pr.PullRequest = &travis.PR{Number: 7, Title: "Fix"}
	tests := map[string]struct {
		filter string
		event  *travis.Event
		want   bool
	}{
		"build":            {`build.number == "12" && build.type == "cron" && build.result == "broken" && build.branch == "main"`, cronBuild(), true},
		"time":             {`build.started < timestamp("2024-01-01T00:00:00Z")`, cronBuild(), true},
		"zone":             {`build.started.getHours("Europe/Berlin") == 23`, cronBuild(), true},
		"commit":           {`commit.message.startsWith("Fix") && commit.author == "Someone"`, cronBuild(), true},
		"repository":       {`repository.slug == "Example/example" && repository.id == 17`, cronBuild(), true},
		"jobs":             {`jobs.all(j, j.state == "passed" || j.allowFailure)`, cronBuild(), true},
		"jobs counted":     {`jobs.filter(j, j.state == "failed").size() > 1`, cronBuild(), false},
		"jobs mapped":      {`"failed" in jobs.map(j, j.state)`, cronBuild(), true},
		"jobs of one kind": {`jobs.exists_one(j, j.state == "failed")`, cronBuild(), true},
		"macros nested":    {`jobs.exists(a, jobs.exists(b, a.id < b.id && b.state == "failed"))`, cronBuild(), true},
		"pull request":     {`pullRequest.number == 7 && pullRequest.title == "Fix"`, pr, true},
		"no pull request":  {`pullRequest.number == 0`, cronBuild(), true},
		"has":              {`has(build.branch)`, cronBuild(), true},
		"list":             {`build.branch in ["main", "dev"] && !(build.type in ["push"])`, cronBuild(), true},
		"list of fields":   {`[build.branch, build.tag].exists(x, x == "main")`, cronBuild(), true},
		"numbers":          {`build.id % 2 == 1 && double(build.id) / 2.0 > 49.0 && -build.id < 0`, cronBuild(), true},
		"durations":        {`build.duration > duration("10m") && build.duration + duration("1h") < duration("2h")`, cronBuild(), true},
		"conditional":      {`build.type == "cron" ? build.branch == "main" : false`, cronBuild(), true},

		"regular expression": {`build.branch.matches("^ma[a-z]+$") && !commit.message.matches("(?i)skip")`, cronBuild(), true},
		"letters":            {`"Ärger 1".matches("(?i)^\\pL{1,20} [0-9]") && "é".matches("[À-ÿ]")`, cronBuild(), true},
		"join with empty":    {`"-a-".split("-").join(",") == ",a,"`, cronBuild(), true},
		"find":               {`commit.message.find("a[l]+") == "all"`, cronBuild(), true},
		"lowerAscii":         {`commit.message.lowerAscii().startsWith("fix") && "ß".upperAscii() == "ß"`, cronBuild(), true},
		"trim and replace":   {`" a ".trim() + "aXa".replace("a", "b", 1) == "abXa" && "aa".replace("a", "") == ""`, cronBuild(), true},
		"split and join":     {`"a/b/c".split("/", 2) .join("+") == "a+b/c" && "a/b".split("/")[1] == "b"`, cronBuild(), true},
		"substring":          {`"größe".substring(2) == "öße" && "größe".substring(1, 3) == "rö" && "größe".charAt(3) == "ß"`, cronBuild(), true},
		"indexOf":            {`"größe".indexOf("ß") == 3 && "aba".indexOf("a", 1) == 2 && "aba".lastIndexOf("a") == 2 && "a".indexOf("b") == -1`, cronBuild(), true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, err := Compile(test.filter)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := On(test.event).Matches(f); err != nil || got != test.want {
				t.Errorf("%s = %v, %v, want %v", test.filter, got, err, test.want)
			}
		})
	}
}

// Each kind of unbounded expression is refused before it is type-checked; the error says what to write
// instead.
func TestRefused(t *testing.T) {
	for filter, says := range map[string]string{
		`[1].map(a, [a, a]).size() > 0`:           "column 12: nested lists are not allowed",
		`[[1]] == [[1]]`:                          "nested lists are not allowed",
		`[true ? jobs : jobs].size() > 0`:         "nested lists are not allowed",
		`["a/b"].map(x, x.split("/")).size() > 0`: "nested lists are not allowed",
		`[1].map(x, {x: x}).size() > 0`:           "maps are not allowed in a filter: use in with a list",
		`{"a": 1} == {"a": 1}`:                    "maps are not allowed",
		`filter.build{} == build`:                 "objects are not allowed",
		`jobs == jobs`:                            "== and != cannot compare lists or objects: use all() or exists()",
		`build == build`:                          "== and != cannot compare lists or objects",
		`[1, 2] != [1]`:                           "== and != cannot compare lists",
		`jobs[0] in jobs`:                         "in needs a plain value and a list of plain values",
		`"a" in [1, "a"]`:                         "in needs a plain value and a list of plain values of the same type",
		`dyn(1) == dyn("a")`:                      "there is no function dyn",
		`type(build.id) == int`:                   "there is no function type",
		`"%1000000000d".format([1]) == ""`:        "there is no function format",
		`(jobs + jobs).size() > 0`:                "+ cannot join lists",
		`build.branch.matches(commit.message)`:    "a regular expression must be a string literal",
		`build.branch.matches("(.{1000}){1000}")`: "the regular expression is invalid",
		`build.branch.matches("` + strings.Repeat(".{900}", 99) + `")`:       "the regular expression is too large",
		`commit.message.matches(r"(?i)` + strings.Repeat(`[Ā-￰]`, 11) + `")`: "too many classes of Unicode characters",
		`commit.message.matches(r"[` + strings.Repeat(`\PL\pL`, 20) + `]")`:  "too many classes of Unicode characters",
		`commit.message.matches(r"^\pL{100}$")`:                              "the regular expression is too large",
		strings.Repeat(`commit.sha.matches("a{100}") || `, 4) + "true":       "too large together",
		`jobs.exists(i, j, true)`:                                            "exists needs a list before it, and a variable and a condition within it",
		`jobs.all(a, jobs.all(b, jobs.all(c, true)))`:                        "at most two within each other",
		strings.Repeat(`jobs.all(a, true) && `, 10) + `jobs.all(a, true)`:    "too many macros",
		strings.Repeat(`1 in [1] || `, 400) + `true`:                         "too long",
	} {
		_, err := Compile(filter)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.80s: %v, want %q", filter, err, says)
		}
	}
}

// The filters with which tenants stopped the operator are refused at once.
func TestBombs(t *testing.T) {
	for _, path := range []string{"testdata/type-bomb.yaml", "testdata/equality-bomb.yaml"} {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var route v1alpha1.TravisRoute
		if err := yaml.Unmarshal(raw, &route); err != nil {
			t.Fatal(err)
		}
		if _, err := Compile(route.Spec.Filter); err == nil || !strings.Contains(err.Error(), "line 1, column ") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestMistakesInPlainWords(t *testing.T) {
	for filter, says := range map[string]string{
		`build.brnch == "main"`:                   "line 1, column 6: build has no field brnch; did you mean branch?",
		`branch == "main"`:                        "line 1, column 1: there is no variable branch; did you mean build.branch?",
		`biuld.branch == "main"`:                  "there is no variable biuld; did you mean build?",
		`build.branch == main`:                    "column 17: there is no variable main",
		`build.branch.beginsWith("x")`:            "there is no function beginsWith",
		"true &&\n build.branch.lower() == \"x\"": "line 2, column 20: there is no function lower; did you mean lowerAscii?",
		`build.number > 12`:                       "column 14: > does not accept a string and a int",
		`build.duration > 10`:                     `write duration("10m")`,
		"build.branch == \x1b[31m":                `"\x1b" is not part of the language`,
		`build.branch = "main"`:                   "column 14: = is not an operator: write == to compare",
		`build.branch == "a" and true`:            "column 21: and is not an operator: write &&",
		`build.branch == "main`:                   "a string is not closed",
		`(build.branch == "main"`:                 "')' is missing before the end of the filter",
		`build.branch`:                            "the result is a string: it must be true or false",
		`jobs[0].allow_failure`:                   "a job has id, number, name, state, allowFailure",
		`build.branch.startsWith(1)`:              "startsWith of a string does not accept (int)",
	} {
		_, err := Compile(filter)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", filter, err, says)
		}
	}
}

func TestWarnings(t *testing.T) {
	for filter, says := range map[string]string{
		`build.result == "success"`:                                   `build.result is never "success"`,
		`build.result in ["passe", "fixed"]`:                          `did you mean "passed"?`,
		`build.type == "pr" || build.branch == "main"`:                `build.type is never "pr"`,
		`"Passed" != build.state`:                                     `did you mean "passed"?`,
		`false`:                                                       "it is never true, so",
		`build.result == "passed" && build.state == "failed"`:         "it is never true, so",
		`build.branch == "main" && "dev" == build.branch`:             "it is never true, so",
		`build.type == "push" && pullRequest.number > 0`:              "it is never true, so",
		`build.result == "canceled"`:                                  "never true for the events and buildTypes",
		`build.type == "cron" && jobs.exists(j, j.state == "failed")`: "never true for the events and buildTypes",
		`build.type == "push" && build.duration > duration("1h")`:     "",
		`build.result != "passed"`:                                    "",
		`pullRequest.title != "" || build.tag.startsWith("v")`:        "",
	} {
		f, err := Compile(filter)
		if err != nil {
			t.Fatalf("%s: %v", filter, err)
		}
		got := strings.Join(f.Warnings([]travis.Result{travis.Passed, travis.Broken}, []travis.BuildType{travis.Push, travis.PullRequest}), "\n")
		if (got == "") != (says == "") || !strings.Contains(got, says) {
			t.Errorf("%s: %q, want %q", filter, got, says)
		}
	}
}

// A filter that costs too much on an event fails, for each kind of expensive operation.
func TestCostIsCounted(t *testing.T) {
	for name, filter := range map[string]string{
		"steps":       `jobs.all(a, jobs.all(b, a.id + b.id >= 0))`,
		"size":        `jobs.all(a, size(commit.message) + size(commit.message) + size(commit.message) > 0)`,
		"comparison":  `jobs.all(a, jobs.all(b, commit.message == commit.message))`,
		"conversion":  `jobs.all(a, jobs.all(b, string(commit.message) != ""))`,
		"doubling":    `[commit.message].map(a, a + a).map(a, a + a).map(a, a + a).map(a, a + a).map(a, a + a).map(a, a + a).map(a, a + a).map(a, a + a).exists(a, a != "")`,
		"replace":     `jobs.all(a, commit.message.replace("a", "bb") != "")`,
		"split":       `jobs.all(a, commit.message.split("").size() > 0)`,
		"join":        `jobs.all(a, jobs.map(b, b.number).join(commit.author) != "")`,
		"in":          `jobs.all(a, jobs.all(b, !(commit.message in [a.number, b.number])))`,
		"regexp":      `jobs.all(a, !commit.message.matches("(x+x+)+y"))`,
		"zone":        `jobs.all(a, jobs.all(b, build.started.getHours("Europe/Berlin") >= 0))`,
		"index":       `jobs.all(a, commit.message.indexOf("ab") < 0 && commit.message.lastIndexOf("ab") < 0)`,
		"substring":   `jobs.all(a, commit.message.substring(16000) != commit.message.charAt(16000) + "x")`,
		"large regex": `commit.message.matches("` + strings.Repeat("(a|b)", 90) + `y")`,
		"replace all": `commit.message.replace("", commit.message) != ""`,
	} {
		f, err := Compile(filter)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		x := On(largest())
		_, err = x.Matches(f)
		if err == nil {
			t.Errorf("%s: cost %d, want an error", name, x.cost)
		}
		if x.cost > 3*maxCost {
			t.Errorf("%s: cost %d", name, x.cost)
		}
	}
}

// Filters of a namespace share their limit on one event.
func TestFiltersShareTheLimit(t *testing.T) {
	f, err := Compile(`jobs.all(a, jobs.all(b, a.id + b.id >= 0))`)
	if err != nil {
		t.Fatal(err)
	}
	x := On(largest())
	for range 1000 {
		_, err = x.Matches(f)
	}
	if err == nil || !strings.Contains(err.Error(), "cost too much together") || x.cost > namespaceCost+2*maxCost {
		t.Errorf("cost %d, %v", x.cost, err)
	}
}

func TestDeadline(t *testing.T) {
	f, err := Compile(`jobs.all(a, jobs.all(b, a.id >= 0))`)
	if err != nil {
		t.Fatal(err)
	}
	x := On(largest())
	x.limits.time = 0 // over before it begins
	if _, err := x.Matches(f); err == nil || !strings.Contains(err.Error(), "takes too long") {
		t.Errorf("%v", err)
	}
}

func TestFieldsAreListed(t *testing.T) {
	if got := fields("build"); !slices.Contains(got, "branch") || fields("nothing") != nil {
		t.Errorf("fields: %q", got)
	}
}
