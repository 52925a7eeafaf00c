package travis

import "time"

// MaxSkew is how far ahead of ours the clock of a build machine may be. The store remembers
// what it has seen for at least this much longer than the age limit.
const MaxSkew = time.Hour

// Time is when the build finished, else when it started, else zero.
func (e *Event) Time() time.Time {
	if !e.Build.Finished.IsZero() {
		return e.Build.Finished
	}
	return e.Build.Started
}

// IsStale reports whether the event is older than maxAge; a maxAge of 0 is no limit. With a limit, an
// event without a time is stale, and so is one from the future: both would stay fresh for longer
// than the store remembers that it has seen them.
func (e *Event) IsStale(now time.Time, maxAge time.Duration) bool {
	if maxAge == 0 {
		return false
	}
	t := e.Time()
	return t.IsZero() || now.Sub(t) > maxAge || t.Sub(now) > MaxSkew
}
