package routing

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/ext"

	"github.com/travishook/travishook/internal/travis"
)

// filterCost is the most that evaluating a filter on one event may cost, in CEL's units: enough
// to look at every job of the largest build several times, and a few milliseconds at worst.
const filterCost = 100_000

// filter is a compiled CEL expression.
type filter struct {
	program cel.Program
	failed  func(error)
}

// filterEnv is the language of filters: CEL's own functions and the variables of filterInput.
var filterEnv = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		ext.NativeTypes(reflect.TypeFor[filterBuild](), reflect.TypeFor[filterCommit](), reflect.TypeFor[filterRepository](),
			reflect.TypeFor[filterPullRequest](), reflect.TypeFor[filterJob](), ext.ParseStructTags(true)),
		cel.Variable("build", cel.ObjectType("routing.filterBuild")),
		cel.Variable("commit", cel.ObjectType("routing.filterCommit")),
		cel.Variable("repository", cel.ObjectType("routing.filterRepository")),
		cel.Variable("pullRequest", cel.ObjectType("routing.filterPullRequest")),
		cel.Variable("jobs", cel.ListType(cel.ObjectType("routing.filterJob"))),
	)
})

// What a filter sees. docs/filters.md has the table; the names are part of the API.
type (
	filterBuild struct {
		ID       int64         `cel:"id"`
		Number   string        `cel:"number"`
		Type     string        `cel:"type"`
		State    string        `cel:"state"`
		Result   string        `cel:"result"`
		Branch   string        `cel:"branch"`
		Tag      string        `cel:"tag"`
		URL      string        `cel:"url"`
		Started  time.Time     `cel:"started"`
		Finished time.Time     `cel:"finished"`
		Duration time.Duration `cel:"duration"`
	}
	filterCommit struct {
		SHA       string    `cel:"sha"`
		Message   string    `cel:"message"`
		Author    string    `cel:"author"`
		Committer string    `cel:"committer"`
		Committed time.Time `cel:"committed"`
	}
	filterRepository struct {
		ID    int64  `cel:"id"`
		Owner string `cel:"owner"`
		Name  string `cel:"name"`
		Slug  string `cel:"slug"`
	}
	filterPullRequest struct {
		Number int64  `cel:"number"` // 0 where the build is of none
		Title  string `cel:"title"`
	}
	filterJob struct {
		ID           int64     `cel:"id"`
		Number       string    `cel:"number"`
		State        string    `cel:"state"`
		AllowFailure bool      `cel:"allowFailure"`
		Started      time.Time `cel:"started"`
		Finished     time.Time `cel:"finished"`
	}
)

// compileFilter compiles expression. failed is called when it fails on an event. The error is one
// line that says where the mistake is.
func compileFilter(expression string, failed func(error)) (*filter, error) {
	env, err := filterEnv()
	if err != nil {
		return nil, fmt.Errorf("set up CEL: %w", err)
	}
	ast, issues := env.Compile(expression)
	if issues.Err() != nil {
		return nil, errors.New(mistakes(issues))
	}
	if ast.OutputType() != cel.BoolType {
		return nil, fmt.Errorf("it gives a value of type %s: it must be true or false", ast.OutputType())
	}
	program, err := env.Program(ast, cel.CostLimit(filterCost))
	if err != nil {
		return nil, err
	}
	return &filter{program, failed}, nil
}

// mistakes are the first issues as one line.
func mistakes(issues *cel.Issues) string {
	var all []string
	for _, e := range issues.Errors()[:min(len(issues.Errors()), 3)] {
		message, _, _ := strings.Cut(e.Message, " expecting {") // the names of the parser's tokens help nobody
		all = append(all, fmt.Sprintf("line %d, column %d: %s", e.Location.Line(), e.Location.Column()+1, message))
	}
	return strings.ReplaceAll(strings.Join(all, "; "), "routing.filter", "")
}

// passes reports whether the filter is true of e, or fails.
func (f *filter) passes(e *travis.Event) bool {
	out, _, err := f.program.Eval(filterInput(e))
	if err != nil {
		f.failed(fmt.Errorf("filter on build %s: %w", e.Build.Number, err))
		return true
	}
	pass, ok := out.Value().(bool)
	return pass || !ok
}

// filterInput is e as filters see it.
func filterInput(e *travis.Event) map[string]any {
	var pr filterPullRequest
	if e.PullRequest != nil {
		pr = filterPullRequest{e.PullRequest.Number, e.PullRequest.Title}
	}
	jobs := make([]filterJob, 0, len(e.Jobs))
	for _, j := range e.Jobs {
		jobs = append(jobs, filterJob(j))
	}
	b, c, r := &e.Build, &e.Commit, &e.Repository
	return map[string]any{
		"build": filterBuild{
			b.ID, b.Number, string(b.Type), b.State, string(b.Result), b.Branch, b.Tag, b.URL, b.Started, b.Finished, b.Duration,
		},
		"commit":      filterCommit{c.SHA, c.Message, c.Author, c.Committer, c.Committed},
		"repository":  filterRepository{r.ID, r.Owner, r.Name, r.Slug()},
		"pullRequest": pr,
		"jobs":        jobs,
	}
}
