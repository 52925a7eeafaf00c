package travis

import "time"

// MaxSkew is how far ahead of ours the clock of a build machine may be. The store remembers
// what it has seen for at least this much longer than the age limit.
const MaxSkew = time.Hour

// Time is when what the event tells of happened: finished, else started, else zero.
func (e *Event) Time() time.Time {
	if !e.Build.Finished.IsZero() {
		return e.Build.Finished
	}
	return e.Build.Started
}

// IsStale reports whether the event is too old to be news, by a limit after which a replay of it is
// no longer remembered. One from the future would stay fresh for longer than it is remembered, and
// one without a time for ever, so both are stale too.
func (e *Event) IsStale(now time.Time, maxAge time.Duration) bool {
	t := e.Time()
	return t.IsZero() || now.Sub(t) > maxAge || t.Sub(now) > MaxSkew
}
