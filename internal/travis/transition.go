package travis

// Transition compares a build with the one before it on the same branch, or of the same pull request.
// Travis compares a build with the one that finished last when it started, so it reports overlapping and
// restarted builds wrongly, and a build that errored or was canceled in between makes it forget.
type Transition struct {
	// Reported is Travis' own word, Computed what the build before says.
	Reported Result `json:"reported"`
	Computed Result `json:"computed"`
	// Build is the number of the build before, or the build's own number if an earlier run of it was
	// the last. State is passed or failed.
	Build string `json:"build,omitempty"`
	State string `json:"state"`
}

// Reported is the result in Travis' own word.
func (b *Build) Reported() Result {
	if b.Transition != nil {
		return b.Transition.Reported
	}
	return b.Result
}

// Computed is the result by the build before, or Travis' own word while none is known.
func (b *Build) Computed() Result {
	if b.Transition != nil {
		return b.Transition.Computed
	}
	return b.Result
}

// ComputeResult returns the result of a build that passed or failed, by the state of the one before.
func ComputeResult(before, now string) Result {
	switch {
	case before == "passed" && now == "failed":
		return Broken
	case before == "failed" && now == "passed":
		return Fixed
	case before == "failed" && now == "failed":
		return StillFailing
	}
	return Result(now)
}

// WithTransition is the event with a transition, by which its result is decided if computed is set. Without a
// transition, it stays as Travis sent it.
func (e Event) WithTransition(t *Transition, computed bool) Event {
	if t == nil {
		return e
	}
	e.Build.Transition = t
	if computed {
		e.Build.Result = t.Computed
	}
	return e
}
