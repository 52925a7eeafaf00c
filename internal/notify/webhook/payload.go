package webhook

import (
	"encoding/json"
	"net/url"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/text"
	"github.com/travishook/travishook/internal/travis"
)

// version of the payload. New fields do not change it; receivers ignore unknown fields.
const version = 1

// The limits of texts from outside, in bytes.
const (
	maxText    = 32 << 10 // the rendered message
	maxMessage = 8 << 10  // the commit's
	maxName    = 1 << 10  // branch, tag, people, title
)

// encode returns the request's content type and body.
type encode func(notify.Message) (contentType string, body []byte, err error)

// payload is the body in the format JSON.
type payload struct {
	Version   int       `json:"version"`
	ID        string    `json:"id"`
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp,omitzero"`
	data
}

// data is the build in both formats. Its names and meanings are a contract with receivers, so it is
// separate from the stored travis.Event.
type data struct {
	lineage
	Text        string       `json:"text"`
	Level       notify.Level `json:"level"`
	Silent      bool         `json:"silent,omitempty"`
	Mention     string       `json:"mention,omitempty"`
	Route       string       `json:"route"`
	Repository  repository   `json:"repository"`
	Build       build        `json:"build"`
	Commit      commit       `json:"commit"`
	PullRequest *pullRequest `json:"pullRequest,omitempty"`
	Jobs        []job        `json:"jobs,omitempty"`
}

type repository struct {
	ID    int64  `json:"id"`
	Slug  string `json:"slug"`
	Owner string `json:"owner"`
	Name  string `json:"name"`
}

type build struct {
	ID              int64            `json:"id"`
	Number          string           `json:"number,omitempty"`
	Type            travis.BuildType `json:"type"`
	State           string           `json:"state"`
	Result          travis.Result    `json:"result"`
	Branch          string           `json:"branch,omitempty"`
	Tag             string           `json:"tag,omitempty"`
	URL             string           `json:"url,omitempty"`
	StartedAt       time.Time        `json:"startedAt,omitzero"`
	FinishedAt      time.Time        `json:"finishedAt,omitzero"`
	DurationSeconds int64            `json:"durationSeconds,omitempty"`
}

type commit struct {
	SHA         string    `json:"sha,omitempty"`
	Message     string    `json:"message,omitempty"`
	Author      string    `json:"author,omitempty"`
	Committer   string    `json:"committer,omitempty"`
	CommittedAt time.Time `json:"committedAt,omitzero"`
	CompareURL  string    `json:"compareURL,omitempty"`
}

type pullRequest struct {
	Number int64  `json:"number,omitempty"`
	Title  string `json:"title,omitempty"`
}

type job struct {
	ID           int64     `json:"id,omitempty"`
	Number       string    `json:"number,omitempty"`
	Name         string    `json:"name,omitempty"`
	State        string    `json:"state,omitempty"`
	AllowFailure bool      `json:"allowFailure"`
	StartedAt    time.Time `json:"startedAt,omitzero"`
	FinishedAt   time.Time `json:"finishedAt,omitzero"`
}

func encodeJSON(m notify.Message) (string, []byte, error) {
	body, err := json.Marshal(payload{
		Version: version, ID: m.ID, Type: eventType(m), Timestamp: m.Event.Time(), data: dataOf(m),
	})
	return "application/json", body, err
}

// encodeCloudEvent returns a CloudEvent in structured mode: in binary mode its attributes would be
// headers, which the signature does not cover.
func encodeCloudEvent(m notify.Message) (string, []byte, error) {
	e := event.New()
	e.SetID(m.ID)
	e.SetType(eventType(m))
	e.SetSource((&url.URL{Path: "/travishook/" + m.Route}).String())
	e.SetSubject(m.Event.Repository.Slug())
	if at := m.Event.Time(); !at.IsZero() {
		e.SetTime(at)
	}
	if err := e.SetData(event.ApplicationJSON, dataOf(m)); err != nil {
		return "", nil, err
	}
	body, err := json.Marshal(e)
	return event.ApplicationCloudEventsJSON, body, err
}

func eventType(m notify.Message) string {
	return "dev.travishook.build." + string(m.Event.Build.Result)
}

func dataOf(m notify.Message) data {
	e := m.Event
	of, _ := lineageOf(m) // Notify has checked it
	d := data{
		lineage:    of,
		Text:       text.Truncate(text.Lines(m.Text), maxText),
		Level:      m.Level,
		Silent:     m.Silent,
		Mention:    m.Mention,
		Route:      m.Route,
		Repository: repository{ID: e.Repository.ID, Slug: e.Repository.Slug(), Owner: e.Repository.Owner, Name: e.Repository.Name},
		Build:      buildOf(e.Build),
		Commit: commit{
			SHA: e.Commit.SHA, Message: text.Truncate(e.Commit.Message, maxMessage), Author: name(e.Commit.Author),
			Committer: name(e.Commit.Committer), CommittedAt: e.Commit.Committed, CompareURL: name(e.Commit.CompareURL),
		},
	}
	if e.PullRequest != nil {
		d.PullRequest = &pullRequest{Number: e.PullRequest.Number, Title: name(e.PullRequest.Title)}
	}
	for _, j := range e.Jobs {
		d.Jobs = append(d.Jobs, job{
			ID: j.ID, Number: j.Number, Name: j.Name, State: j.State, AllowFailure: j.AllowFailure,
			StartedAt: j.Started, FinishedAt: j.Finished,
		})
	}
	return d
}

func buildOf(b travis.Build) build {
	return build{
		ID: b.ID, Number: b.Number, Type: b.Type, State: b.State, Result: b.Result,
		Branch: name(b.Branch), Tag: name(b.Tag), URL: name(b.URL),
		StartedAt: b.Started, FinishedAt: b.Finished, DurationSeconds: int64(b.Duration / time.Second),
	}
}

func name(s string) string { return text.Truncate(s, maxName) }
