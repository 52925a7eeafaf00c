package irc

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/ergochat/irc-go/ircmsg"

	"github.com/travishook/travishook/internal/notify"
)

// unknownMask is the length of user@host that is reserved until ours is known: ~10 characters and a host of 63.
const unknownMask = 10 + 63 + 2

// deliver joins the channel and sends m. A kick may only be noticed by the refusal of a message: the account
// then joins again, once.
func (s *session) deliver(ctx context.Context, name string, m *notify.Message) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	refused, err := s.joinAndSend(ctx, name, m)
	if err == nil && refused != nil && !s.joined(name) {
		refused, err = s.joinAndSend(ctx, name, m)
	}
	if err == nil && refused != nil {
		err = fmt.Errorf("send to %s: %w", name, channelError(refused))
	}
	return err
}

func (s *session) joinAndSend(ctx context.Context, name string, m *notify.Message) (refused *ircmsg.Message, err error) {
	if err := s.join(ctx, name); err != nil {
		return nil, fmt.Errorf("join %s: %w", name, err)
	}
	refused, err = s.sendLines(ctx, name, lines(m, s.budget(name), true))
	if err == nil && refused != nil && refusesColor(refused) {
		refused, err = s.sendLines(ctx, name, lines(m, s.budget(name), false))
	}
	if err != nil {
		return nil, fmt.Errorf("send to %s: %w", name, err)
	}
	return refused, nil
}

func (s *session) joined(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[name]
	return c != nil && c.joined
}

// budget is how many bytes of text fit into a line as others receive it.
func (s *session) budget(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	mask := len(s.mask)
	if mask == 0 {
		mask = len(s.nick) + unknownMask
	}
	return maxLine - len(":"+" "+s.account.command+" "+name+" :"+"\r\n") - mask
}

// join joins the channel unless it is joined.
func (s *session) join(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, s.timing.answer)
	defer cancel()
	s.mu.Lock()
	c := s.channels[name]
	if c == nil {
		c = &channel{}
		s.channels[name] = c
	}
	joined, answer := c.joined, make(chan error, 1)
	if !joined {
		c.joining = answer
	}
	s.mu.Unlock()
	if joined {
		return nil
	}
	params := []string{name}
	if key := s.account.keys[name]; key != "" {
		params = append(params, key)
	}
	if err := s.pace.Wait(ctx); err != nil {
		return fmt.Errorf("wait for the pace: %w", err)
	}
	if err := s.send("JOIN", params...); err != nil {
		return err
	}
	select {
	case err := <-answer:
		return err
	case <-s.done:
		return s.cause
	case <-ctx.Done():
		signal(s.pingNow)
		return fmt.Errorf("%w: %w", errStillJoined, ctx.Err())
	}
}

// sendLines sends the lines and waits until the server has confirmed or refused them: each by its label, or all
// by a ping.
func (s *session) sendLines(ctx context.Context, name string, all []string) (refused *ircmsg.Message, err error) {
	if _, labels := s.caps[capLabels]; !labels {
		return s.exchange(ctx, name, all, true)
	}
	if len(all) > 1 && s.takesAsOne(all) {
		refused, err := s.sendAsOne(ctx, name, all)
		if err != nil || refused == nil || !refusesBatch(refused) {
			return refused, err
		}
	}
	for i := range all {
		refused, err := s.exchange(ctx, name, all[i:i+1], false)
		if err != nil && i > 0 && !notify.IsAnswerLost(err) {
			err = errUnconfirmed(err)
		}
		if err != nil || refused != nil {
			return refused, err
		}
	}
	return nil, nil
}

// exchange sends lines, with a label or followed by a ping, and waits for the answer. Errors may come before
// the last line is written, so it expects them from the first.
func (s *session) exchange(ctx context.Context, name string, all []string, ping bool) (refused *ircmsg.Message, err error) {
	label, p := s.expect(&pending{channel: name})
	defer s.forget(label, p)
	for i, line := range all {
		m := ircmsg.MakeMessage(nil, "", s.account.command, name, line)
		m.ForceTrailing()
		if !ping {
			m.SetTag("label", label)
		}
		if err = s.pace.Wait(ctx); err != nil {
			err = fmt.Errorf("wait for the pace: %w", err)
		} else {
			err = s.write(m)
		}
		switch {
		case err != nil && i > 0:
			return nil, errUnconfirmed(err)
		case err != nil:
			return nil, err
		}
	}
	if ping {
		if err := s.send("PING", label); err != nil {
			return nil, errLost(err)
		}
	}
	return s.await(ctx, p)
}

// await waits for an answer.
func (s *session) await(ctx context.Context, p *pending) (refused *ircmsg.Message, err error) {
	late := time.NewTimer(s.timing.answer)
	defer late.Stop()
	for {
		select {
		case refused := <-p.answer:
			return refused, nil
		case <-s.done:
			select {
			case refused := <-p.answer: // that came just before the end
				return refused, nil
			default:
				return nil, errLost(s.cause)
			}
		case <-ctx.Done():
			signal(s.pingNow)
			return nil, errUnconfirmed(ctx.Err())
		case <-late.C:
			signal(s.pingNow) // ends the session if the connection is dead
		}
	}
}

// expect begins to wait for the answer to a line with a new label, or to a ping with it.
func (s *session) expect(p *pending) (label string, _ *pending) {
	p.answer = make(chan *ircmsg.Message, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	label = fmt.Sprintf("t%d", s.last)
	s.pending[label] = p
	return label, p
}

// forget ends the wait, also for the end of an answer that has begun.
func (s *session) forget(label string, p *pending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pending, label)
	maps.DeleteFunc(s.batches, func(_ string, other *pending) bool { return other == p })
}
