// Package travis decodes the webhooks that Travis CI sends, and defines the words in them: results,
// build types and the names of repositories.
//
// docs/travis.md describes the format. It was read in Travis' own sender.
package travis

import "time"

// Result is what one webhook says about a build: the event that routes choose by.
type Result string

// The events of Travis. Broken is passed → failed, Fixed failed → passed, StillFailing
// failed → failed; without such a past it is the state itself. Travis takes the previous
// state when a build starts, so overlapping or restarted builds get Fixed and Broken wrong.
const (
	Pending      Result = "pending" // sent only with on_start: always in .travis.yml
	Passed       Result = "passed"
	Fixed        Result = "fixed"
	Broken       Result = "broken"
	Failed       Result = "failed"
	StillFailing Result = "still_failing"
	Errored      Result = "errored"
	Canceled     Result = "canceled"
)

// Results are all of them, in the order in which documents list them.
var Results = []Result{Pending, Passed, Fixed, Broken, Failed, StillFailing, Errored, Canceled}

// BuildType is what made Travis build.
type BuildType string

// The build types of Travis.
const (
	Push        BuildType = "push"
	PullRequest BuildType = "pull_request"
	Cron        BuildType = "cron"
	API         BuildType = "api"
)

// BuildTypes are all of them.
var BuildTypes = []BuildType{Push, PullRequest, Cron, API}

// Event is one Travis payload, reduced to what is routed, filtered and shown: no build
// configuration and no e-mail address. It is what the store keeps, as JSON, so a field's
// name here is a format that later versions must read.
//
// A zero value means that Travis said nothing, or nothing that makes sense; it is never a fact to
// show. Only Repository, Build.ID, Build.Type, Build.State and Build.Result are always set.
//
// Every string but Repository.Owner and Repository.Name may have been written by a
// stranger (a fork's pull request is signed all the same): escape where it is shown.
type Event struct {
	Repository  Repository `json:"repository"`
	Build       Build      `json:"build"`
	Commit      Commit     `json:"commit"`
	PullRequest *PR        `json:"pullRequest,omitempty"` // nil unless Build.Type is pull_request
	Jobs        []Job      `json:"jobs,omitempty"`
}

// Repository is the repository that was built.
type Repository struct {
	ID    int64  `json:"id"` // Travis' own number, which outlives a renaming
	Owner string `json:"owner"`
	Name  string `json:"name"`
}

// Slug is owner/name, spelled as in the payload.
func (r Repository) Slug() string { return r.Owner + "/" + r.Name }

// Build is the build that the event is about.
type Build struct {
	ID       int64     `json:"id"`
	Number   string    `json:"number,omitempty"`
	Type     BuildType `json:"type"`
	State    string    `json:"state"` // started, passed, failed, errored, canceled
	Result   Result    `json:"result"`
	Branch   string    `json:"branch,omitempty"`
	Tag      string    `json:"tag,omitempty"`
	URL      string    `json:"url,omitempty"`
	Started  time.Time `json:"started,omitzero"`
	Finished time.Time `json:"finished,omitzero"` // zero while pending
	// Duration of the build as Travis counts it: the sum over its jobs. Zero while pending.
	Duration time.Duration `json:"duration,omitempty"`
}

// Elapsed is the time from start to finish. It reports false where one of them is missing, or the
// finish lies before the start.
func (b *Build) Elapsed() (time.Duration, bool) {
	elapsed := b.Finished.Sub(b.Started)
	if b.Started.IsZero() || b.Finished.IsZero() || elapsed < 0 {
		return 0, false
	}
	return elapsed, true
}

// Commit is the commit that was built.
type Commit struct {
	SHA        string    `json:"sha,omitempty"`
	Message    string    `json:"message,omitempty"` // whole, of any number of lines
	Author     string    `json:"author,omitempty"`
	Committer  string    `json:"committer,omitempty"`
	Committed  time.Time `json:"committed,omitzero"`
	CompareURL string    `json:"compareURL,omitempty"`
	Base       string    `json:"base,omitempty"` // of a pull request
	Head       string    `json:"head,omitempty"`
}

// PR is the pull request that was built.
type PR struct {
	Number int64  `json:"number,omitempty"`
	Title  string `json:"title,omitempty"`
}

// Job is one job of the build's matrix.
type Job struct {
	ID           int64     `json:"id,omitempty"`
	Number       string    `json:"number,omitempty"` // "2.1"
	State        string    `json:"state,omitempty"`
	AllowFailure bool      `json:"allowFailure,omitempty"`
	Started      time.Time `json:"started,omitzero"`
	Finished     time.Time `json:"finished,omitzero"`
}
