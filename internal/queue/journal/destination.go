package journal

import (
	"time"

	"github.com/travishook/travishook/internal/queue"
)

// conditionKept is how long a destination's condition is remembered after its last attempt and backoff.
const conditionKept = time.Hour

// destination receives the messages of one or more channels, one at a time. After a failed attempt it pauses
// until that attempt's retry is due, and then makes one attempt in the Probation lane with the next delivery,
// preferably of another build. So a message that the service never accepts blocks only its own build, and a
// success ends the pause for all.
//
// It exists while it has channels or a condition.
type destination struct {
	place    Place
	shard    int
	flows    []*flow
	underway *attempt
	condition
	at int // in State.idle; -1 outside
}

// maxIdle is how many destinations are remembered that nothing waits for, those of the last attempts. They
// are not counted as a namespace's, and one may have new ones all the time.
const maxIdle = 10_000

func (d *destination) index() *int { return &d.at }

func (d *destination) less(o *destination) bool { return d.setAt < o.setAt }

// condition is the state of a destination after its last attempt. It is stored by the destination's name,
// because the attempted delivery may be unknown when the log is replayed.
type condition struct {
	failing bool
	until   int64  // of the backoff
	rest    int64  // of its pace
	setAt   int64  // when these were set; zero if there is no condition
	origin  uint64 // the message that holds all of it, unless changed
	changed bool
}

// flow is a namespace's queue for a destination.
type flow struct {
	destination *destination
	namespace   *namespace
	members     int            // channels that belong to it
	channels    heap[*channel] // those with something to send
	ready       int64
	served      uint64 // when an attempt was last handed out; see State.served
	in          flowPlace
	lane        queue.Lane
	at          int
}

// flowPlace is the heap that a flow is in.
type flowPlace uint8

const (
	nowhere flowPlace = iota // empty, or its destination is busy or another replica's
	inLater                  // of its lane
	inDue                    // of its namespace's turn
)

func (f *flow) index() *int { return &f.at }

func (f *flow) less(o *flow) bool {
	if f.ready != o.ready {
		return f.ready < o.ready
	}
	return f.channels[0].next().before(o.channels[0].next())
}

func (d *destination) lane() queue.Lane {
	if d.failing {
		return queue.Probation
	}
	return queue.Healthy
}

func (s *State) destination(p Place) *destination {
	d, ok := s.destinations[p]
	if !ok {
		d = &destination{at: -1, place: p, shard: queue.Shard(p.AccountKey, p.Destination, p.Namespace, p.Channel)}
		s.destinations[p] = d
		s.used.add(destinationUsage)
	}
	return d
}

// tidyDestination forgets a destination that nothing is to be remembered of, and the one that has been idle for
// longest where there are too many.
func (s *State) tidyDestination(d *destination) {
	idle := len(d.flows) == 0 && d.underway == nil
	switch {
	case idle && d.setAt == 0:
		s.wakeDestination(d)
		delete(s.destinations, d.place)
		s.used.add(destinationUsage.times(-1))
	case idle && d.at < 0:
		s.idle.push(d)
	case idle:
		s.idle.fix(d)
	}
	if len(s.idle) > maxIdle {
		s.setCondition(s.idle[0].place, condition{})
	}
}

// wakeDestination takes a destination out of the idle ones.
func (s *State) wakeDestination(d *destination) {
	if d.at >= 0 {
		s.idle.remove(d)
		d.at = -1
	}
}

// join adds the channel to its destination.
func (s *State) join(c *channel) {
	d := s.destination(c.place())
	s.wakeDestination(d)
	ns := s.namespace(c.key.namespace)
	for _, f := range d.flows {
		if f.namespace == ns {
			f.members++
			c.flow = f
			return
		}
	}
	c.flow = &flow{destination: d, namespace: ns, members: 1}
	d.flows = append(d.flows, c.flow)
	s.charge(ns, queueUsage, 1)
}

// leave removes the channel from its destination.
func (s *State) leave(c *channel) {
	f := c.flow
	s.suspend(f)
	if c.at >= 0 {
		f.channels.remove(c)
		c.at = -1
	}
	f.members--
	if f.members > 0 {
		s.schedule(f)
		return
	}
	d := f.destination
	for i := range d.flows {
		if d.flows[i] == f {
			last := len(d.flows) - 1
			d.flows[i], d.flows[last] = d.flows[last], nil
			d.flows = d.flows[:last]
			break
		}
	}
	s.charge(f.namespace, queueUsage, -1)
	s.tidyDestination(d)
}

// reorder moves the channel after its next delivery has changed.
func (s *State) reorder(c *channel) {
	f := c.flow
	s.suspend(f)
	switch waits := len(c.heads) > 0 && c.underway == nil; {
	case waits && c.at >= 0:
		f.channels.fix(c)
	case waits:
		f.channels.push(c)
	case c.at >= 0:
		f.channels.remove(c)
		c.at = -1
	}
	s.schedule(f)
}

// suspend removes a flow from the order of attempts.
func (s *State) suspend(f *flow) {
	l := &s.lanes[f.lane]
	switch f.in {
	case inLater:
		l.later.remove(f)
	case inDue:
		t := &f.namespace.turns[f.lane]
		t.due.remove(f)
		if len(t.due) == 0 {
			l.due.remove(t)
		}
	case nowhere:
	}
	f.in = nowhere
}

// schedule adds a suspended flow to the order of attempts, if it may be handed out.
func (s *State) schedule(f *flow) {
	d := f.destination
	if len(f.channels) == 0 || d.underway != nil || s.elsewhere[d.shard] {
		return
	}
	f.ready = max(f.channels[0].ready(), d.until, d.rest)
	f.lane, f.in = d.lane(), inLater
	s.lanes[f.lane].later.push(f)
}

// scheduleAll moves all flows of a destination after its condition has changed.
func (s *State) scheduleAll(d *destination) {
	for _, f := range d.flows {
		s.suspend(f)
		s.schedule(f)
	}
}

// attempted records the outcome of an attempt in the condition of its destination.
func (s *State) attempted(seq uint64, p Place, o *queue.Outcome) {
	if p == (Place{}) {
		return
	}
	setAt := nanoOrZero(o.At)
	c := condition{setAt: setAt, rest: nanoOrZero(o.Rest), origin: seq}
	switch o.Kind {
	case queue.Delivered:
		if c.rest == 0 {
			c = condition{} // as if never attempted
		}
	case queue.Retry:
		c.failing, c.until = true, nanoOrZero(o.Due)
	case queue.Dead:
		c.failing, c.until = true, setAt
	case queue.Dropped, queue.Reassigned:
		return
	default:
		return
	}
	s.setCondition(p, c)
}

func (s *State) setCondition(p Place, c condition) {
	d, ok := s.destinations[p]
	if !ok && c.setAt == 0 {
		return
	}
	if !ok {
		d = s.destination(p)
	}
	d.condition = c
	s.scheduleAll(d)
	s.tidyDestination(d)
}

// expired reports whether the last attempt is so long ago that the condition is outdated.
func (c *condition) expired(at int64) bool {
	return at-max(c.setAt, c.until, c.rest) >= int64(conditionKept)
}

// renew removes an expired condition before a delivery is added.
func (s *State) renew(p Place, at int64) {
	if d, ok := s.destinations[p]; ok && d.setAt != 0 && d.expired(at) {
		s.setCondition(p, condition{})
	}
}

// makeDue ends the backoff of a destination, because the cause was fixed.
func (s *State) makeDue(p Place, at int64) {
	s.renew(p, at)
	d, ok := s.destinations[p]
	if !ok || d.until <= at {
		return
	}
	d.until, d.setAt, d.changed = at, at, true
	if d.at >= 0 {
		s.idle.fix(d)
	}
	s.scheduleAll(d)
}

func (c *condition) backoff() Backoff {
	return Backoff{Failing: c.failing, Until: timeOrZero(c.until), Rest: timeOrZero(c.rest), At: timeOrZero(c.setAt)}
}

func (b *Backoff) condition(origin uint64) condition {
	return condition{failing: b.Failing, until: nanoOrZero(b.Until), rest: nanoOrZero(b.Rest), setAt: nanoOrZero(b.At), origin: origin}
}
