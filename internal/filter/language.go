package filter

import (
	"reflect"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/ext"

	"github.com/travishook/travishook/internal/travis"
)

// environment has the variables, CEL's own functions and those of strings.go and regexp.go.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	standard := cel.StdLib(cel.StdLibSubset(&env.LibrarySubset{ExcludeFunctions: []*env.Function{{Name: "matches"}}}))
	options := []cel.EnvOption{
		standard,
		cel.ParserRecursionLimit(2 * maxDepth),
		ext.NativeTypes(reflect.TypeFor[build](), reflect.TypeFor[commit](), reflect.TypeFor[repository](),
			reflect.TypeFor[pullRequest](), reflect.TypeFor[job](), ext.ParseStructTags(true)),
		cel.Variable("build", cel.ObjectType(typePrefix+"build")),
		cel.Variable("commit", cel.ObjectType(typePrefix+"commit")),
		cel.Variable("repository", cel.ObjectType(typePrefix+"repository")),
		cel.Variable("pullRequest", cel.ObjectType(typePrefix+"pullRequest")),
		cel.Variable("jobs", cel.ListType(cel.ObjectType(typePrefix+"job"))),
	}
	options = append(options, stringFunctions()...)
	return cel.NewCustomEnv(append(options, regexpFunctions()...)...)
})

// typePrefix is what CEL puts before the names of the types below.
const typePrefix = "filter."

// The variables of a filter. docs/filters.md has the table; the names are part of the API.
type (
	build struct {
		ID       int64         `cel:"id"`
		Number   string        `cel:"number"`
		Type     string        `cel:"type"`
		State    string        `cel:"state"`
		Result   string        `cel:"result"`
		Reported string        `cel:"reported"`
		Computed string        `cel:"computed"`
		Branch   string        `cel:"branch"`
		Tag      string        `cel:"tag"`
		URL      string        `cel:"url"`
		Started  time.Time     `cel:"started"`
		Finished time.Time     `cel:"finished"`
		Duration time.Duration `cel:"duration"`
	}
	commit struct {
		SHA       string    `cel:"sha"`
		Message   string    `cel:"message"`
		Author    string    `cel:"author"`
		Committer string    `cel:"committer"`
		Committed time.Time `cel:"committed"`
	}
	repository struct {
		ID    int64  `cel:"id"`
		Owner string `cel:"owner"`
		Name  string `cel:"name"`
		Slug  string `cel:"slug"`
	}
	pullRequest struct {
		Number int64  `cel:"number"` // 0 where the build is not of a pull request
		Title  string `cel:"title"`
	}
	job struct {
		ID           int64     `cel:"id"`
		Number       string    `cel:"number"`
		Name         string    `cel:"name"`
		State        string    `cel:"state"`
		AllowFailure bool      `cel:"allowFailure"`
		Started      time.Time `cel:"started"`
		Finished     time.Time `cel:"finished"`
	}
)

// variables are the names of the variables with the type of each, of an element of jobs.
var variables = map[string]reflect.Type{
	"build":       reflect.TypeFor[build](),
	"commit":      reflect.TypeFor[commit](),
	"repository":  reflect.TypeFor[repository](),
	"pullRequest": reflect.TypeFor[pullRequest](),
	"jobs":        reflect.TypeFor[job](),
}

// fields are the names of a variable's fields.
func fields(variable string) []string {
	t, ok := variables[variable]
	if !ok {
		return nil
	}
	names := make([]string, 0, t.NumField())
	for i := range t.NumField() {
		names = append(names, t.Field(i).Tag.Get("cel"))
	}
	return names
}

// input are the variables of an event.
func input(e *travis.Event) map[string]any {
	var pr pullRequest
	if e.PullRequest != nil {
		pr = pullRequest{e.PullRequest.Number, e.PullRequest.Title}
	}
	jobs := make([]job, 0, len(e.Jobs))
	for _, j := range e.Jobs {
		jobs = append(jobs, job(j))
	}
	b, c, r := &e.Build, &e.Commit, &e.Repository
	return map[string]any{
		"build": build{
			b.ID, b.Number, string(b.Type), b.State, string(b.Result), string(b.Reported()), string(b.Computed()), b.Branch, b.Tag, b.URL, b.Started, b.Finished, b.Duration,
		},
		"commit":      commit{c.SHA, c.Message, c.Author, c.Committer, c.Committed},
		"repository":  repository{r.ID, r.Owner, r.Name, r.Slug()},
		"pullRequest": pr,
		"jobs":        jobs,
	}
}
