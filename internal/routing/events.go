package routing

import (
	"fmt"
	"slices"
	"strings"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/suggest"
	"github.com/travishook/travishook/internal/travis"
)

// EventSet is a set of results: bit i stands for travis.Results[i].
type EventSet uint16

// allEvents is the meaning of *.
const allEvents EventSet = 1<<8 - 1

// builtInEvents are the events of a route if neither it nor the defaults list any.
var builtInEvents = setOf(travis.Passed, travis.Broken, travis.Failed, travis.Errored, travis.Fixed, travis.StillFailing)

// failureEvents is the meaning of failure.
var failureEvents = setOf(travis.Broken, travis.Failed, travis.Errored)

func setOf(results ...travis.Result) (s EventSet) {
	for _, r := range results {
		if i := slices.Index(travis.Results, r); i >= 0 {
			s |= 1 << i
		}
	}
	return s
}

// ParseEvents expands a list of names. The error about an unknown name lists the known ones.
func ParseEvents(names []v1alpha1.EventName) (EventSet, error) {
	var set EventSet
	for _, name := range names {
		results, ok := travis.ExpandEvent(string(name))
		if !ok {
			question := "the"
			if near := suggest.Nearest(string(name), travis.EventWords); near != "" {
				question = "did you mean " + near + "? The"
			}
			return 0, fmt.Errorf("there is no event %q; %s events are %s, success (which is passed), failure (which is broken, failed and errored) and *",
				name, question, list(allEvents.Names(), ", "))
		}
		set |= setOf(results...)
	}
	return set, nil
}

// Has reports whether r is one of them.
func (s EventSet) Has(r travis.Result) bool { return setOf(r)&s != 0 }

// Names lists them, in the order of travis.Results.
func (s EventSet) Names() []v1alpha1.EventName {
	var names []v1alpha1.EventName
	for i, r := range travis.Results {
		if s&(1<<i) != 0 {
			names = append(names, v1alpha1.EventName(r))
		}
	}
	return names
}

// String returns the set in its shortest form, with * and failure where they apply.
func (s EventSet) String() string {
	if s == allEvents {
		return string(v1alpha1.EventAll)
	}
	if s&failureEvents != failureEvents {
		return list(s.Names(), ",")
	}
	// failure comes after passed, as in the defaults.
	upToPassed := setOf(travis.Pending, travis.Passed)
	names := append((s & upToPassed).Names(), "failure")
	return list(append(names, (s&^failureEvents&^upToPassed).Names()...), ",")
}

// trap returns a warning about an event that the set lacks although its author may expect it, or an empty
// text.
func (s EventSet) trap() string {
	if s.Has(travis.Failed) && !s.Has(travis.Broken) {
		return "events list failed without broken: Travis sends failed only if no build passed before, and broken otherwise; list failure to announce every build that fails"
	}
	return ""
}

func list(names []v1alpha1.EventName, separator string) string {
	var b strings.Builder
	for i, n := range names {
		if i > 0 {
			b.WriteString(separator)
		}
		b.WriteString(string(n))
	}
	return b.String()
}
