package dispatch

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/render"
	"github.com/travishook/travishook/internal/travis"
)

// trialMark begins a test message, so that nobody takes it for news.
const trialMark = "[test] "

// Try sends a test message about e to a target, with all that a real one goes through but the
// store: it is not kept and not tried again. Where the account is logged in on another replica, that
// one sends it. The error is nil when the service has confirmed that it took it; the note then says
// what is not as it should be. Both are one line without secrets.
func (d *Dispatcher) Try(ctx context.Context, t queue.Target, e travis.Event) (note string, err error) {
	ctx, cancel := context.WithTimeout(ctx, trialTimeout)
	defer cancel()
	for {
		note, err := d.tryHere(ctx, t, e)
		elsewhere, ok := errors.AsType[*elsewhereError](err)
		if !ok {
			return note, err
		}
		if note, err = d.tryThere(ctx, elsewhere.home, t, e); !errors.Is(err, queue.ErrNoOwner) {
			return note, err
		}
		// Its replica has died, or it is on its way from one to another.
		if !pause(ctx, trialPause) {
			return "", fmt.Errorf("no replica of the operator is logged in as account %s at the moment; try again in a few seconds", elsewhere.home)
		}
	}
}

// tryHere sends a test message, if this replica may speak as its account.
func (d *Dispatcher) tryHere(ctx context.Context, t queue.Target, e travis.Event) (note string, err error) {
	resolved, err := d.config.Resolver.Resolve(t)
	if err != nil {
		return "", err
	}
	message, fault := render.Message(resolved.Template, e)
	message.ID = trialID()
	message.Text = trialMark + message.Text
	message.Spans = slices.Insert(message.Spans, 0, notify.Span{Text: trialMark})
	if err := d.send(ctx, t, resolved, message); err != nil {
		if _, elsewhere := errors.AsType[*elsewhereError](err); elsewhere {
			return "", err
		}
		return "", errors.New(oneLine(err.Error()))
	}
	if fault != nil {
		note = oneLine("the default text was sent, because the template failed: " + fault.Error())
	}
	return note, nil
}

// trialQuestion has another replica send a test message; it looks the target up for itself.
type trialQuestion struct {
	Target queue.Target `json:"target"`
	Event  travis.Event `json:"event"`
}

// trialAnswer is what came of it.
type trialAnswer struct {
	Note      string `json:"note,omitempty"`
	Failure   string `json:"failure,omitempty"`   // empty when the message arrived
	Elsewhere bool   `json:"elsewhere,omitempty"` // not its account, or a channel it does not know yet
}

// tryThere has the replica that holds the account's home send a test message.
func (d *Dispatcher) tryThere(ctx context.Context, home string, t queue.Target, e travis.Event) (note string, err error) {
	question, err := json.Marshal(trialQuestion{t, e})
	if err != nil {
		return "", fmt.Errorf("ask another replica: %w", err)
	}
	data, err := d.config.Peers.AskOwner(ctx, home, testRequest, question)
	switch {
	case errors.Is(err, queue.ErrNoOwner):
		return "", err
	case errors.Is(err, context.DeadlineExceeded):
		return "", fmt.Errorf("another replica of the operator is logged in as account %s, and did not answer in time", home)
	case err != nil:
		return "", errors.New(oneLine(err.Error()))
	}
	var answer trialAnswer
	if err := json.Unmarshal(data, &answer); err != nil {
		return "", fmt.Errorf("ask another replica: %w", err)
	}
	switch {
	case answer.Elsewhere:
		return "", queue.ErrNoOwner
	case answer.Failure != "":
		return "", errors.New(oneLine(answer.Failure))
	}
	return oneLine(answer.Note), nil
}

// answer makes a test that another replica asks for.
func (d *Dispatcher) answer(ctx context.Context, data []byte) ([]byte, error) {
	var question trialQuestion
	var answer trialAnswer
	if err := json.Unmarshal(data, &question); err != nil {
		answer.Failure = "the replica that is logged in does not understand the question: the replicas are of different versions"
	} else {
		answer = d.answerTrial(ctx, question)
	}
	return json.Marshal(answer)
}

func (d *Dispatcher) answerTrial(ctx context.Context, q trialQuestion) (a trialAnswer) {
	ctx, cancel := context.WithTimeout(ctx, trialTimeout)
	defer cancel()
	note, err := d.tryHere(ctx, q.Target, q.Event)
	_, elsewhere := errors.AsType[*elsewhereError](err)
	switch {
	// Who asks has found the route and its channel: the table here is behind.
	case elsewhere, errors.Is(err, ErrRouteDeleted), errors.Is(err, ErrChannelRemoved):
		return trialAnswer{Elsewhere: true}
	case err != nil:
		return trialAnswer{Failure: oneLine(err.Error())}
	}
	return trialAnswer{Note: note}
}

// trialID is one that no delivery has.
func trialID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails: it ends the process instead
	return hex.EncodeToString(id[:])
}
