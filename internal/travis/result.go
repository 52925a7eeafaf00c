package travis

import (
	"slices"
	"strings"
)

// messages are the words of status_message and result_message, in lower case.
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

// states are the words of state. A build that is not over yet is pending.
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

// result prefers the message, which alone knows of the build before; then the state; then the
// number, all that the oldest payloads have.
func (w *wire) result() (Result, bool) {
	for _, m := range []string{w.StatusMessage, w.ResultMessage} {
		if r, ok := messages[strings.ToLower(m)]; ok {
			return r, true
		}
	}
	if r, ok := states[w.State]; ok {
		return r, true
	}
	status := w.Status
	if status == nil {
		status = w.Result
	}
	switch {
	case status == nil:
		return "", false
	case *status == 0:
		return Passed, true
	case w.FinishedAt.IsZero():
		return Pending, true // what 2013 and 2014 sent for a started build
	}
	return Failed, true
}

// state of payloads older than the field follows from the result.
func (w *wire) state(r Result) string {
	if w.State != "" {
		return cut(w.State, maxString)
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

// Expand returns the results that a word in a list of events stands for. As in TravisHook,
// "success" is passed and "failure" a build that breaks: broken, failed or errored; "*" is all.
func Expand(word string) ([]Result, bool) {
	switch word {
	case "*":
		return slices.Clone(Results), true
	case "success":
		return []Result{Passed}, true
	case "failure":
		return []Result{Broken, Failed, Errored}, true
	}
	if r := Result(word); slices.Contains(Results, r) {
		return []Result{r}, true
	}
	return nil, false
}
