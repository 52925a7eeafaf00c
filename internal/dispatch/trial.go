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

// ErrTemplate wraps the fault of a template whose message went out with the default text.
var ErrTemplate = errors.New("the default text was sent, because the template failed")

// Try sends a test message about e to a target, with all that a real one goes through but the
// store: it is not kept and not tried again. It returns nil when the service has confirmed that it
// took it, and an error that is ErrTemplate when it took the default text. Errors hold nothing secret.
func (d *Dispatcher) Try(ctx context.Context, t queue.Target, e travis.Event) error {
	resolved, err := d.config.Resolver.Resolve(t)
	if err != nil {
		return err
	}
	message, fault := render.Message(resolved.Template, e)
	message.ID = trialID()
	message.Text = trialMark + message.Text
	message.Spans = slices.Insert(message.Spans, 0, notify.Span{Text: trialMark})
	if err := d.send(ctx, t, resolved, message); err != nil {
		return errors.New(oneLine(err.Error()))
	}
	if fault != nil {
		return errors.Join(ErrTemplate, fault)
	}
	return nil
}

// trialID is one that no delivery has.
func trialID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails: it ends the process instead
	return hex.EncodeToString(id[:])
}
