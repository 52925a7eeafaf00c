package pagerduty

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/text"
	"github.com/travishook/travishook/internal/travis"
)

// PagerDuty's limit of a summary, and ours for the parts.
const (
	maxSummary    = 1024
	maxFields     = 12
	maxFieldName  = 60
	maxFieldValue = 500
	maxJobs       = 2000 // characters of the line of failed jobs
)

// event is the body of /v2/enqueue, and of /v2/change/enqueue without an action, a key and a severity.
type event struct {
	RoutingKey string  `json:"routing_key"`
	Action     string  `json:"event_action,omitempty"`
	DedupKey   string  `json:"dedup_key,omitempty"`
	Client     string  `json:"client,omitempty"`
	ClientURL  string  `json:"client_url,omitempty"`
	Links      []link  `json:"links,omitempty"`
	Payload    payload `json:"payload"`
}

type link struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

type payload struct {
	Summary   string            `json:"summary"`
	Source    string            `json:"source"`
	Severity  string            `json:"severity,omitempty"`
	Timestamp string            `json:"timestamp,omitempty"`
	Component string            `json:"component,omitempty"`
	Group     string            `json:"group,omitempty"`
	Class     string            `json:"class,omitempty"`
	Details   map[string]string `json:"custom_details,omitempty"`
}

// action is what a result does to the alert; empty if it says nothing about the branch, and is then a change event.
func action(r travis.Result) string {
	switch r {
	case travis.Broken, travis.Failed, travis.StillFailing, travis.Errored:
		return "trigger"
	case travis.Passed, travis.Fixed:
		return "resolve"
	}
	return ""
}

// subject is what is broken or not: a pull request, or a branch or tag.
func subject(e *travis.Event) string {
	if e.PullRequest != nil {
		return fmt.Sprintf("pull request %d", e.PullRequest.Number)
	}
	return e.Build.Branch
}

// dedupKey is the same for all events of one subject in a repository. Branches may be longer than a key.
func dedupKey(e *travis.Event) string {
	kind := "branch"
	if e.PullRequest != nil {
		kind = "pull request"
	}
	sum := sha256.Sum256([]byte(strings.ToLower(e.Repository.Slug()) + "\x00" + kind + "\x00" + subject(e)))
	return "travis-ci/" + hex.EncodeToString(sum[:])
}

func show(m notify.Message, severity string) event {
	e := event{Payload: payload{
		Summary: summary(m), Source: text.OneLine(m.Event.Repository.Slug(), maxFieldValue), Details: details(m),
	}}
	if !m.Overtaken { // a retry may come after a later build, which decides
		e.Action = action(m.Event.Build.Result)
	}
	if at := m.Event.Time(); !at.IsZero() {
		e.Payload.Timestamp = at.UTC().Format(time.RFC3339)
	}
	if target, ok := notify.Link(m.Event.Build.URL); ok {
		e.Links = append(e.Links, link{target, "Build " + text.OneLine(m.Event.Build.Number, maxFieldName)})
		if e.Action != "" {
			e.ClientURL = target
		}
	}
	if target, ok := notify.Link(m.Event.Commit.CompareURL); ok {
		e.Links = append(e.Links, link{target, "Commits"})
	}
	if e.Action == "" {
		return e
	}
	e.Client, e.DedupKey = "Travis CI", dedupKey(&m.Event)
	e.Payload.Severity = severity
	e.Payload.Group, e.Payload.Class = e.Payload.Source, string(m.Event.Build.Result)
	e.Payload.Component = text.OneLine(subject(&m.Event), maxFieldValue)
	return e
}

// summary is the message on one line, without the URLs of its links: the first link is the build.
func summary(m notify.Message) string {
	words := notify.Plain(m.Spans)
	if strings.TrimSpace(words) == "" {
		words = m.Text
	}
	if words = text.OneLine(words, maxSummary); words == "" {
		return "(empty message)"
	}
	return words
}

// details are the fields and the failed jobs, by their names.
func details(m notify.Message) map[string]string {
	all := map[string]string{}
	for _, f := range m.Fields[:min(len(m.Fields), maxFields)] {
		name, value := text.OneLine(f.Name, maxFieldName), text.OneLine(f.Value.Text, maxFieldValue)
		if name != "" && value != "" {
			all[name] = value
		}
	}
	if line := strings.TrimPrefix(notify.Plain(m.FailedLine()), "Failed: "); line != "" {
		all["Failed jobs"] = text.OneLine(line, maxJobs)
	}
	if m.Route != "" {
		all["Route"] = text.OneLine(m.Route, maxFieldValue)
	}
	return all
}
