package journal

import (
	"slices"
	"time"

	"github.com/travishook/travishook/internal/queue"
)

// List is one of all deliveries that have not ended, made piece by piece, so that nobody else is held
// up for as long as all of it takes.
type List struct {
	state *State
	left  []*delivery
}

// List begins a list of what is kept now.
func (s *State) List() *List {
	left := make([]*delivery, 0, len(s.deliveries))
	for _, d := range s.deliveries {
		left = append(left, d)
	}
	return &List{s, left}
}

// Listed is a kept delivery, with its place among all.
type Listed struct {
	queue.Summary
	born  Position
	place int32
}

// Next returns the next n of the list or fewer, in no order, without those that have ended
// meanwhile. more is false after the last.
func (l *List) Next(n int) (piece []Listed, more bool) {
	n = min(n, len(l.left))
	piece = make([]Listed, 0, n)
	for _, d := range l.left[:n] {
		if l.state.deliveries[d.id] == d {
			piece = append(piece, Listed{d.summary(), d.record.born, d.place})
		}
	}
	l.left = l.left[n:]
	return piece, len(l.left) > 0
}

// InOrder are deliveries in the order of acceptance.
func InOrder(kept []Listed) []queue.Summary {
	order := make([]*Listed, len(kept))
	for i := range kept {
		order[i] = &kept[i]
	}
	slices.SortFunc(order, func(a, b *Listed) int {
		if c := a.born.compare(b.born); c != 0 {
			return c
		}
		return int(a.place - b.place)
	})
	list := make([]queue.Summary, len(order))
	for i, d := range order {
		list[i] = d.Summary
	}
	return list
}

// ended is the summary of a delivery that o ends.
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
		Repository: r.slug, BuildID: r.buildID, Build: r.number, Result: r.result,
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
