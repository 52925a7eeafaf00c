package routing

import (
	"fmt"
	"reflect"
)

// Problem is something that keeps a route or an account from working.
type Problem struct {
	Reason  string // one of the API's reasons
	Message string // what is wrong, and what to do about it; never secret
}

// Error implements error.
func (p *Problem) Error() string { return p.Message }

func problem(reason, format string, args ...any) *Problem {
	return &Problem{reason, fmt.Sprintf(format, args...)}
}

// Verdict is the result of compiling a route, for its status.
type Verdict struct {
	Generation int64 // of the spec that was compiled
	Suspended  bool
	// Invalid says why the spec is invalid; the route is accepted if it is empty.
	Invalid []Problem
	// Unresolved lists references that were not found or do not work. Events are stored and wait for
	// them, if the namespace is authorized for the repository.
	Unresolved []Problem
	// Faults are mistakes with a fallback: the default text is sent instead of a template.
	Faults []Problem
	// Warnings are about a spec that works, but perhaps not as intended.
	Warnings []string
	// Events in effect.
	Events EventSet
	// Authorized says what authorizes a route for several repositories, in a sentence.
	Authorized string
	// Pending is true while the message is being checked: a fault may follow.
	Pending bool
}

// Accepted reports whether the spec is valid.
func (v *Verdict) Accepted() bool { return len(v.Invalid) == 0 }

// Resolved reports whether everything that the spec refers to works.
func (v *Verdict) Resolved() bool { return len(v.Unresolved) == 0 }

// Problems returns all problems, worst first.
func (v *Verdict) Problems() []Problem {
	all := append([]Problem(nil), v.Invalid...)
	return append(append(all, v.Unresolved...), v.Faults...)
}

// DefaultsVerdict is the result of compiling a TravisDefaults, for its status.
type DefaultsVerdict struct {
	Generation int64
	Invalid    []Problem // why part of the spec is invalid
	Unresolved []Problem // references that were not found or do not work
	Faults     []Problem // mistakes with a fallback
	Warnings   []string
	Pending    bool             // true while the message is being checked: a fault may follow
	Accounts   []AccountVerdict // in the order of the spec
	// MissingSecrets are the names of unknown Secrets that accounts refer to. The caller may check
	// whether one exists without the label, and call PutUnlabeled.
	MissingSecrets []string
}

// AccountVerdict is about one account.
type AccountVerdict struct {
	Name, Service string
	Problem       *Problem // nil if it can be used
}

func same(a, b any) bool { return reflect.DeepEqual(a, b) }
