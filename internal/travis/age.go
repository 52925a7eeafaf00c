package travis

import "time"

// MaxSkew is how far a build machine's clock may be ahead of the operator's. The store remembers events
// for at least this much longer than the age limit.
const MaxSkew = time.Hour

// Time returns when the build finished, else when it started, else zero.
func (e *Event) Time() time.Time {
	if !e.Build.Finished.IsZero() {
		return e.Build.Finished
	}
	return e.Build.Started
}

// IsStale reports whether the event is older than maxAge; a maxAge of 0 means no limit. With a limit,
// events without a time or from the future are stale, too: they would stay fresh for longer than the store
// remembers them.
func (e *Event) IsStale(now time.Time, maxAge time.Duration) bool {
	if maxAge == 0 {
		return false
	}
	t := e.Time()
	return t.IsZero() || now.Sub(t) > maxAge || t.Sub(now) > MaxSkew
}
