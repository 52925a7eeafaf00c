package travis

import (
	"slices"
	"strings"
)

// messages are the values of status_message and result_message, in lower case.
var messages = map[string]Result{
	"pending":       Pending,
	"passed":        Passed,
	"fixed":         Fixed,
	"broken":        Broken,
	"failed":        Failed,
	"still failing": StillFailing,
	"errored":       Errored,
	"canceled":      Canceled,
}

// states are the values of state. An unfinished build is pending.
var states = map[string]Result{
	"created":  Pending,
	"received": Pending,
	"queued":   Pending,
	"started":  Pending,
	"passed":   Passed,
	"failed":   Failed,
	"errored":  Errored,
	"canceled": Canceled,
}

// result prefers the message, the only field that depends on the previous build; then the state; then the
// number, the only field of the oldest payloads. It is empty if none of them is known.
func (p fields) result() Result {
	for _, field := range []string{"status_message", "result_message"} {
		if r, ok := messages[strings.ToLower(strings.TrimSpace(p[field].string()))]; ok {
			return r
		}
	}
	if r, ok := states[p["state"].string()]; ok {
		return r
	}
	status, ok := p["status"].int()
	if !ok {
		status, ok = p["result"].int()
	}
	switch {
	case !ok:
		return ""
	case status == 0:
		return Passed
	case p["finished_at"].time().IsZero():
		return Pending // what 2013 and 2014 sent for a started build
	}
	return Failed
}

// state returns the state, which follows from the result if the payload has no known one.
func (p fields) state(r Result) string {
	if state := p["state"].string(); states[state] != "" {
		return state
	}
	switch r {
	case Pending:
		return "started"
	case Passed, Fixed:
		return "passed"
	case Errored:
		return "errored"
	case Canceled:
		return "canceled"
	default:
		return "failed"
	}
}

// Aliases of events. As in TravisHook, Success means Passed, and Failure means Broken.
const (
	All     = "*"
	Success = "success"
	Failure = "failure"
)

// EventWords are all words that a list of events may contain.
var EventWords = func() []string {
	words := []string{Success, Failure, All}
	for _, r := range Results {
		words = append(words, string(r))
	}
	return words
}()

// ExpandEvent returns the results that a word in a list of events means.
func ExpandEvent(word string) ([]Result, bool) {
	switch word {
	case All:
		return slices.Clone(Results), true
	case Success:
		return []Result{Passed}, true
	case Failure:
		return []Result{Broken, Failed, Errored}, true
	}
	if r := Result(word); slices.Contains(Results, r) {
		return []Result{r}, true
	}
	return nil, false
}
