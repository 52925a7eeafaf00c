package irc

import (
	"slices"
	"strings"

	"github.com/ergochat/irc-go/ircmsg"
)

const (
	// maxChannels limits the channels that a server joins for the account.
	maxChannels = 1000
	// maxReference limits the reference of a batch: servers use a few letters.
	maxReference = 64
)

// handle handles one line. An error ends the session.
func (s *session) handle(m *ircmsg.Message) error {
	switch m.Command {
	case "PING":
		return s.pong(m)
	case "ERROR":
		return errClosedBy(words(m))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.labeled(m) {
		return nil
	}
	switch m.Command {
	case "PONG":
		if len(m.Params) > 0 {
			s.answered(m.Params[len(m.Params)-1])
		}
	case "JOIN", "PART", "KICK", "NICK":
		s.moved(m)
	default:
		s.refusal(m)
	}
	return nil
}

// labeled handles an answer with a label: one line, or a batch of them.
func (s *session) labeled(m *ircmsg.Message) bool {
	if _, reference := m.GetTag("batch"); reference != "" {
		if p := s.batches[reference]; p != nil && isRefusal(m) {
			p.refused = m
		}
		return false // it may be about a channel, too
	}
	if m.Command == "BATCH" && len(m.Params) > 0 {
		if reference, ends := strings.CutPrefix(m.Params[0], "-"); ends {
			if p := s.batches[reference]; p != nil {
				delete(s.batches, reference)
				p.answer <- p.refused
			}
			return true
		}
	}
	_, label := m.GetTag("label")
	p := s.pending[label]
	if label == "" || p == nil {
		return false
	}
	if m.Command == "BATCH" && len(m.Params) > 0 {
		s.answerBegins(label, strings.TrimPrefix(m.Params[0], "+"))
		return true
	}
	delete(s.pending, label)
	switch {
	case isRefusal(m):
		p.answer <- m
	default:
		p.answer <- nil
	}
	return true
}

// answerBegins handles the begin of an answer of several lines. Without a usable reference there is no end to it:
// the message stays unconfirmed.
func (s *session) answerBegins(label, reference string) {
	if len(reference) > maxReference {
		return
	}
	s.batches[strings.Clone(reference)] = s.pending[label]
	delete(s.pending, label)
}

func isRefusal(m *ircmsg.Message) bool { return isError(m.Command) || m.Command == "FAIL" }

// answered ends the wait for a ping's answer, which comes after every answer to the lines before it.
func (s *session) answered(token string) {
	if p := s.pending[token]; p != nil {
		delete(s.pending, token)
		p.answer <- p.refused
	}
}

// moved handles what happens to the account itself.
func (s *session) moved(m *ircmsg.Message) {
	who := m.Nick()
	if m.Command == "KICK" && len(m.Params) > 1 {
		who = m.Params[1]
	}
	if !strings.EqualFold(who, s.nick) || len(m.Params) == 0 {
		return
	}
	if m.Command == "NICK" {
		s.nick, s.mask = strings.Clone(m.Params[0]), ""
		return
	}
	c := s.channels[lower(m.Params[0])]
	if c == nil && m.Command == "JOIN" {
		c = s.joinedByServer(m.Params[0])
	}
	if c == nil {
		return
	}
	c.joined = m.Command == "JOIN"
	if c.joined {
		s.mask = strings.Clone(m.Source)
		c.finishJoin(nil)
	}
}

// joinedByServer remembers a channel that no request was for: the server joins channels for an account that is
// connected elsewhere, and then answers no request to. Names that no address can have are ignored. The name is
// copied, because it is a part of the line.
func (s *session) joinedByServer(name string) *channel {
	name, err := parseChannel(name)
	if err != nil || len(s.channels) >= maxChannels {
		return nil
	}
	c := &channel{}
	s.channels[strings.Clone(name)] = c
	return c
}

// refusal handles an error about a channel: its name is one of the parameters.
func (s *session) refusal(m *ircmsg.Message) {
	if !isRefusal(m) {
		return
	}
	if refusesBatch(m) {
		s.refuseAsOne(m)
		return
	}
	for _, param := range m.Params {
		c := s.channels[lower(param)]
		if c == nil {
			continue
		}
		if c.joining != nil {
			c.finishJoin(channelError(m))
			return
		}
		for _, p := range s.pending {
			if p.channel == lower(param) {
				p.refused = m
			}
		}
		return
	}
}

// refuseAsOne handles a refusal of several lines as one message, which are sent as lines then. The refusal may name
// the message's reference (its label) or channel. Where it is not known which of several messages is meant, each waits
// for an answer of its own: one that the server has accepted would appear twice if it were sent as lines, while the
// refused one is only late, since a message without an answer is tried again.
func (s *session) refuseAsOne(m *ircmsg.Message) {
	if m.HasTag("label") || m.HasTag("batch") {
		return // of an answer that was dealt with, or has no one waiting for it
	}
	var all, named []string
	for label, p := range s.pending {
		if !p.asOne {
			continue
		}
		all = append(all, label)
		if slices.ContainsFunc(m.Params, func(param string) bool { return param == label || lower(param) == p.channel }) {
			named = append(named, label)
		}
	}
	if len(named) > 0 {
		all = named
	}
	if len(all) == 1 {
		p := s.pending[all[0]]
		delete(s.pending, all[0])
		p.answer <- m
	}
}

func (c *channel) finishJoin(err error) {
	if c.joining != nil {
		c.joining <- err
		c.joining = nil
	}
}
