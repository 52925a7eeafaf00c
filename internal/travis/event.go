// Package travis decodes Travis CI's webhooks, and defines results, build types and the names of
// repositories.
//
// docs/travis.md describes the format, as read in the source of Travis' sender.
package travis

import "time"

// Result is the result of a build in a webhook: the event that routes match.
type Result string

// Travis' events. Broken is passed → failed, Fixed failed → passed, StillFailing failed → failed; without a
// previous build it is the state itself (see Transition).
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

// Results are all results, in the order of the documentation.
var Results = []Result{Pending, Passed, Fixed, Broken, Failed, StillFailing, Errored, Canceled}

// BuildType is what triggered the build.
type BuildType string

// The build types of Travis.
const (
	Push        BuildType = "push"
	PullRequest BuildType = "pull_request"
	Cron        BuildType = "cron"
	API         BuildType = "api"
)

// BuildTypes are all build types.
var BuildTypes = []BuildType{Push, PullRequest, Cron, API}

// Event is one Travis payload, reduced to the fields for routing, filtering and showing: no build
// configuration and no e-mail address. The store keeps it as JSON, so the names of the fields are a format
// that later versions must read.
//
// A zero value means that Travis sent no valid value; it must not be shown as a fact. Only Repository,
// Build.ID, Build.Type, Build.State and Build.Result are always set.
//
// Every string except Repository.Owner and Repository.Name may have been written by a stranger, because
// Travis also signs builds of forks' pull requests: it must be escaped where it is shown.
type Event struct {
	Repository  Repository `json:"repository"`
	Build       Build      `json:"build"`
	Commit      Commit     `json:"commit"`
	PullRequest *PR        `json:"pullRequest,omitempty"` // nil unless Build.Type is pull_request
	Jobs        []Job      `json:"jobs,omitempty"`
}

// Repository is the built repository.
type Repository struct {
	ID    int64  `json:"id"` // Travis' own number, which stays the same when the repository is renamed
	Owner string `json:"owner"`
	Name  string `json:"name"`
}

// Slug returns owner/name, spelled as in the payload.
func (r Repository) Slug() string { return r.Owner + "/" + r.Name }

// Build is the event's build.
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
	// Duration of the build as Travis counts it, the sum over its jobs. Zero while pending.
	Duration time.Duration `json:"duration,omitempty"`
	// Transition compares the build with the one before it; nil if none is known.
	Transition *Transition `json:"transition,omitempty"`
}

// Elapsed returns the time from start to finish. It reports false if one of them is missing, or the finish
// is before the start.
func (b *Build) Elapsed() (time.Duration, bool) {
	elapsed := b.Finished.Sub(b.Started)
	if b.Started.IsZero() || b.Finished.IsZero() || elapsed < 0 {
		return 0, false
	}
	return elapsed, true
}

// Commit is the built commit.
type Commit struct {
	SHA        string    `json:"sha,omitempty"`
	Message    string    `json:"message,omitempty"` // whole, of any number of lines
	Author     string    `json:"author,omitempty"`
	AuthorHash string    `json:"authorHash,omitempty"` // HashEmail of the author's address
	Committer  string    `json:"committer,omitempty"`
	Committed  time.Time `json:"committed,omitzero"`
	CompareURL string    `json:"compareURL,omitempty"`
	Base       string    `json:"base,omitempty"` // of a pull request
	Head       string    `json:"head,omitempty"`
}

// PR is the built pull request.
type PR struct {
	Number int64  `json:"number,omitempty"`
	Title  string `json:"title,omitempty"`
}

// Job is one job of the build's matrix.
type Job struct {
	ID           int64     `json:"id,omitempty"`
	Number       string    `json:"number,omitempty"` // "2.1"
	Name         string    `json:"name,omitempty"`   // as .travis.yml names it, if it does
	State        string    `json:"state,omitempty"`
	AllowFailure bool      `json:"allowFailure,omitempty"`
	Started      time.Time `json:"started,omitzero"`
	Finished     time.Time `json:"finished,omitzero"`
}
