package journal

import (
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

type routeKey struct{ namespace, name string }

// status is what a route's status tells of one of its channels.
type status struct {
	target        queue.Target // as the route named it last
	waiting, dead int
	delivered     queue.Mark
	failure       queue.Mark
	failures      int
	used          int64  // when an event was last accepted for it
	origin        uint64 // the message that tells all of it
	changed       bool   // by an attempt since then
}

func newRecord(event ID, e *travis.Event, arrived time.Time) *record {
	return &record{
		event: event, arrived: arrived.UnixNano(),
		repoID: e.Repository.ID, buildID: e.Build.ID,
		slug: e.Repository.Slug(), number: e.Build.Number, result: e.Build.Result,
	}
}

// status finds or makes what is known of a route's channel. A route that was deleted and made
// again, or whose account speaks through another channel now, goes on where it was.
func (s *State) status(t *queue.Target) *status {
	if st, ok := s.findStatus(t); ok {
		return st
	}
	st := &status{target: *t}
	route := routeKey{t.Namespace, t.Route}
	s.routes[route] = append(s.routes[route], st)
	s.statuses++
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

func (s *State) useStatus(seq uint64, t *queue.Target, at int64) {
	st := s.status(t)
	if st.origin == 0 {
		st.origin = seq
	}
	if st.unused(at) {
		st.delivered, st.failure, st.failures = queue.Mark{}, queue.Mark{}, 0
	}
	st.target, st.used = *t, max(st.used, at)
}

func (st *status) unused(at int64) bool { return at-st.used >= int64(statusKept) }

func (st *status) attempted(d *delivery, o *queue.Outcome) {
	mark := queue.Mark{At: o.At, Build: d.record.number, Result: d.record.result, Reason: o.Reason}
	switch o.Kind {
	case queue.Delivered:
		st.delivered, st.failures, st.changed = mark, 0, true
	case queue.Retry, queue.Dead:
		st.failure, st.changed = mark, true
		st.failures++
	}
}

func (s *State) forgetStatus(st *status) {
	route := routeKey{st.target.Namespace, st.target.Route}
	kept := s.routes[route][:0]
	for _, other := range s.routes[route] {
		if other != st {
			kept = append(kept, other)
		}
	}
	s.statuses--
	s.routes[route] = kept
	if len(kept) == 0 {
		delete(s.routes, route)
	}
}

// Channels tells of every channel of a route that is still remembered, in the order in which
// an event was first accepted for them.
func (s *State) Channels(namespace, route string, now time.Time) []queue.ChannelStatus {
	var list []queue.ChannelStatus
	for _, st := range s.routes[routeKey{namespace, route}] {
		if st.unused(now.UnixNano()) && st.waiting+st.dead == 0 {
			continue
		}
		list = append(list, queue.ChannelStatus{
			Target: st.target, Waiting: st.waiting, Dead: st.dead,
			Delivered: st.delivered, Failure: st.failure, Failures: st.failures,
		})
	}
	return list
}
