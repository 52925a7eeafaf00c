package journal

import (
	"slices"
	"time"

	"github.com/travishook/travishook/internal/queue"
)

// lossKept is how long a loss is reported.
const lossKept = 7 * 24 * time.Hour

// loss is a recorded loss.
type loss struct {
	queue.Loss
	origin uint64 // the message that records it
}

// lose adds a recorded loss. A carried one replaces itself.
func (s *State) lose(seq uint64, l *queue.Loss) {
	if i := s.findLoss(l); i >= 0 {
		s.losses[i].origin = seq
		return
	}
	s.losses = append(s.losses, loss{*l, seq})
}

func (s *State) findLoss(l *queue.Loss) int {
	return slices.IndexFunc(s.losses, func(k loss) bool { return k.Same(l) })
}

// Losses returns what was found missing in the last seven days.
func (s *State) Losses(now time.Time) []queue.Loss {
	var list []queue.Loss
	for i := range s.losses {
		if s.losses[i].recent(now) {
			list = append(list, s.losses[i].Loss)
		}
	}
	return list
}

func (l *loss) recent(now time.Time) bool { return now.Sub(l.At) < lossKept }

// Missed reports whether the message is known to be missing.
func (s *State) Missed(seq uint64) bool {
	return slices.ContainsFunc(s.losses, func(l loss) bool {
		return slices.ContainsFunc(l.Gaps, func(g queue.Gap) bool { return g.First <= seq && seq <= g.Last })
	})
}

// MissedBetween returns how many messages from first to last are known to be missing.
func (s *State) MissedBetween(first, last uint64) (n uint64) {
	for i := range s.losses {
		n += s.losses[i].Between(first, last)
	}
	return n
}

// addLoss carries a loss while it is reported. Its gaps are before the message that records it, so they
// cannot be found again after that message is purged.
func (c *Carrier) addLoss(seq uint64, l *queue.Loss) {
	i := c.state.findLoss(l)
	if i < 0 || c.state.losses[i].origin != seq {
		return
	}
	if !c.state.losses[i].recent(c.now) {
		c.state.losses = slices.Delete(c.state.losses, i, i+1)
		return
	}
	copied := *l
	c.values = append(c.values, Entry{Loss: &copied})
	c.size += int(statusUsage.bytes)
}
