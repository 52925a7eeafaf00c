package dispatch

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/render"
	"github.com/travishook/travishook/internal/travis"
)

// trialMark begins a test message, so that nobody takes it for news.
const trialMark = "[test] "

// Try sends a test message about e to a target, with all that a real one goes through but the
// store: it is not kept and not tried again. The error is nil when the service has confirmed that
// it took it; the note then says what is not as it should be. Both are one line without secrets.
func (d *Dispatcher) Try(ctx context.Context, t queue.Target, e travis.Event) (note string, err error) {
	resolved, err := d.config.Resolver.Resolve(t)
	if err != nil {
		return "", err
	}
	message, fault := render.Message(resolved.Template, e)
	message.ID = trialID()
	message.Text = trialMark + message.Text
	message.Spans = slices.Insert(message.Spans, 0, notify.Span{Text: trialMark})
	if err := d.send(ctx, t, resolved, message); err != nil {
		return "", errors.New(oneLine(err.Error()))
	}
	if fault != nil {
		note = oneLine("the default text was sent, because the template failed: " + fault.Error())
	}
	return note, nil
}

// trialID is one that no delivery has.
func trialID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails: it ends the process instead
	return hex.EncodeToString(id[:])
}
