package render

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/travis"
)

// variable is a variable of templates: %{name} in Travis' syntax, {{.name}} in Go's.
type variable struct {
	Name string
	Doc  string
	// GoOnly marks a variable that is not a text.
	GoOnly bool
	value  func(*travis.Event) any
}

// variables has all of them: first those of Travis' notifications, with the same meaning, then those of
// travishook.
var variables = []variable{
	{Name: "repository", Doc: "owner/name", value: func(e *travis.Event) any { return line(e.Repository.Slug()) }},
	{Name: "repository_slug", Doc: "the same", value: func(e *travis.Event) any { return line(e.Repository.Slug()) }},
	{Name: "repository_name", Doc: "name alone", value: func(e *travis.Event) any { return line(e.Repository.Name) }},
	{Name: "build_number", Doc: "number of the build in its repository", value: func(e *travis.Event) any { return line(e.Build.Number) }},
	{Name: "build_id", Doc: "id of the build, as in its URL", value: func(e *travis.Event) any { return e.Build.ID }},
	{Name: "pull_request", Doc: "`true` for a pull request, else `false`", value: func(e *travis.Event) any { return e.PullRequest != nil }},
	{Name: "pull_request_number", Doc: "number of the pull request, empty for other builds", value: pullRequestNumber},
	{Name: "branch", Doc: "the built branch; for a pull request, the branch to merge into; for a tag, the tag", value: func(e *travis.Event) any { return line(e.Build.Branch) }},
	{Name: "commit", Doc: "first 7 characters of the commit", value: func(e *travis.Event) any { return shortSHA(e) }},
	{Name: "author", Doc: "name of the commit's author", value: func(e *travis.Event) any { return line(e.Commit.Author) }},
	{Name: "commit_subject", Doc: "first line of the commit message", value: commitSubject},
	{Name: "commit_message", Doc: "full commit message, which strangers may have written; the only variable that can have several lines", value: func(e *travis.Event) any { return lines(e.Commit.Message) }},
	{Name: "result", Doc: "state of the build: `started`, `passed`, `failed`, `errored`, `canceled`", value: func(e *travis.Event) any { return line(e.Build.State) }},
	{Name: "duration", Doc: "sum of the times of all jobs, as `61 min 5 sec`; `?` if Travis did not send it", value: func(e *travis.Event) any { return duration(e) }},
	{Name: "elapsed_time", Doc: "time from start to finish, in the same form; `?` if one of them is missing or they are in the wrong order", value: func(e *travis.Event) any { return elapsed(e) }},
	{Name: "message", Doc: "sentence about the result, as `The build is still failing.`", value: func(e *travis.Event) any { return sentence(e.Build.Result) }},
	{Name: "compare_url", Doc: "URL of the change", value: func(e *travis.Event) any { return webURL(e.Commit.CompareURL) }},
	{Name: "build_url", Doc: "URL of the build", value: func(e *travis.Event) any { return webURL(e.Build.URL) }},
	{Name: "pull_request_url", Doc: "URL of the pull request, empty for other builds", value: func(e *travis.Event) any { return pullRequestURL(e) }},

	{Name: "event", Doc: "the event as routes name it: `still_failing`", value: func(e *travis.Event) any { return line(string(e.Build.Result)) }},
	{Name: "status", Doc: "the event in words: `still failing`", value: func(e *travis.Event) any { return status(e.Build.Result) }},
	{Name: "reported_event", Doc: "the event as Travis reported it", value: func(e *travis.Event) any { return line(string(e.Build.Reported())) }},
	{Name: "computed_event", Doc: "the event by [the build before](travis.md#broken-fixed-and-still-failing); the same as `reported_event` while that is not known", value: func(e *travis.Event) any { return line(string(e.Build.Computed())) }},
	{Name: "build_type", Doc: "`push`, `pull_request`, `cron` or `api`", value: func(e *travis.Event) any { return line(string(e.Build.Type)) }},
	{Name: "what", Doc: "what was built, in words: `push to main at 62aae5f`, `pull request 7`", value: func(e *travis.Event) any { return what(e) }},
	{Name: "tag", Doc: "the built tag, if any", value: func(e *travis.Event) any { return line(e.Build.Tag) }},
	{Name: "sha", Doc: "full hash of the commit", value: func(e *travis.Event) any { return line(e.Commit.SHA) }},
	{Name: "committer", Doc: "name of the committer", value: func(e *travis.Event) any { return line(e.Commit.Committer) }},
	{Name: "pull_request_title", Doc: "title of the pull request, empty for other builds", value: pullRequestTitle},
	{Name: "duration_seconds", Doc: "`duration` as a number of seconds, 0 if Travis did not send it", value: func(e *travis.Event) any { return int64(e.Build.Duration / time.Second) }},
	{Name: "started_at", Doc: "when the build started, as `2026-11-23T15:04:05Z`, or empty", value: func(e *travis.Event) any { return stamp(e.Build.Started) }},
	{Name: "finished_at", Doc: "when it finished, in the same form, or empty", value: func(e *travis.Event) any { return stamp(e.Build.Finished) }},
	{Name: "failed_jobs", Doc: "the failed jobs of a failed build, as `lint, docs (allowed to fail)`, by their names in `.travis.yml`, or else their numbers", value: failedNames},
	{Name: "jobs", Doc: "the first 50 jobs, for `range`; each has `.name`, `.number`, `.id`, `.state`, `.allow_failure`", GoOnly: true, value: jobs},
}

// data returns all variables of one event, for a Go template.
func data(e *travis.Event) map[string]any {
	m := make(map[string]any, len(variables))
	for _, v := range variables {
		m[v.Name] = v.value(e)
	}
	return m
}

// maxJobs limits the loop over a matrix of thousands of jobs.
const maxJobs = 50

// jobNames are the fields of each job.
var jobNames = []string{"allow_failure", "id", "name", "number", "state"}

func jobs(e *travis.Event) any {
	list := make([]map[string]any, 0, min(len(e.Jobs), maxJobs))
	for _, j := range e.Jobs[:min(len(e.Jobs), maxJobs)] {
		list = append(list, map[string]any{
			"id": j.ID, "name": line(j.Name), "number": line(j.Number), "state": line(j.State), "allow_failure": j.AllowFailure,
		})
	}
	return list
}

func failedNames(e *travis.Event) any {
	m := notify.Message{FailedJobs: failedJobs(e)}
	return strings.TrimPrefix(notify.Plain(m.FailedLine()), "Failed: ")
}

func shortSHA(e *travis.Event) string {
	sha := line(e.Commit.SHA)
	for i := range sha {
		if i >= 7 { // at the start of a rune
			return sha[:i]
		}
	}
	return sha
}

func commitSubject(e *travis.Event) any {
	subject, _, _ := strings.Cut(e.Commit.Message, "\n")
	return line(subject)
}

func pullRequestNumber(e *travis.Event) any {
	if e.PullRequest == nil || e.PullRequest.Number == 0 {
		return ""
	}
	return e.PullRequest.Number
}

func pullRequestTitle(e *travis.Event) any {
	if e.PullRequest == nil {
		return ""
	}
	return line(e.PullRequest.Title)
}

// pullRequestURL makes the URL as Travis does, from the first two parts of compare_url's path.
func pullRequestURL(e *travis.Event) string {
	if e.PullRequest == nil || e.PullRequest.Number == 0 || webURL(e.Commit.CompareURL) == "" {
		return ""
	}
	u, err := url.Parse(e.Commit.CompareURL)
	if err != nil {
		return ""
	}
	parts := strings.SplitN(strings.TrimPrefix(u.EscapedPath(), "/"), "/", 3)
	if len(parts) < 2 {
		return ""
	}
	return fmt.Sprintf("%s://%s/%s/%s/pull/%d", u.Scheme, u.Host, parts[0], parts[1], e.PullRequest.Number)
}

// minutes writes a duration as Travis does: no hours, no plural.
func minutes(d time.Duration) string {
	s := int64(d / time.Second)
	return fmt.Sprintf("%d min %d sec", s/60, s%60)
}

// unknown replaces a time that Travis did not send.
const unknown = "?"

func duration(e *travis.Event) string {
	if e.Build.Duration <= 0 {
		return unknown
	}
	return minutes(e.Build.Duration)
}

func elapsed(e *travis.Event) string {
	if elapsed, ok := e.Build.Elapsed(); ok {
		return minutes(elapsed)
	}
	return unknown
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// sentence returns Travis' own sentence for each result.
func sentence(r travis.Result) string {
	switch r {
	case travis.Pending:
		return "The build is pending."
	case travis.Broken:
		return "The build was broken."
	case travis.Fixed:
		return "The build was fixed."
	case travis.StillFailing:
		return "The build is still failing."
	case travis.Errored:
		return "The build has errored."
	case travis.Canceled:
		return "The build was canceled."
	default:
		return "The build " + status(r) + "."
	}
}
