package travis

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
)

// wire is the payload as it is sent. docs/travis.md has the table of its fields.
type wire struct {
	ID                int64       `json:"id"`
	Number            string      `json:"number"`
	Type              string      `json:"type"`
	State             string      `json:"state"`
	Status            *int64      `json:"status"`
	Result            *int64      `json:"result"`
	StatusMessage     string      `json:"status_message"`
	ResultMessage     string      `json:"result_message"`
	StartedAt         timestamp   `json:"started_at"`
	FinishedAt        timestamp   `json:"finished_at"`
	CommittedAt       timestamp   `json:"committed_at"`
	Duration          int64       `json:"duration"`
	BuildURL          string      `json:"build_url"`
	CompareURL        string      `json:"compare_url"`
	Commit            string      `json:"commit"`
	BaseCommit        string      `json:"base_commit"`
	HeadCommit        string      `json:"head_commit"`
	Branch            string      `json:"branch"`
	Tag               string      `json:"tag"`
	Message           string      `json:"message"`
	AuthorName        string      `json:"author_name"`
	CommitterName     string      `json:"committer_name"`
	PullRequest       pullRequest `json:"pull_request"`
	PullRequestNumber int64       `json:"pull_request_number"`
	PullRequestTitle  string      `json:"pull_request_title"`
	Repository        struct {
		ID        int64  `json:"id"`
		Name      string `json:"name"`
		OwnerName string `json:"owner_name"`
	} `json:"repository"`
	Matrix jobs `json:"matrix"`
}

// fieldError is a wrong value that encoding/json could not know to be wrong.
type fieldError struct{ line string }

func (e *fieldError) Error() string { return e.line }

// timestamp is RFC 3339, or null.
type timestamp struct{ time.Time }

// The years that a time of a build can be of. Beyond year 9999 it could not even be stored
// as JSON.
const (
	firstYear = 1970
	lastYear  = 9998
)

func (t *timestamp) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, []byte("null")) || bytes.Equal(b, []byte(`""`)) {
		return nil
	}
	v, err := time.Parse(`"`+time.RFC3339+`"`, string(b))
	if err != nil {
		return &fieldError{"payload has a time that is not RFC 3339"}
	}
	v = v.UTC()
	if v.Year() < firstYear || v.Year() > lastYear {
		return &fieldError{"payload has a time that is out of range"}
	}
	t.Time = v
	return nil
}

// pullRequest is a boolean; before July 2017 it was the number of the pull request, or null.
type pullRequest struct {
	is     bool
	number int64
}

func (p *pullRequest) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "null", "false":
		return nil
	case "true":
		p.is = true
		return nil
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return &fieldError{"payload's pull_request is neither a boolean nor a number"}
	}
	p.is, p.number = n > 0, n
	return nil
}

// jobs takes the first maxJobs of the matrix, so that a payload of four million empty jobs does
// not become four million Jobs.
type jobs []Job

func (j *jobs) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if open, err := d.Token(); err != nil || open != json.Delim('[') {
		return &fieldError{"payload's matrix is not a list"}
	}
	for len(*j) < maxJobs && d.More() {
		var w wireJob
		if err := d.Decode(&w); err != nil {
			return &fieldError{"payload's matrix has a job of the wrong shape"}
		}
		*j = append(*j, Job{
			ID:           w.ID,
			Number:       cut(w.Number, maxString),
			State:        cut(w.State, maxString),
			AllowFailure: w.AllowFailure,
			Started:      w.StartedAt.Time,
			Finished:     w.FinishedAt.Time,
		})
	}
	return nil
}

// wireJob is one element of the matrix as it is sent.
type wireJob struct {
	ID           int64     `json:"id"`
	Number       string    `json:"number"`
	State        string    `json:"state"`
	AllowFailure bool      `json:"allow_failure"`
	StartedAt    timestamp `json:"started_at"`
	FinishedAt   timestamp `json:"finished_at"`
}
