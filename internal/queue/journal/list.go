package journal

import (
	"slices"
	"time"

	"github.com/travishook/travishook/internal/queue"
)

// Deliveries lists all that have not ended, in the order of acceptance.
func (s *State) Deliveries() []queue.Summary {
	kept := make([]*delivery, 0, len(s.deliveries))
	for _, d := range s.deliveries {
		kept = append(kept, d)
	}
	slices.SortFunc(kept, func(a, b *delivery) int {
		if c := a.record.born.compare(b.record.born); c != 0 {
			return c
		}
		return int(a.place - b.place)
	})
	list := make([]queue.Summary, len(kept))
	for i, d := range kept {
		list[i] = d.summary()
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
		s.State = queue.Died
	}
	if d.last != nil {
		s.Last = *d.last
	}
	return s
}
