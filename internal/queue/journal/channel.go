package journal

import (
	"container/heap"

	"github.com/travishook/travishook/internal/queue"
)

// channel is what waits for one room, and how the room fares.
//
// Which delivery is next: only the first of each build may go, so that a build's events stay
// in order. Among those firsts it is the one that has been due for longest, then the one
// accepted first. After a failed attempt the whole channel pauses until that attempt's retry
// is due, and then makes one attempt in the Probation lane: with whatever is next by the same
// rule, which is another build's event wherever one waits. So a message that the room
// will never take holds up nothing but its own build, and one that goes through ends the
// pause for all.
//
// Who sends it: the holder of its shard, which follows from its home. The home is that which the
// first delivery was accepted with, and stays until a move, or until nothing waits any more. So it
// changes only where nothing of the channel is under way: a move is the end of the one delivery that
// was. While the tables of two replicas differ, each may move it to the other; so it pauses.
type channel struct {
	name  string
	home  string
	moves int // since the last attempt
	shard int
	lines map[build]*line
	heads heads
	busy  *delivery // the one that is being sent

	failing bool
	until   int64 // of its pause
	told    int64 // when until was set, by the clock of then

	lane  *lane // that it waits in; nil while it is busy
	index int
	ready int64
}

type build struct{ repository, id int64 }

// line is one build's deliveries in a channel, linked in the order of acceptance.
type line struct {
	build build
	first *delivery
	index int
}

func (r *record) build() build { return build{r.repoID, r.buildID} }

// settleIn makes the channel, with that home, unless something waits in it.
func (s *State) settleIn(name, home string) *channel {
	c, ok := s.channels[name]
	if !ok {
		c = &channel{name: name, home: home, shard: queue.Shard(home, "", "", name), lines: map[build]*line{}}
		s.channels[name] = c
	}
	return c
}

// move gives a channel another home, for all that waits in it.
func (s *State) move(m *Move, effects *Effects) {
	c, ok := s.channels[m.Channel]
	if !ok {
		return
	}
	c.home, c.shard = m.Home, queue.Shard(m.Home, "", "", m.Channel)
	c.until, c.told = m.Until.UnixNano(), m.At.UnixNano()
	c.moves++
	s.place(c)
	if _, ok := s.deliveries[m.ID]; ok {
		effects.Settled = append(effects.Settled, m.ID)
		s.Return(m.ID)
	}
}

// line adds d to its channel. One that begins again, or was carried, knows no home: the former's is
// found when it is sent, the latter's channel is carried after it.
func (s *State) line(d *delivery) {
	c := s.settleIn(d.to.Channel, "")
	key := d.record.build()
	if l, ok := c.lines[key]; ok {
		l.insert(d)
		heap.Fix(&c.heads, l.index)
	} else {
		l = &line{build: key, first: d}
		c.lines[key] = l
		heap.Push(&c.heads, l)
	}
	s.place(c)
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

// unline takes d out of its channel, and drops the channel with its last delivery.
func (s *State) unline(d *delivery) {
	c := s.channels[d.to.Channel]
	c.free(d)
	l := c.lines[d.record.build()]
	l.remove(d)
	if l.first != nil {
		heap.Fix(&c.heads, l.index)
	} else {
		heap.Remove(&c.heads, l.index)
		delete(c.lines, l.build)
	}
	s.place(c)
	if len(c.lines) == 0 {
		delete(s.channels, c.name)
	}
}

// relined puts d's channel in order after d's due time changed or its attempt ended.
func (s *State) relined(d *delivery) {
	c := s.channels[d.to.Channel]
	c.free(d)
	heap.Fix(&c.heads, c.lines[d.record.build()].index)
	s.place(c)
}

func (c *channel) free(d *delivery) {
	if c.busy == d {
		c.busy = nil
	}
}

// attempted notes how the channel fares; the caller moves the delivery.
func (s *State) attempted(d *delivery, o *queue.Outcome) {
	c := s.channels[d.to.Channel]
	switch o.Kind {
	case queue.Delivered:
		c.failing, c.until, c.told, c.moves = false, 0, 0, 0
	case queue.Retry:
		c.failing, c.until, c.told, c.moves = true, o.Due.UnixNano(), o.At.UnixNano(), 0
	case queue.Dead:
		c.failing, c.until, c.told, c.moves = true, o.At.UnixNano(), o.At.UnixNano(), 0
	}
}

// hurry ends the pause of d's channel, for what it waited for has been mended.
func (s *State) hurry(d *delivery, at int64) {
	c := s.channels[d.to.Channel]
	if c.until > at {
		c.until, c.told = at, at
	}
	heap.Fix(&c.heads, c.lines[d.record.build()].index)
	s.place(c)
}

// place puts c where it belongs among the lanes.
func (s *State) place(c *channel) {
	if c.lane != nil {
		heap.Remove(c.lane, c.index)
		c.lane = nil
	}
	if c.busy != nil || len(c.heads) == 0 || s.elsewhere[c.shard] {
		return
	}
	c.lane = &s.lanes[queue.Healthy]
	c.ready = max(c.heads[0].first.due, c.until)
	if c.failing {
		c.lane = &s.lanes[queue.Probation]
	}
	heap.Push(c.lane, c)
}

// heads orders a channel's builds by what is next.
type heads []*line

func (h heads) Len() int { return len(h) }

func (h heads) Less(i, j int) bool {
	a, b := h[i].first, h[j].first
	if a.due != b.due {
		return a.due < b.due
	}
	return a.before(b)
}

func (h heads) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *heads) Push(x any) {
	l := x.(*line)
	l.index = len(*h)
	*h = append(*h, l)
}

func (h *heads) Pop() any {
	last := len(*h) - 1
	l := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return l
}

// lane orders the channels that are not busy by when they are ready.
type lane []*channel

func (h lane) Len() int { return len(h) }

func (h lane) Less(i, j int) bool {
	if h[i].ready != h[j].ready {
		return h[i].ready < h[j].ready
	}
	return h[i].heads[0].first.before(h[j].heads[0].first)
}

func (h lane) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *lane) Push(x any) {
	c := x.(*channel)
	c.index = len(*h)
	*h = append(*h, c)
}

func (h *lane) Pop() any {
	last := len(*h) - 1
	c := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return c
}
