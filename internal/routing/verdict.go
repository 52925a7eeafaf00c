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

// Verdict is what compiling a route came to: the facts for its status.
type Verdict struct {
	Generation int64 // of the spec that was compiled
	Suspended  bool
	// Invalid says why the spec does not make sense; the route is accepted if it is empty.
	Invalid []Problem
	// Unresolved says what the spec refers to and was not found, or does not work. Events are
	// stored all the same and wait for it, if only the repository is vouched for.
	Unresolved []Problem
	// Faults are mistakes that have a remedy at hand: a template gives way to the built-in line.
	Faults []Problem
	// Warnings are for what works, and perhaps not as meant.
	Warnings []string
	// Events in effect.
	Events EventSet
	// Authorized says what authorizes a route for several repositories, in a sentence.
	Authorized string
	// Pending is true while the message is being checked: a fault may follow.
	Pending bool
}

// Accepted reports whether the spec makes sense.
func (v *Verdict) Accepted() bool { return len(v.Invalid) == 0 }

// Resolved reports whether all that the spec refers to works.
func (v *Verdict) Resolved() bool { return len(v.Unresolved) == 0 }

// Problems are all of them, worst first.
func (v *Verdict) Problems() []Problem {
	all := append([]Problem(nil), v.Invalid...)
	return append(append(all, v.Unresolved...), v.Faults...)
}

// DefaultsVerdict is what compiling a TravisDefaults came to: the facts for its status.
type DefaultsVerdict struct {
	Generation int64
	Invalid    []Problem // why part of the spec does not make sense
	Unresolved []Problem // what the spec refers to and was not found, or does not work
	Faults     []Problem // mistakes that have a remedy at hand
	Warnings   []string
	Pending    bool             // true while the message is being checked: a fault may follow
	Accounts   []AccountVerdict // in the order of the spec
	// MissingSecrets are the names of Secrets that accounts refer to and that are not held. The
	// caller may look whether one exists without the label, and PutUnlabelled it.
	MissingSecrets []string
}

// AccountVerdict is about one account.
type AccountVerdict struct {
	Name, Service string
	Problem       *Problem // nil if it can be used
}

func same(a, b any) bool { return reflect.DeepEqual(a, b) }
