package xmpp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/travishook/travishook/internal/notify"
)

// maxNicknames are tried where the wanted one is taken.
const maxNicknames = 5

// deliver says m in the room. Having been thrown out shows only in the room's answer, so a
// second try is made then: the first message has certainly not been taken.
func (s *session) deliver(ctx context.Context, address jid.JID, m notify.Message) error {
	r := s.room(address)
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return fmt.Errorf("wait for room %s: %w", address, ctx.Err())
	}
	err := s.enterAndSay(ctx, r, m)
	if errors.Is(err, errOutside) {
		err = s.enterAndSay(ctx, r, m)
	}
	return err
}

func (s *session) enterAndSay(ctx context.Context, r *room, m notify.Message) error {
	if err := s.enter(ctx, r); err != nil {
		return fmt.Errorf("enter room %s: %w", r.address, err)
	}
	if err := s.say(ctx, r, m); err != nil {
		return fmt.Errorf("say in room %s: %w", r.address, err)
	}
	return nil
}

// enter enters the room, under another nickname where the wanted one is taken.
func (s *session) enter(ctx context.Context, r *room) error {
	s.mu.Lock()
	inside := r.inside
	s.mu.Unlock()
	if inside {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.pace.answer)
	defer cancel()
	if err := s.inquire(ctx, r); err != nil {
		return err
	}
	for i := range maxNicknames {
		nickname := s.account.nickname
		if i > 0 {
			nickname = fmt.Sprintf("%s-%d", nickname, i+1)
		}
		e, err := s.knock(ctx, r, nickname)
		switch {
		case err != nil:
			return err
		case e.created:
			return s.leave(ctx, r)
		case e.refusal == nil:
			return nil
		case e.refusal.condition() != "conflict":
			return enterError(e.refusal, s.account.jid)
		}
	}
	return nicknamesTaken(s.account.nickname)
}

// inquire makes sure that the room exists. To enter one that does not would open it: what is
// said there is said to nobody, and a mistyped address would never be noticed.
func (s *session) inquire(ctx context.Context, r *room) error {
	answer := make(chan *refusal, 1)
	s.mu.Lock()
	r.asking = answer
	s.mu.Unlock()
	if err := s.send(ctx, newInquiry(r.address.String())); err != nil {
		return err
	}
	refused, err := await(ctx, s, answer)
	if err == nil && refused != nil && refused.condition() == "item-not-found" {
		err = enterError(refused, s.account.jid)
	}
	return err // a room that only does not tell may still let in
}

// await waits for a room's answer. A room that gives none makes the server suspect.
func await[T any](ctx context.Context, s *session, answer <-chan T) (a T, err error) {
	select {
	case a = <-answer:
		return a, nil
	case <-s.done:
		return a, s.cause
	case <-ctx.Done():
		s.suspect()
		return a, roomSilent(ctx.Err())
	}
}

// knock asks to be let in under a nickname and waits for the answer.
func (s *session) knock(ctx context.Context, r *room, nickname string) (entry, error) {
	to, err := r.address.WithResource(nickname)
	if err != nil {
		return entry{}, notify.Permanent(err)
	}
	answer := make(chan entry, 1)
	s.mu.Lock()
	r.nickname, r.entering = nickname, answer
	s.mu.Unlock()
	if err := s.send(ctx, presence{To: to.String(), Enter: &enter{}}); err != nil {
		return entry{}, err
	}
	return await(ctx, s, answer)
}

// leave leaves a room that came into being by entering it after all.
func (s *session) leave(ctx context.Context, r *room) error {
	s.mu.Lock()
	r.inside = false
	to := r.address.String() + "/" + r.nickname
	s.mu.Unlock()
	if err := s.send(ctx, presence{To: to, Type: "unavailable"}); err != nil {
		return err
	}
	return notify.Permanent(errNoRoom)
}

// say says m and waits for the room's reflection.
func (s *session) say(ctx context.Context, r *room, m notify.Message) error {
	what := &saying{id: m.ID, answer: make(chan *refusal, 1)}
	s.mu.Lock()
	r.saying = what
	s.mu.Unlock()
	if err := s.send(ctx, newMessage(r.address.String(), m)); err != nil {
		return err
	}
	unanswered := time.NewTimer(s.pace.answer)
	defer unanswered.Stop()
	for {
		select {
		case refused := <-what.answer:
			return s.answered(r, refused)
		case <-s.done:
			return connectionLost(s.cause)
		case <-ctx.Done():
			s.suspect()
			return reflectionMissing(ctx.Err())
		case <-unanswered.C:
			s.suspect() // a dead connection ends the wait; a slow room may go on
		}
	}
}

func (s *session) answered(r *room, refused *refusal) error {
	if refused == nil {
		return nil
	}
	err := sayError(refused)
	if errors.Is(err, errOutside) {
		s.mu.Lock()
		r.inside = false
		s.mu.Unlock()
	}
	return err
}
