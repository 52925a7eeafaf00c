package journal

import "github.com/travishook/travishook/internal/queue"

// namespace is the state of one namespace. It exists while something is charged to it or under way for it.
type namespace struct {
	name       string
	deliveries int
	used       usage
	expected   usage   // outcomes of deliveries that have none yet
	turns      [2]turn // one for each lane
}

// turn is a namespace's position in the order of a lane.
type turn struct {
	namespace *namespace
	underway  int
	served    uint64 // when an attempt was last handed out; see State.served
	due       heap[*flow]
	at        int
}

func (t *turn) index() *int { return &t.at }

// less orders namespaces: first the one with the fewest attempts under way, then the one that was served
// longest ago.
func (t *turn) less(o *turn) bool {
	switch {
	case t.underway != o.underway:
		return t.underway < o.underway
	case t.served != o.served:
		return t.served < o.served
	}
	return t.namespace.name < o.namespace.name
}

func (s *State) namespace(name string) *namespace {
	ns, ok := s.namespaces[name]
	if !ok {
		ns = &namespace{name: name}
		for i := range ns.turns {
			ns.turns[i].namespace = ns
		}
		s.namespaces[name] = ns
		s.charge(ns, withTexts(namespaceUsage, name), 1)
	}
	return ns
}

// tidyNamespace removes an empty namespace.
func (s *State) tidyNamespace(ns *namespace) {
	self := withTexts(namespaceUsage, ns.name)
	if ns.used != self || ns.turns[queue.Healthy].underway+ns.turns[queue.Probation].underway > 0 {
		return
	}
	s.charge(ns, self, -1)
	delete(s.namespaces, ns.name)
}

// lane orders the deliveries of one of the two lanes.
type lane struct {
	later heap[*flow] // by when they are ready
	due   heap[*turn] // namespaces that have something ready
	slots int         // attempts at once; zero if unbounded
	under int         // attempts under way
}

// SetSlots sets how many attempts of a lane are made at once; see queue.Queue.
func (s *State) SetSlots(l queue.Lane, attempts int) { s.lanes[l].slots = attempts }

// permits reports whether the namespace may have one more attempt under way: it may have as many as are free.
func (l *lane) permits(t *turn) bool { return l.slots == 0 || t.underway < l.slots-l.under }
