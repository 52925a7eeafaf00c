package simulation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/travishook/travishook/internal/notify"
)

// mode is what a channel does with a message.
type mode int

const (
	sound         mode = iota
	unavailable        // answers with an error
	losesAnswers       // takes the message, and the answer is lost
	hangs              // gives no answer, and may have taken the message
	slowly             // takes it after seconds
	limits             // says when to come again
	badCredential      // refuses the account
	panics
	modes
)

// period is how long a channel stays in one mode.
const period = 90 * time.Second

// modeOf is what a channel does at this moment. Half of the channels are always sound.
func (s *Simulation) modeOf(channel int) mode {
	d := s.dice.of("channel", uint64(channel))
	if !s.disturbed() || d.of("sound").chance(0.5) {
		return sound
	}
	d = d.of("period", uint64(s.elapsed()/period))
	if d.of("is sound").chance(0.4) {
		return sound
	}
	return mode(d.of("mode").number(1, int(modes)-1))
}

// capabilities of the chat service: whatever is sent can be edited, and takes replies.
var capabilities = notify.Capabilities{Edit: true, Thread: true}

// service is the chat service that all accounts are of.
func (p *process) service(keepsConnection bool) notify.Service {
	name := "chat"
	if keepsConnection {
		name = "connected"
	}
	return notify.Service{
		Name: name, Title: name, SecretOptional: true, KeepsConnection: keepsConnection, Forms: []notify.Capabilities{capabilities},
		New: func(config json.RawMessage, _ notify.Credential, _ notify.Deps) (notify.Notifier, error) {
			var of account
			if err := json.Unmarshal(config, &of); err != nil {
				return nil, err
			}
			n := &notifier{p: p, account: of}
			if keepsConnection {
				n.login = p.sim.ledger.loggedIn(of.Number, p.number)
			}
			return n, nil
		},
	}
}

// account is an account's block.
type account struct {
	Name   string `json:"name"`
	Number int    `json:"number"` // -1 if it keeps no connection
}

// notifier sends to the simulated channels.
type notifier struct {
	p       *process
	account account
	login   int
}

// Close logs out, which takes a moment.
func (n *notifier) Close() error {
	if n.account.Number < 0 {
		return nil
	}
	if n.p.sleep(context.Background(), n.p.dice.of("logout", uint64(n.login)).skewed(time.Millisecond, time.Second)) == nil {
		n.p.sim.ledger.loggedOut(n.login)
	}
	return nil
}

// Notify gives m to its channel.
func (n *notifier) Notify(ctx context.Context, m notify.Message) (r notify.Receipt, err error) {
	d, channel, err := n.p.sim.parse(m)
	if err != nil {
		n.p.sim.ledger.fault("%v", err)
		return r, notify.Permanent(err)
	}
	if !n.p.alive() {
		return r, errDead
	}
	a := n.p.sim.ledger.begin(n.p.number, m.ID, d)
	answered, refused := false, false // as it stays where the service panics
	defer func() {
		if n.p.alive() {
			n.p.sim.ledger.end(a, answered, refused)
		}
	}()
	r, err = n.send(ctx, &message{
		attempt: a, delivery: d, channel: channel, update: m.Update, dice: n.p.dice.of("send "+m.ID, uint64(n.p.tries(m.ID))),
	})
	if !n.p.alive() {
		return notify.Receipt{}, errDead
	}
	answered = err == nil || !notify.IsAnswerLost(err) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
	refused = notify.IsPermanent(err)
	n.p.sim.trace.note(n.p, "sent %v to channel %d as %s: %v", d, channel, r.Handle, err)
	return r, err
}

type message struct {
	attempt int
	delivery
	channel int
	update  *notify.Update
	dice    dice
}

func (n *notifier) send(ctx context.Context, m *message) (r notify.Receipt, err error) {
	sim := n.p.sim
	mode := sim.modeOf(m.channel)
	wait := m.dice.of("latency").skewed(time.Millisecond, 300*time.Millisecond)
	if mode == slowly {
		wait = m.dice.of("slow").duration(time.Second, 40*time.Second)
	}
	if err := n.p.sleep(ctx, wait); err != nil {
		return r, err
	}
	if sim.neverTakes(m.delivery) {
		return r, notify.Permanent(errors.New("message refused"))
	}
	if err := n.refuses(mode, m); err != nil {
		return r, err
	}
	switch mode {
	case panics:
		panic("simulated panic of a service")
	case hangs:
		if m.dice.of("takes").chance(0.5) {
			_, _ = n.take(m)
		}
		return r, n.p.sleep(ctx, time.Hour)
	}
	r, err = n.take(m)
	if err := n.p.sleep(ctx, m.dice.of("answer").skewed(time.Millisecond, 100*time.Millisecond)); err != nil {
		return notify.Receipt{}, err
	}
	if mode == losesAnswers {
		return notify.Receipt{}, notify.AnswerLost(errors.New("connection reset"))
	}
	return r, err
}

// refuses is the error of a message that is not taken; nil if it is taken, or nothing is answered.
func (n *notifier) refuses(mode mode, m *message) error {
	switch mode {
	case unavailable:
		return errors.New("503 service unavailable")
	case limits:
		return notify.RetryAfter(errors.New("429 too many requests"), m.dice.of("limit").duration(0, 2*time.Minute))
	case badCredential:
		return notify.BadCredential(errors.New("401 unauthorized"))
	case losesAnswers:
		if m.dice.of("loses the message").chance(0.3) {
			return notify.AnswerLost(errors.New("connection reset"))
		}
	}
	return nil
}

// neverTakes: some messages are refused for good.
func (s *Simulation) neverTakes(d delivery) bool {
	return s.dice.of("refused", uint64(d.event), uint64(d.target)).chance(0.02)
}

// parse finds the delivery in a message.
func (s *Simulation) parse(m notify.Message) (d delivery, channel int, err error) {
	d.event, err = strconv.Atoi(m.Event.Build.Number)
	if err != nil {
		return d, 0, fmt.Errorf("a message has an event that was never posted: %w", err)
	}
	_, route, _ := strings.Cut(m.Route, "/")
	for i := range s.targets {
		t := &s.targets[i]
		if t.Namespace+"/"+t.Route == m.Route && t.Address == m.Address {
			d.target = i
			return d, s.channels[t.Channel], nil
		}
	}
	return d, 0, fmt.Errorf("a message of route %s has the address %s, which is not its own", route, m.Address)
}
