package journal

import (
	"fmt"
	"time"

	"github.com/travishook/travishook/internal/queue"
)

// Lease is a delivery that was handed out.
type Lease struct {
	ID         ID
	Target     queue.Target
	Home       string   // of the channel
	Shard      int      // that it is in
	Moves      int      // of the channel since the last attempt in it
	Event      Position // where the event can be read, until the next message is applied
	Accepted   time.Time
	Since      time.Time
	Attempt    int
	LastReason string
	Failures   int // of the target's channel in a row
	// Superseded is empty, or the reason why it must be dropped and not sent: a newer state of
	// the build waits behind it, for the same target, and it is late already.
	Superseded string
}

// Take hands out the next delivery of the lane, and keeps its channel busy until an outcome
// of it is applied or Return is called. Without one that is due, it tells when the next will
// be; zero when nothing waits.
func (s *State) Take(from queue.Lane, now time.Time) (Lease, bool, time.Time) {
	l := &s.lanes[from]
	if l.Len() == 0 {
		return Lease{}, false, time.Time{}
	}
	c := (*l)[0]
	if c.ready > now.UnixNano() {
		return Lease{}, false, fromNano(c.ready)
	}
	d := c.heads[0].first
	d.state, c.busy = sending, d
	s.place(c)
	failures := 0
	if st, ok := s.findStatus(&d.to.Target); ok {
		failures = st.failures
	}
	return Lease{
		ID: d.id, Target: d.to.Target, Event: d.record.at,
		Home: c.home, Shard: c.shard, Moves: c.moves,
		Accepted: fromNano(d.record.arrived), Since: fromNano(d.since),
		Attempt: int(d.attempts) + 1, LastReason: d.reason(),
		Failures:   failures,
		Superseded: d.superseded(c),
	}, true, time.Time{}
}

// Event tells where the event of a delivery can be read.
func (s *State) Event(id ID) (Position, bool) {
	d, ok := s.deliveries[id]
	if !ok {
		return Position{}, false
	}
	return d.record.at, true
}

// Return takes a delivery back that was not attempted.
func (s *State) Return(id ID) {
	if d, ok := s.deliveries[id]; ok && d.state == sending {
		d.state = waiting
		s.relined(d)
	}
}

func (d *delivery) reason() string {
	if d.last == nil {
		return ""
	}
	return d.last.Reason
}

// superseded looks only at a delivery that is late: one that goes out when it is accepted is
// news, whatever follows it.
func (d *delivery) superseded(c *channel) string {
	if d.attempts == 0 && !c.failing {
		return ""
	}
	var newest *delivery
	for later := d.next; later != nil; later = later.next {
		if later.to == d.to {
			newest = later
		}
	}
	if newest == nil {
		return ""
	}
	return fmt.Sprintf("superseded by %s of the same build", newest.record.result)
}
