package pagerdutytest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/travishook/travishook/internal/notify/notifytest"
)

const (
	key      = "R0q7ZsVw3dGkRthJ4mXc8pLbNy012345"
	otherKey = "R0hJ4mXc8pLbNyq7ZsVw3dGkRt543210"
)

// standIn is PagerDuty with two integrations, written from the documentation of its Events API v2 as of November 2026:
//
//	https://developer.pagerduty.com/docs/send-alert-event
//	https://developer.pagerduty.com/docs/send-change-event
type standIn struct{ rec notifytest.Recorder }

// event has the fields that are used.
type event struct {
	RoutingKey string `json:"routing_key"`
	Action     string `json:"event_action"`
	DedupKey   string `json:"dedup_key"`
	Client     string `json:"client"`
	ClientURL  string `json:"client_url"`
	Links      []struct {
		Href string `json:"href"`
		Text string `json:"text"`
	} `json:"links"`
	Payload struct {
		Summary   string            `json:"summary"`
		Source    string            `json:"source"`
		Severity  string            `json:"severity"`
		Timestamp string            `json:"timestamp"`
		Component string            `json:"component"`
		Group     string            `json:"group"`
		Class     string            `json:"class"`
		Details   map[string]string `json:"custom_details"`
	} `json:"payload"`
}

func (s *standIn) serve(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil || len(raw) > 512<<10 {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	var e event
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.DisallowUnknownFields()
	problem := "it is not JSON"
	if decoder.Decode(&e) == nil && r.Header.Get("Content-Type") == "application/json" {
		problem = e.check(r.URL.Path)
	}
	integration := map[string]string{key: "routingKey", otherKey: "release"}[e.RoutingKey]
	if problem == "" && integration == "" {
		problem = "Invalid routing key"
	}
	w.Header().Set("Content-Type", "application/json")
	if problem != "" {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"status":"invalid event","message":"Event object is invalid","errors":[%q]}`, problem)
		return
	}
	s.rec.Add(notifytest.Received{Address: integration, Text: e.shown(), Raw: raw})
	w.WriteHeader(http.StatusAccepted)
	_, _ = fmt.Fprintf(w, `{"status":"success","message":"Event processed","dedup_key":%q}`, e.DedupKey)
}

// check returns what the API refuses, empty if it accepts the event.
func (e *event) check(path string) string {
	p := e.Payload
	switch {
	case len(e.RoutingKey) != 32:
		return "Length of 'routing_key' is incorrect (should be 32 characters)"
	case strings.TrimSpace(p.Summary) == "" || utf8.RuneCountInString(p.Summary) > 1024:
		return "'payload.summary' is missing or blank, or too long"
	case strings.TrimSpace(p.Source) == "":
		return "'payload.source' is missing or blank"
	}
	if _, err := time.Parse(time.RFC3339, p.Timestamp); p.Timestamp != "" && err != nil {
		return "'payload.timestamp' is not ISO 8601"
	}
	for _, l := range e.Links {
		if u, err := url.Parse(l.Href); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			return "'links' is invalid"
		}
	}
	switch path {
	case "/v2/enqueue":
		return e.checkAlert()
	case "/v2/change/enqueue":
		if e.Action+e.DedupKey+e.Client+e.ClientURL+p.Severity+p.Component+p.Group+p.Class != "" {
			return "an alert's field is in a change event"
		}
		return ""
	}
	return "unknown path"
}

func (e *event) checkAlert() string {
	switch {
	case e.Action != "trigger" && e.Action != "resolve" && e.Action != "acknowledge":
		return "'event_action' is not a supported action"
	case e.DedupKey == "" || len(e.DedupKey) > 255:
		return "'dedup_key' is missing or longer than 255 characters"
	case !slices.Contains([]string{"critical", "error", "warning", "info"}, e.Payload.Severity):
		return "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')"
	}
	return ""
}

// shown is how PagerDuty shows an event, with its details.
func (e *event) shown() string {
	what := map[string]string{"": "change event", "trigger": "trigger, " + e.Payload.Severity}[e.Action]
	if what == "" {
		what = e.Action
	}
	lines := []string{what + ": " + e.Payload.Summary}
	for _, name := range slices.Sorted(maps.Keys(e.Payload.Details)) {
		lines = append(lines, "    "+name+": "+e.Payload.Details[name])
	}
	for _, l := range e.Links {
		lines = append(lines, "    "+l.Text+": "+l.Href)
	}
	return strings.Join(lines, "\n")
}
