package journal

import (
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

// Lease is a handed out delivery.
type Lease struct {
	ID            ID
	Target        queue.Target
	Place         Place    // the destination
	Shard         int      // of the destination
	Reassignments int      // of the channel since the last attempt in it
	Event         Position // where the event can be read, until the next message is applied
	Accepted      time.Time
	Since         time.Time
	Attempt       int
	LastReason    string
	Failures      int // of the target's channel in a row
	// Superseded is empty, or the reason why it must be dropped: it is late, and a newer state of the build
	// waits behind it for the same target.
	Superseded string
	// Newer is the result of the latest state of the build that waits behind it for the same target; empty
	// if none does.
	Newer travis.Result
	// Shown is the build's message that the target has; nil if there is none. MessageKey names it, and Born
	// is where the event was accepted.
	Shown      *queue.Shown
	MessageKey ID
	Born       Position
}

// attempt is an attempt that is under way.
type attempt struct {
	delivery    *delivery
	channel     *channel
	destination *destination
	turn        *turn
	lane        queue.Lane
}

// Take hands out the next delivery of the lane, and keeps its destination busy until its outcome is applied
// or Return is called. Without a due delivery, it returns when the next will be due; zero if none will
// unless something changes.
//
// Of the namespaces with something due, the one with the fewest attempts under way is served, and of its
// flows the one that has been due for longest. Namespaces with something due for the same destination take
// turns: the one served longest ago comes first there, regardless of its attempts elsewhere.
func (s *State) Take(from queue.Lane, now time.Time) (Lease, bool, time.Time) {
	l := &s.lanes[from]
	l.promote(now.UnixNano())
	if len(l.due) == 0 || !l.permits(l.due[0]) {
		if len(l.later) == 0 {
			return Lease{}, false, time.Time{}
		}
		return Lease{}, false, fromNano(l.later[0].ready)
	}
	f := l.turnOf(l.due[0].due[0])
	c := f.channels[0]
	d := c.next()
	s.begin(from, f, c, d)
	return Lease{
		ID: d.id, Target: d.to.Target, Event: d.record.at,
		Place: f.destination.place, Shard: f.destination.shard, Reassignments: c.reassignments,
		Accepted: fromNano(d.record.arrived), Since: fromNano(d.since),
		Attempt: int(d.attempts) + 1, LastReason: d.reason(),
		Failures:   d.to.status.failures,
		Superseded: d.superseded(f.destination), Newer: d.newer(),
		Shown: s.shown(d, now), MessageKey: messageID(d.record.repoID, d.record.buildID, &d.to.Target), Born: d.record.born,
	}, true, time.Time{}
}

// promote moves flows that have become ready to the namespaces' turns.
func (l *lane) promote(now int64) {
	for len(l.later) > 0 && l.later[0].ready <= now {
		f := l.later[0]
		l.later.remove(f)
		t := &f.namespace.turns[f.lane]
		t.due.push(f)
		f.in = inDue
		if len(t.due) == 1 {
			l.due.push(t)
		}
	}
}

// turnOf returns the flow whose turn it is in the destination of f.
func (l *lane) turnOf(f *flow) *flow {
	best := f
	for _, other := range f.destination.flows {
		if other.in == inDue && l.permits(&other.namespace.turns[other.lane]) &&
			(other.served < best.served || other.served == best.served && other.less(best)) {
			best = other
		}
	}
	return best
}

// begin marks a delivery as under way.
func (s *State) begin(from queue.Lane, f *flow, c *channel, d *delivery) {
	l, t := &s.lanes[from], &f.namespace.turns[from]
	a := &attempt{delivery: d, channel: c, destination: f.destination, turn: t, lane: from}
	l.under++
	s.served++
	f.served, t.served = s.served, s.served
	s.underway(t, from, +1)
	d.state, c.underway, f.destination.underway = sending, a, a
	s.attempts[d.id] = a
	s.scheduleAll(f.destination)
	s.reorder(c)
}

func (s *State) underway(t *turn, lane queue.Lane, n int) {
	t.underway += n
	if len(t.due) > 0 {
		s.lanes[lane].due.fix(t)
	}
}

// Return takes a delivery back that was not attempted.
func (s *State) Return(id ID) { s.release(id) }

// release ends an attempt, if the delivery is under way.
func (s *State) release(id ID) {
	a, ok := s.attempts[id]
	if !ok {
		return
	}
	delete(s.attempts, id)
	s.lanes[a.lane].under--
	s.underway(a.turn, a.lane, -1)
	a.destination.underway = nil
	a.channel.underway = nil
	if a.delivery.state == sending {
		a.delivery.state = waiting
	}
	s.scheduleAll(a.destination)
	s.tidyDestination(a.destination)
	if s.channels[a.channel.key] == a.channel {
		s.reorder(a.channel)
	}
	s.tidyNamespace(a.turn.namespace)
}

// Event returns where the event of a delivery can be read.
func (s *State) Event(id ID) (Position, bool) {
	d, ok := s.deliveries[id]
	if !ok {
		return Position{}, false
	}
	return d.record.at, true
}

func (d *delivery) reason() string {
	if d.last == nil {
		return ""
	}
	return d.last.Reason
}

// superseded concerns only late deliveries: one that is sent right after its acceptance is news, even if
// another follows.
func (d *delivery) superseded(at *destination) string {
	if d.attempts == 0 && !at.failing {
		return ""
	}
	newer := d.newer()
	if newer == "" {
		return ""
	}
	return queue.SupersededBy(newer)
}

// newer is the result of the latest state of the build that waits for the same target.
func (d *delivery) newer() (result travis.Result) {
	for later := d.next; later != nil; later = later.next {
		if later.to == d.to {
			result = later.record.result
		}
	}
	return result
}
