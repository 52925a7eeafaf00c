package journal

import (
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
}

// shownMessage is one that is remembered.
type shownMessage struct {
	Message
	namespace *namespace
	origin    uint64
}

func (m *shownMessage) usage() usage {
	u := withTexts(messageUsage, m.Destination, m.Handle)
	u.bytes += int64(len(m.Destination) + len(m.Handle))
	return u
}

func (m *shownMessage) expired(at time.Time) bool { return !m.Until.After(at) }

// messageID names the message of a build that a target has.
func messageID(repository, build int64, t *queue.Target) ID {
	var h hasher
	h.text("message")
	h.number(repository)
	h.number(build)
	for _, s := range []string{t.Namespace, t.Route, t.RouteUID, t.Account, t.Address} {
		h.text(s)
	}
	return h.sum()
}

// post remembers a message that was sent, unless a later event is shown already.
func (s *State) post(seq uint64, m *Message, at time.Time) {
	old, ok := s.messages[m.Key]
	if !ok || old.expired(at) || (Position{m.Seq, m.Index}).compare(Position{old.Seq, old.Index}) >= 0 {
		s.restoreMessage(seq, m)
	}
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
		Handle: m.Handle, Destination: m.Destination,
		Newer: d.record.born.compare(Position{m.Seq, m.Index}) < 0,
	}
}

func (c *Carrier) addMessage(seq uint64, key ID) {
	m, ok := c.state.messages[key]
	if !ok || m.origin != seq || c.messages[m] {
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
