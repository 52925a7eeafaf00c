package journal

import (
	"slices"
	"time"

	"github.com/travishook/travishook/internal/queue"
)

// Message is a message that shows a build's state in a channel, as its service refers to it.
type Message struct {
	Key       ID     `json:"key"` // see messageID
	Namespace string `json:"namespace"`
	// Destination is where it was sent; see queue.Target.
	Destination string    `json:"destination"`
	Handle      string    `json:"handle"`
	Until       time.Time `json:"until"` // it is forgotten then
	// Seq and Index are where the event that it shows was accepted.
	Seq   uint64 `json:"seq"`
	Index int    `json:"index"`
	// Copies are further messages of the build there, the latest last; see queue.Shown.
	Copies []string `json:"copies,omitempty"`
	// Gone are earlier handles that refer to nothing any more; see queue.Posted. They are not remembered.
	Gone []string `json:"gone,omitempty"`
}

// mostCopies is how many copies are remembered. There is seldom one.
const mostCopies = 4

// shownMessage is one that is remembered.
type shownMessage struct {
	Message
	namespace *namespace
	origin    uint64
	changed   bool // the message of origin does not have all of it
}

func (m *shownMessage) usage() usage {
	u := withTexts(messageUsage, m.Destination, m.Handle)
	u.bytes += int64(len(m.Destination) + len(m.Handle))
	for _, c := range m.Copies {
		u.add(withTexts(usage{}, c))
		u.bytes += int64(len(c))
	}
	return u
}

func (m *Message) expired(at time.Time) bool { return !m.Until.After(at) }

func (m *Message) position() Position { return Position{m.Seq, m.Index} }

// messageID names the message of a build that a target has.
func messageID(repository, build int64, t *queue.Target) ID {
	h := newHasher().text("message").number(repository).number(build)
	for _, s := range []string{t.Namespace, t.Route, t.RouteUID, t.Account, t.Address} {
		h = h.text(s)
	}
	return h.sum()
}

// post remembers a message that was sent, beside those of the build that are still there.
func (s *State) post(seq uint64, m *Message, at time.Time) {
	old, ok := s.messages[m.Key]
	if !ok || old.expired(at) {
		s.restoreMessage(seq, merge(nil, m))
		return
	}
	merged := merge(&old.Message, m)
	s.restoreMessage(seq, merged)
	s.messages[m.Key].changed = len(merged.Copies) > 0 || merged.Handle != m.Handle || merged.position() != m.position()
}

// merge returns what is known of a build's messages after m was sent. The one that shows the latest event is
// updated first; for one event, the one whose receipt was stored first. A replica that lost its lease may have
// sent the other: it is a copy, so that a later state updates it as well.
func merge(old, m *Message) *Message {
	merged := *m
	if old != nil && old.position().compare(m.position()) >= 0 && !slices.Contains(m.Gone, old.Handle) {
		merged = *old
	}
	var handles []string
	if old != nil && old.Destination == merged.Destination {
		handles = append(slices.Clone(old.Copies), old.Handle)
	}
	if m.Destination == merged.Destination {
		handles = append(append(handles, m.Copies...), m.Handle)
	}
	merged.Copies, merged.Gone = nil, nil
	for _, h := range handles {
		if h != merged.Handle && !slices.Contains(m.Gone, h) && !slices.Contains(merged.Copies, h) {
			merged.Copies = append(merged.Copies, h)
		}
	}
	merged.Copies = merged.Copies[max(0, len(merged.Copies)-mostCopies):]
	return &merged
}

func (s *State) restoreMessage(seq uint64, m *Message) {
	if old, ok := s.messages[m.Key]; ok {
		s.forgetMessage(old)
	}
	made := &shownMessage{Message: *m, namespace: s.namespace(m.Namespace), origin: seq}
	s.messages[m.Key] = made
	s.charge(made.namespace, made.usage(), 1)
}

func (s *State) forgetMessage(m *shownMessage) {
	delete(s.messages, m.Key)
	s.charge(m.namespace, m.usage(), -1)
	s.tidyNamespace(m.namespace)
}

// shown is the message of a delivery's build, nil if there is none.
func (s *State) shown(d *delivery, now time.Time) *queue.Shown {
	m, ok := s.messages[messageID(d.record.repoID, d.record.buildID, &d.to.Target)]
	if !ok || m.expired(now) {
		return nil
	}
	return &queue.Shown{
		Handle: m.Handle, Destination: m.Destination, Copies: m.Copies,
		Newer: d.record.born.compare(m.position()) < 0,
	}
}

func (c *Carrier) addMessage(seq uint64, key ID) {
	m, ok := c.state.messages[key]
	if !ok || m.origin != seq && !m.changed || c.messages[m] {
		return
	}
	if m.expired(c.now) {
		c.state.forgetMessage(m)
		return
	}
	c.messages[m] = true
	c.ordered = append(c.ordered, Entry{Message: &m.Message})
	c.size += int(m.usage().bytes)
}
