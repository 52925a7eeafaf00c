package journal

import (
	"slices"

	"github.com/travishook/travishook/internal/queue"
)

// target is a target that several deliveries share. It exists while its route's channel is remembered.
type target struct {
	queue.Target
	status               *status
	live, dead           *delivery
	liveCount, deadCount int
	at                   int // in State.targets; -1 outside
}

func (t *target) usage() usage {
	u := targetUsage
	u.memory += targetTexts(&t.Target)
	return u
}

// target finds or creates a target; the status is that of its route's channel.
func (s *State) target(st *status, t *queue.Target) *target {
	for _, known := range st.targets {
		if known.Target == *t {
			return known
		}
	}
	made := &target{Target: *t, status: st, at: -1}
	st.targets = append(st.targets, made)
	s.charge(st.namespace, made.usage(), 1)
	return made
}

// forgetTarget removes a target without deliveries.
func (s *State) forgetTarget(t *target) {
	st := t.status
	st.targets = slices.DeleteFunc(st.targets, func(o *target) bool { return o == t })
	s.charge(st.namespace, t.usage(), -1)
}

// list adds d to its target's list for its state.
func (s *State) list(d *delivery) {
	t := d.to
	if t.live == nil && t.dead == nil {
		t.at = len(s.targets)
		s.targets = append(s.targets, t)
	}
	head, n := &t.live, &t.liveCount
	if d.state == dead {
		head, n = &t.dead, &t.deadCount
		s.dead++
	} else {
		s.waiting++
	}
	d.peers = links{next: *head}
	if *head != nil {
		(*head).peers.previous = d
	}
	*head = d
	*n++
}

// unlist removes d from its target's list; its state must be the same as when it was added.
func (s *State) unlist(d *delivery) {
	t, l := d.to, d.peers
	head, n := &t.live, &t.liveCount
	if d.state == dead {
		head, n = &t.dead, &t.deadCount
		s.dead--
	} else {
		s.waiting--
	}
	if l.next != nil {
		l.next.peers.previous = l.previous
	}
	if l.previous != nil {
		l.previous.peers.next = l.next
	} else {
		*head = l.next
	}
	d.peers = links{}
	*n--
	if t.live == nil && t.dead == nil {
		last := len(s.targets) - 1
		s.targets[t.at] = s.targets[last]
		s.targets[t.at].at = t.at
		s.targets[last] = nil
		s.targets = s.targets[:last]
		t.at = -1
	}
}
