package xmpp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/travishook/travishook/internal/notify"
)

// maxNicknames is how many nicknames are tried where the configured one is taken.
const maxNicknames = 5

// deliver sends m to the room. A kick is only noticed by the room's error, so a second attempt is made
// then: the room has certainly not accepted the first message.
func (s *session) deliver(ctx context.Context, address jid.JID, m notify.Message) error {
	r := s.room(address)
	select {
	case r.sending <- struct{}{}:
		defer func() { <-r.sending }()
	case <-ctx.Done():
		return fmt.Errorf("wait for room %s: %w", address, ctx.Err())
	}
	err := s.joinAndSend(ctx, r, m)
	if errors.Is(err, errNotOccupant) {
		err = s.joinAndSend(ctx, r, m)
	}
	return err
}

func (s *session) joinAndSend(ctx context.Context, r *room, m notify.Message) error {
	if err := s.join(ctx, r); err != nil {
		return fmt.Errorf("join room %s: %w", r.address, err)
	}
	if err := s.sendMessage(ctx, r, m); err != nil {
		return fmt.Errorf("send to room %s: %w", r.address, err)
	}
	return nil
}

// join joins the room, with another nickname where the configured one is taken.
func (s *session) join(ctx context.Context, r *room) error {
	s.mu.Lock()
	joined := r.joined
	s.mu.Unlock()
	if joined {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.timing.answer)
	defer cancel()
	if err := s.discover(ctx, r); err != nil {
		return err
	}
	for i := range maxNicknames {
		nickname := s.account.nickname
		if i > 0 {
			nickname = fmt.Sprintf("%s-%d", nickname, i+1)
		}
		result, err := s.requestJoin(ctx, r, nickname)
		switch {
		case err != nil:
			return err
		case result.created:
			return s.exit(ctx, r)
		case result.err == nil:
			return nil
		case result.err.condition() != "conflict":
			return joinError(result.err, s.account.jid)
		}
	}
	return errNicknames(s.account.nickname)
}

// discover checks that the room exists. Joining a missing room would create it: a mistyped address would
// never be noticed, and its messages would reach no one.
func (s *session) discover(ctx context.Context, r *room) error {
	answer := make(chan *stanzaError, 1)
	s.mu.Lock()
	r.discovering = answer
	s.mu.Unlock()
	if err := s.send(ctx, newDiscoInfo(r.address.String())); err != nil {
		return err
	}
	refused, err := await(ctx, s, answer)
	if err == nil && refused != nil && refused.condition() == "item-not-found" {
		err = joinError(refused, s.account.jid)
	}
	return err // a room that refuses disco#info may still accept a join
}

// await waits for a room's answer. If none arrives, the connection may be dead, so it requests a ping.
func await[T any](ctx context.Context, s *session, answer <-chan T) (a T, err error) {
	select {
	case a = <-answer:
		return a, nil
	case <-s.done:
		return a, s.cause
	case <-ctx.Done():
		s.requestPing()
		return a, errNoAnswer(ctx.Err())
	}
}

// requestJoin asks to join with a nickname and waits for the answer.
func (s *session) requestJoin(ctx context.Context, r *room, nickname string) (joinResult, error) {
	to, err := r.address.WithResource(nickname)
	if err != nil {
		return joinResult{}, notify.Permanent(err)
	}
	answer := make(chan joinResult, 1)
	s.mu.Lock()
	r.nickname, r.joining = nickname, answer
	s.mu.Unlock()
	if err := s.send(ctx, presence{To: to.String(), Join: &join{}}); err != nil {
		return joinResult{}, err
	}
	return await(ctx, s, answer)
}

// exit exits a room that the join created after all.
func (s *session) exit(ctx context.Context, r *room) error {
	s.mu.Lock()
	r.joined = false
	to := r.address.String() + "/" + r.nickname
	s.mu.Unlock()
	if err := s.send(ctx, presence{To: to, Type: "unavailable"}); err != nil {
		return err
	}
	return notify.Permanent(errNoRoom)
}

// sendMessage sends m and waits until the room reflects it.
func (s *session) sendMessage(ctx context.Context, r *room, m notify.Message) error {
	pending := &pendingMessage{id: m.ID, answer: make(chan *stanzaError, 1)}
	s.mu.Lock()
	r.pending = pending
	s.mu.Unlock()
	if err := s.send(ctx, newMessage(r.address.String(), m)); err != nil {
		return err
	}
	unanswered := time.NewTimer(s.timing.answer)
	defer unanswered.Stop()
	for {
		select {
		case refused := <-pending.answer:
			return s.messageResult(r, refused)
		case <-s.done:
			select {
			case refused := <-pending.answer: // that came just before the end
				return s.messageResult(r, refused)
			default:
				return errConnectionLost(s.cause)
			}
		case <-ctx.Done():
			s.requestPing()
			return errNotReflected(ctx.Err())
		case <-unanswered.C:
			s.requestPing() // ends the session if the connection is dead; the room may only be slow
		}
	}
}

func (s *session) messageResult(r *room, refused *stanzaError) error {
	if refused == nil {
		return nil
	}
	err := sendError(refused)
	if errors.Is(err, errNotOccupant) {
		s.mu.Lock()
		r.joined = false
		s.mu.Unlock()
	}
	return err
}
