package journal

import (
	"github.com/travishook/travishook/internal/queue"
)

type channelKey struct{ namespace, name string }

// channel contains the waiting deliveries of one channel of a namespace.
//
// The next delivery is the first one of a build, so that a build's events stay in order. Among these it is
// the one that has been due for longest, then the one that was accepted first.
//
// It belongs to the destination of the first delivery in it, until it is reassigned or becomes empty. So it
// changes its owner only while no attempt is under way: a reassignment ends the only one. While the tables of
// two replicas differ, each may reassign it to the other, so it pauses after a reassignment.
type channel struct {
	key           channelKey
	accountKey    string
	destination   string
	flow          *flow
	heads         heap[*line]
	lines         map[buildKey]*line // nil while there are few lines
	underway      *attempt
	reassignments int   // since the last attempt
	until         int64 // end of the pause after a reassignment
	paused        int64 // when the pause began
	at            int   // in the flow's heap; -1 outside
}

type buildKey struct{ repository, id int64 }

// line is one build's deliveries in a channel, linked in the order of acceptance.
type line struct {
	build buildKey
	first *delivery
	at    int
}

func (l *line) index() *int { return &l.at }

func (l *line) less(o *line) bool {
	if l.first.due != o.first.due {
		return l.first.due < o.first.due
	}
	return l.first.before(o.first)
}

func (c *channel) index() *int { return &c.at }

func (c *channel) less(o *channel) bool {
	if a, b := c.ready(), o.ready(); a != b {
		return a < b
	}
	return c.next().before(o.next())
}

func (c *channel) next() *delivery { return c.heads[0].first }

func (c *channel) ready() int64 { return max(c.next().due, c.until) }

func (c *channel) place() Place {
	if c.destination != "" {
		return Place{AccountKey: c.accountKey, Destination: c.destination}
	}
	return Place{AccountKey: c.accountKey, Namespace: c.key.namespace, Channel: c.key.name}
}

func keyOf(t *queue.Target) channelKey { return channelKey{t.Namespace, t.Channel} }

// getOrCreate returns the channel, or creates it with that account key and destination.
func (s *State) getOrCreate(key channelKey, accountKey, destination string) *channel {
	c, ok := s.channels[key]
	if !ok {
		c = &channel{key: key, accountKey: accountKey, destination: destination, at: -1}
		s.channels[key] = c
		s.charge(s.namespace(key.namespace), channelUsage, 1)
		s.join(c)
	}
	return c
}

// fewLines are searched faster in a list than in a map, and take less memory.
const fewLines = 8

func (c *channel) find(b buildKey) *line {
	if c.lines != nil {
		return c.lines[b]
	}
	for _, l := range c.heads {
		if l.build == b {
			return l
		}
	}
	return nil
}

func (c *channel) addLine(l *line) {
	c.heads.push(l)
	switch {
	case c.lines != nil:
		c.lines[l.build] = l
	case len(c.heads) > fewLines:
		c.lines = make(map[buildKey]*line, 2*fewLines)
		for _, l := range c.heads {
			c.lines[l.build] = l
		}
	}
}

// enqueue adds d to its channel. One that is redriven, or was carried, has no destination: it is
// found when it is sent, or the channel is carried after it.
func (s *State) enqueue(d *delivery) {
	c := s.getOrCreate(keyOf(&d.to.Target), "", "")
	key := d.record.build()
	if l := c.find(key); l != nil {
		l.insert(d)
		c.heads.fix(l)
	} else {
		c.addLine(&line{build: key, first: d})
		s.charge(d.record.namespace, lineUsage, 1)
	}
	s.reorder(c)
}

func (l *line) insert(d *delivery) {
	slot := &l.first
	for *slot != nil && (*slot).before(d) {
		slot = &(*slot).next
	}
	d.next, *slot = *slot, d
}

func (l *line) remove(d *delivery) {
	slot := &l.first
	for *slot != d {
		slot = &(*slot).next
	}
	*slot, d.next = d.next, nil
}

// dequeue removes d from its channel, and the channel after its last delivery.
func (s *State) dequeue(d *delivery) {
	c := s.channels[keyOf(&d.to.Target)]
	l := c.find(d.record.build())
	l.remove(d)
	if l.first != nil {
		c.heads.fix(l)
	} else {
		c.heads.remove(l)
		delete(c.lines, l.build)
		s.charge(d.record.namespace, lineUsage, -1)
	}
	if len(c.heads) > 0 {
		s.reorder(c)
		return
	}
	s.leave(c)
	delete(s.channels, c.key)
	s.charge(s.namespace(c.key.namespace), channelUsage, -1)
}

// requeue moves d after its due time has changed.
func (s *State) requeue(d *delivery) {
	c := s.channels[keyOf(&d.to.Target)]
	c.heads.fix(c.find(d.record.build()))
	s.reorder(c)
}

// applyReassign reassigns a channel with all its waiting deliveries, and releases the attempt.
func (s *State) applyReassign(m *Reassign, effects *Effects) {
	s.release(m.ID)
	effects.Settled = append(effects.Settled, m.ID)
	c, ok := s.channels[channelKey{m.Namespace, m.Channel}]
	if !ok {
		return
	}
	s.reassign(c, m.AccountKey, m.Destination)
	c.until, c.paused = nanoOrZero(m.Until), nanoOrZero(m.At)
	c.reassignments++
	s.reorder(c)
}

func (s *State) reassign(c *channel, accountKey, destination string) {
	if c.accountKey == accountKey && c.destination == destination {
		return
	}
	s.leave(c)
	c.accountKey, c.destination = accountKey, destination
	s.join(c)
}
