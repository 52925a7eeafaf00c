package journal

import (
	"time"

	"github.com/travishook/travishook/internal/queue"
)

type routeKey struct{ namespace, name string }

// status is the state of a route's channel that the route's status shows.
type status struct {
	namespace *namespace
	target    queue.Target // as the route named it last
	targets   []*target    // all targets that it has had
	delivered queue.LastAttempt
	failure   queue.LastAttempt
	failures  int
	used      int64  // when an event was last accepted for it
	origin    uint64 // the message that holds all of it, unless changed
	changed   bool
}

func (st *status) usage() usage {
	u := statusUsage
	u.memory += targetTexts(&st.target) + texts(st.delivered.Build, st.failure.Build, st.failure.Reason)
	return u
}

// edit changes a status, and its usage.
func (s *State) edit(st *status, change func()) {
	s.charge(st.namespace, st.usage(), -1)
	change()
	s.charge(st.namespace, st.usage(), 1)
}

// status finds or creates the status of a route's channel. It continues if the route was deleted and created
// again, or its account uses another channel.
func (s *State) status(t *queue.Target) *status {
	if st, ok := s.findStatus(t); ok {
		return st
	}
	st := &status{target: *t, namespace: s.namespace(t.Namespace)}
	route := routeKey{t.Namespace, t.Route}
	s.routes[route] = append(s.routes[route], st)
	s.charge(st.namespace, st.usage(), 1)
	return st
}

func (s *State) findStatus(t *queue.Target) (*status, bool) {
	for _, st := range s.routes[routeKey{t.Namespace, t.Route}] {
		if st.target.Account == t.Account && st.target.Address == t.Address {
			return st, true
		}
	}
	return nil, false
}

func (s *State) findTarget(t *queue.Target) (*target, bool) {
	st, ok := s.findStatus(t)
	if !ok {
		return nil, false
	}
	for _, known := range st.targets {
		if known.Target == *t {
			return known, true
		}
	}
	return nil, false
}

func (s *State) useStatus(seq uint64, t *queue.Target, at int64) *status {
	st := s.status(t)
	if st.origin == 0 {
		st.origin = seq
	}
	s.edit(st, func() {
		if st.unused(at) {
			st.delivered, st.failure, st.failures = queue.LastAttempt{}, queue.LastAttempt{}, 0
		}
		st.target, st.used = *t, max(st.used, at)
	})
	return st
}

func (st *status) unused(at int64) bool { return at-st.used >= int64(statusKept) }

// kept returns the number of deliveries.
func (st *status) kept() int {
	n := 0
	for _, t := range st.targets {
		n += t.liveCount + t.deadCount
	}
	return n
}

func (s *State) attemptedStatus(d *delivery, o *queue.Outcome) {
	st := d.to.status
	mark := queue.LastAttempt{At: o.At, Build: d.record.number, Result: d.record.result, Reason: o.Reason}
	s.edit(st, func() {
		switch o.Kind {
		case queue.Delivered:
			st.delivered, st.failures, st.changed = mark, 0, true
		case queue.Retry, queue.Dead:
			st.failure, st.changed = mark, true
			st.failures++
		case queue.Dropped, queue.Reassigned:
		}
	})
}

// forgetStatus removes a status without deliveries.
func (s *State) forgetStatus(st *status) {
	route := routeKey{st.target.Namespace, st.target.Route}
	kept := s.routes[route][:0]
	for _, other := range s.routes[route] {
		if other != st {
			kept = append(kept, other)
		}
	}
	clear(s.routes[route][len(kept):])
	s.routes[route] = kept
	if len(kept) == 0 {
		delete(s.routes, route)
	}
	for _, t := range st.targets {
		s.charge(st.namespace, t.usage(), -1)
	}
	s.charge(st.namespace, st.usage(), -1)
	s.tidyNamespace(st.namespace)
}

// Channels describes every channel of a route that is still remembered, in the order in which
// an event was first accepted for them.
func (s *State) Channels(namespace, route string, now time.Time) []queue.ChannelStatus {
	var list []queue.ChannelStatus
	for _, st := range s.routes[routeKey{namespace, route}] {
		if st.unused(now.UnixNano()) && st.kept() == 0 {
			continue
		}
		c := queue.ChannelStatus{Target: st.target, Delivered: st.delivered, Failure: st.failure, Failures: st.failures}
		for _, t := range st.targets {
			c.Waiting += t.liveCount
			c.Dead += t.deadCount
		}
		list = append(list, c)
	}
	return list
}

// RemoveExpired removes expired parts, as Carry does for the messages that it carries. Without it, a replica that
// never carries would keep them forever.
func (s *State) RemoveExpired(now time.Time) {
	at := now.UnixNano()
	for key, b := range s.builds {
		if s.forgotten(b, at) {
			s.forgetBuild(key, b)
		}
	}
	for key, h := range s.histories {
		if h.expired(at) {
			s.forgetHistory(key, h)
		}
	}
	for _, m := range s.messages {
		if m.expired(now) {
			s.forgetMessage(m)
		}
	}
	for _, d := range s.destinations {
		if d.over(at) {
			s.setCondition(d.place, condition{})
		}
	}
	var unused []*status
	for _, of := range s.routes {
		for _, st := range of {
			if st.unused(at) && st.kept() == 0 {
				unused = append(unused, st)
			}
		}
	}
	for _, st := range unused {
		s.forgetStatus(st)
	}
}

// over reports whether the condition can be forgotten.
func (d *destination) over(at int64) bool {
	return d.setAt != 0 && (d.expired(at) && len(d.flows) == 0 || !d.failing && d.rest <= at && d.until <= at)
}
