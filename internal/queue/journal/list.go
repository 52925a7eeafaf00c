package journal

import (
	"slices"
	"strings"
	"time"

	"github.com/travishook/travishook/internal/queue"
)

// List lists deliveries that have not ended, piece by piece, so that a long list does not hold the lock.
type List struct {
	state *State
	query queue.Query
	left  []*delivery
}

// List begins a list of the deliveries that the query selects. If the query names a route, a repository or a
// namespace, it reads only those deliveries, and all otherwise.
func (s *State) List(q queue.Query) *List {
	l := &List{state: s, query: q}
	l.query.IDs = nil
	switch {
	case len(q.IDs) > 0:
		for _, text := range q.IDs {
			var id ID
			if id.UnmarshalText([]byte(text)) != nil {
				continue
			}
			if d, ok := s.deliveries[id]; ok {
				l.left = append(l.left, d)
			}
		}
	case q.Namespace != "" && q.Route != "":
		for _, st := range s.routes[routeKey{q.Namespace, q.Route}] {
			l.addTargets(st.targets)
		}
	case q.Repository != "":
		if of, ok := s.repositories[strings.ToLower(q.Repository)]; ok {
			l.addRecords(of)
		}
	default:
		l.addTargets(s.targets)
	}
	return l
}

func (l *List) addTargets(targets []*target) {
	states := l.query.States
	deadToo := len(states) == 0 || slices.Contains(states, queue.DeadLetter)
	liveToo := len(states) == 0 || slices.Contains(states, queue.Waiting) || slices.Contains(states, queue.Sending)
	for _, t := range targets {
		if l.query.Namespace != "" && t.Namespace != l.query.Namespace {
			continue
		}
		if liveToo {
			l.addPeers(t.live)
		}
		if deadToo {
			l.addPeers(t.dead)
		}
	}
}

func (l *List) addPeers(d *delivery) {
	for ; d != nil; d = d.peers.next {
		l.left = append(l.left, d)
	}
}

func (l *List) addRecords(of *repository) {
	for r := of.records; r != nil; r = r.next {
		if l.query.BuildID != 0 && r.buildID != l.query.BuildID || l.query.Build != "" && r.number != l.query.Build {
			continue
		}
		for d := r.deliveries; d != nil; d = d.siblings.next {
			l.left = append(l.left, d)
		}
	}
}

// Listed is a kept delivery, with its place among all.
type Listed struct {
	queue.Summary
	born        Position
	targetIndex int32
}

// Next reads the next n deliveries, and returns the selected ones that have not ended, in no order. more is
// false after the last.
func (l *List) Next(n int) (piece []Listed, more bool) {
	n = min(n, len(l.left))
	piece = make([]Listed, 0, n)
	for _, d := range l.left[:n] {
		if l.state.deliveries[d.id] != d {
			continue
		}
		if s := d.summary(); l.query.Matches(&s) {
			piece = append(piece, Listed{s, d.record.born, d.targetIndex})
		}
	}
	l.left = l.left[n:]
	return piece, len(l.left) > 0
}

// Selection collects listed deliveries up to a query's limit.
type Selection struct {
	query *queue.Query
	order []*Listed
}

// Select begins an empty selection.
func Select(q *queue.Query) *Selection { return &Selection{query: q} }

// Add adds those deliveries of a piece that the query allows.
func (s *Selection) Add(piece []Listed) {
	for i := range piece {
		if s.query.Allow == nil || s.query.Allow(piece[i].Target) {
			s.order = append(s.order, &piece[i])
		}
	}
	if most := s.query.Limit; most > 0 && len(s.order) > 2*most {
		s.cut()
	}
}

// cut sorts the deliveries by the order of acceptance, and drops those beyond the limit.
func (s *Selection) cut() {
	slices.SortFunc(s.order, func(a, b *Listed) int {
		if c := a.born.compare(b.born); c != 0 {
			return c
		}
		return int(a.targetIndex - b.targetIndex)
	})
	beyond := len(s.order) - s.query.Limit
	if s.query.Limit == 0 || beyond <= 0 {
		return
	}
	kept := s.order[:s.query.Limit]
	if s.query.Newest {
		kept = s.order[beyond:]
	}
	s.order = slices.Clone(kept)
	if s.query.Beyond != nil {
		*s.query.Beyond += beyond
	}
}

// InOrder returns the deliveries in the order of acceptance.
func (s *Selection) InOrder() []queue.Summary {
	s.cut()
	order := s.order
	list := make([]queue.Summary, len(order))
	for i, d := range order {
		list[i] = d.Summary
	}
	return list
}

// ended returns the summary of a delivery that o ends.
func (d *delivery) ended(o queue.Outcome) queue.Summary {
	s := d.summary()
	s.Due, s.Last = time.Time{}, o
	if o.Kind == queue.Delivered {
		s.Attempts++
	}
	return s
}

func (d *delivery) summary() queue.Summary {
	r := d.record
	s := queue.Summary{
		ID: d.id.String(), Target: d.to.Target,
		Repository: r.repository.slug, BuildID: r.buildID, Build: r.number, Result: r.result,
		Accepted: fromNano(r.arrived), Attempts: int(d.attempts),
	}
	switch d.state {
	case waiting:
		s.State, s.Due = queue.Waiting, fromNano(d.due)
	case sending:
		s.State, s.Due = queue.Sending, fromNano(d.due)
	case dead:
		s.State = queue.DeadLetter
	}
	if d.last != nil {
		s.Last = *d.last
	}
	return s
}
