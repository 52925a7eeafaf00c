package journal

import (
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

// build records which events of a build a namespace has: the latest run, and its states. Travis reports the
// start and the finish of a run by separate jobs, so either may arrive first; it restarts a build under the
// same id, with another start; and it may report a finish more than once.
type build struct {
	namespace *namespace
	at        int64 // of the last acceptance
	started   int64
	finished  int64
	states    states
	origin    uint64 // the message that has all of it, unless changed
	changed   bool
}

// states are the states that a run has reached.
type states uint8

const (
	statePending states = 1 << iota
	statePassed
	stateFailed
	stateErrored
	stateCanceled
	stateOther
)

func stateOf(e *travis.Event) states {
	switch e.Build.State {
	case "started", "pending":
		return statePending
	case "passed":
		return statePassed
	case "failed":
		return stateFailed
	case "errored":
		return stateErrored
	case "canceled":
		return stateCanceled
	}
	if e.Build.Result == travis.Pending {
		return statePending
	}
	return stateOther
}

// start identifies and orders the runs of a build. For a run that never started it is the end. It is zero
// if Travis sent neither.
func start(e *travis.Event) int64 {
	if !e.Build.Started.IsZero() {
		return e.Build.Started.UnixNano()
	}
	return nanoOrZero(e.Build.Finished)
}

// follows reports whether the event is outdated: of an older run than this, or of a state that this run has
// reached or passed.
func (b *build) follows(e *travis.Event) bool {
	state, began, finished := stateOf(e), start(e), nanoOrZero(e.Build.Finished)
	switch {
	case began != 0 && began != b.started:
		return began < b.started
	case b.states&state != 0:
		return true
	case state == statePending:
		return b.states != 0
	}
	return finished != 0 && finished < b.finished
}

// Seen reports whether the namespace has the event, or a later one of the build.
func (s *State) Seen(e *travis.Event, name string, now time.Time) bool {
	b, ok := s.builds[SeenID(BuildID(e), name)]
	return ok && !s.forgotten(b, now.UnixNano()) && b.follows(e)
}

func (s *State) forgotten(b *build, at int64) bool { return at-b.at >= int64(s.remember) }

// Fresh returns the targets of an offer for an Accept, without those for which the event is already waiting
// or dead; none if the namespace has seen the event.
func (s *State) Fresh(e *travis.Event, offer *queue.Offer, now time.Time) []queue.Target {
	if s.Seen(e, offer.Namespace, now) {
		return nil
	}
	event := EventID(e)
	fresh := make([]queue.Target, 0, len(offer.Targets))
	for i := range offer.Targets {
		if _, kept := s.deliveries[DeliveryID(event, &offer.Targets[i])]; !kept {
			fresh = append(fresh, offer.Targets[i])
		}
	}
	return fresh
}

// seen records that the namespace has the event.
func (s *State) seen(seq uint64, name string, e *travis.Event, at int64) {
	key := SeenID(BuildID(e), name)
	b, ok := s.builds[key]
	if !ok {
		b = s.newBuild(key, name)
	}
	state, began := stateOf(e), start(e)
	if s.forgotten(b, at) || b.states == 0 || began != 0 && began != b.started {
		b.started, b.finished, b.states = began, 0, 0
		b.origin, b.changed = seq, false
	} else {
		b.changed = true // this message does not have the earlier states
	}
	b.states |= state
	b.finished = max(b.finished, nanoOrZero(e.Build.Finished))
	b.at = at
}

func (s *State) newBuild(key ID, name string) *build {
	b := &build{namespace: s.namespace(name)}
	s.builds[key] = b
	s.charge(b.namespace, buildUsage, 1)
	return b
}

func (s *State) forgetBuild(key ID, b *build) {
	delete(s.builds, key)
	s.charge(b.namespace, buildUsage, -1)
	s.tidyNamespace(b.namespace)
}

func (s *State) restoreBuilds(seq uint64, builds []Build) {
	for i := range builds {
		e := &builds[i]
		b, ok := s.builds[e.Key]
		if !ok {
			b = s.newBuild(e.Key, e.Namespace)
		}
		b.at, b.started, b.finished, b.states = e.At, e.Started, e.Finished, e.States
		b.origin, b.changed = seq, false
	}
}
