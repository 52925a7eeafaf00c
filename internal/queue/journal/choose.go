package journal

import (
	"time"

	"github.com/travishook/travishook/internal/queue"
)

// Decisions before an entry is written: see doc.go.

// Targets returns the targets with deliveries, or, with every, all remembered ones.
func (s *State) Targets(every bool) []queue.Target {
	if !every {
		list := make([]queue.Target, len(s.targets))
		for i, t := range s.targets {
			list[i] = t.Target
		}
		return list
	}
	var list []queue.Target
	for _, of := range s.routes {
		for _, st := range of {
			for _, t := range st.targets {
				list = append(list, t.Target)
			}
		}
	}
	return list
}

// NewWake returns the entry that wakes deliveries of these targets, and how many; nil if there are none.
func (s *State) NewWake(at time.Time, fixed, replaced []queue.Target) (*Wake, int) {
	w, n := &Wake{At: at}, 0
	places := map[Place]bool{}
	for i := range fixed {
		if of := s.wakes(&fixed[i], false, places); of > 0 {
			w.Fixed = append(w.Fixed, fixed[i])
			n += of
		}
	}
	for i := range replaced {
		if of := s.wakes(&replaced[i], true, places); of > 0 {
			w.Replaced = append(w.Replaced, replaced[i])
			n += of
		}
	}
	if n == 0 {
		return nil, 0
	}
	for p := range places {
		w.Places = append(w.Places, p)
	}
	return w, n
}

func (s *State) wakes(t *queue.Target, all bool, places map[Place]bool) (n int) {
	to, ok := s.findTarget(t)
	if !ok {
		return 0
	}
	for d := to.live; d != nil; d = d.peers.next {
		if d.state == waiting && (all && d.last != nil || d.credential()) {
			n++
		}
	}
	for d := to.dead; d != nil; d = d.peers.next {
		if d.credential() {
			n++
		}
	}
	if c, ok := s.channels[keyOf(&to.Target)]; ok && n > 0 {
		places[c.place()] = true
	}
	return n
}

// NewRedrive returns the entry that redrives these dead letters.
func (s *State) NewRedrive(at time.Time, ids []ID) *Redrive {
	r := &Redrive{At: at}
	places := map[Place]bool{}
	for _, id := range ids {
		d, ok := s.deliveries[id]
		if !ok || d.state != dead {
			continue
		}
		r.IDs = append(r.IDs, id)
		if c, ok := s.channels[keyOf(&d.to.Target)]; ok && !places[c.place()] {
			places[c.place()] = true
			r.Places = append(r.Places, c.place())
		}
	}
	return r
}

// DeliveriesOf returns deliveries of these targets, but no more than that many.
func (s *State) DeliveriesOf(targets []queue.Target, most int) (ids []ID) {
	for i := range targets {
		t, ok := s.findTarget(&targets[i])
		if !ok {
			continue
		}
		for _, d := range []*delivery{t.live, t.dead} {
			for ; d != nil && len(ids) < most; d = d.peers.next {
				ids = append(ids, d.id)
			}
		}
	}
	return ids
}
