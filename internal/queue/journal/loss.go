package journal

import (
	"slices"
	"time"

	"github.com/travishook/travishook/internal/queue"
)

// lossKept is how long a loss is reported.
const lossKept = 7 * 24 * time.Hour

// loss is one that is in the journal.
type loss struct {
	queue.Loss
	origin uint64 // the message that tells so
}

// lose notes what an earlier reader found missing.
func (s *State) lose(seq uint64, l *queue.Loss) {
	for i := range s.losses {
		if s.losses[i].Same(l) {
			s.losses[i].origin = seq // carried, or found by another replica as well
			return
		}
	}
	s.losses = append(s.losses, loss{*l, seq})
}

// Losses are what was found missing in the last seven days, oldest first.
func (s *State) Losses(now time.Time) []queue.Loss {
	var list []queue.Loss
	for i := range s.losses {
		if s.losses[i].recent(now) {
			list = append(list, s.losses[i].Loss)
		}
	}
	slices.SortStableFunc(list, func(a, b queue.Loss) int { return a.At.Compare(b.At) })
	return list
}

func (l *loss) recent(now time.Time) bool { return now.Sub(l.At) < lossKept }

// Missed reports whether the message is one of those that are known to be missing.
func (s *State) Missed(seq uint64) bool {
	return slices.ContainsFunc(s.losses, func(l loss) bool { return l.First <= seq && seq <= l.Last })
}

// addLoss carries a loss as long as it is reported, and as long as its numbers may still be looked for.
func (c *Carrier) addLoss(seq uint64, l *queue.Loss) {
	i := slices.IndexFunc(c.state.losses, func(k loss) bool { return k.origin == seq && k.Same(l) })
	if i < 0 {
		return
	}
	if !c.state.losses[i].recent(c.now) {
		c.state.losses = slices.Delete(c.state.losses, i, i+1)
		return
	}
	carried := *l
	c.puts = append(c.puts, Entry{Loss: &carried})
	c.size += statusBytes
}
