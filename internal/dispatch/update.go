package dispatch

import (
	"context"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/render"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/text"
)

// receiptKept is for how long a build's message is updated at most; after that a new one is sent.
const receiptKept = 7 * 24 * time.Hour

// supersededError is a state that is not sent because a later one is shown, or about to be.
type supersededError struct{ reason string }

func (e *supersededError) Error() string { return e.reason }

// effectiveUpdates is what a later state does to the build's message, as far as the service can do it.
func effectiveUpdates(r Resolved) routing.Updates {
	switch {
	case r.Updates == routing.Edit && r.Can.Edit, r.Updates == routing.Thread && r.Can.Thread:
		return r.Updates
	}
	return routing.Separate
}

// superseded returns an error if the delivery must not be sent: the build's message shows a later state, or
// one waits that would replace this one at once.
func superseded(d *queue.Delivery, updates routing.Updates) error {
	switch {
	case updates == routing.Separate:
		return nil
	case d.Shown != nil && d.Shown.Newer:
		return &supersededError{"superseded: the build's message shows a later state"}
	case updates == routing.Edit && d.Newer != "":
		return &supersededError{queue.SupersededBy(d.Newer)}
	}
	return nil
}

// earlierMessage returns the build's message that is to be updated; nil for a new message.
func earlierMessage(d *queue.Delivery, r Resolved, updates routing.Updates) *notify.Update {
	if updates == routing.Separate || d.Shown == nil || d.Destination == "" || d.Shown.Destination != d.Destination {
		return nil
	}
	u := &notify.Update{Handle: d.Shown.Handle, Thread: updates == routing.Thread}
	if !u.Thread && !r.Can.Notifies {
		u.Reply = render.Reply(&d.Event)
	}
	return u
}

// copies are the handles of the copies of the earlier message, if that is updated and they can be edited.
func copies(d *queue.Delivery, r Resolved, u *notify.Update) []string {
	if u == nil || !r.Can.Edit {
		return nil
	}
	return d.Shown.Copies
}

// posted is a message that was sent.
type posted struct {
	service string // empty if nothing was handed to the service
	receipt notify.Receipt
	copies  []string // the handles of the copies that were edited
	gone    []string // earlier handles that refer to nothing any more
	// note says why the earlier message was not updated; empty if it was, or there is none.
	note string
}

// update updates the build's earlier message with m, and edits its copies. If the earlier message cannot be updated
// any more, a copy takes its place; without one, m is sent as a new message.
func (d *Dispatcher) update(ctx context.Context, n notify.Notifier, m notify.Message, copies []string) (p posted, err error) {
	// They come first: a retry repeats an edit, which changes nothing, but no reply.
	if err := d.editCopies(ctx, n, m, copies, &p); err != nil {
		return p, err
	}
	for m.Update != nil {
		p.receipt, err = d.notify(ctx, n, m)
		if err == nil || notify.IsGone(err) {
			p.leaves(m.Update.Handle, p.receipt)
		}
		if !notify.IsGone(err) {
			p.note = p.receipt.Note
			return p, err
		}
		if len(p.copies) == 0 {
			p.note = "sent as a new message: " + err.Error()
			m.Update = nil
			break
		}
		earlier := *m.Update
		earlier.Handle, p.copies = p.copies[0], p.copies[1:]
		m.Update = &earlier
	}
	p.receipt, err = d.notify(ctx, n, m)
	p.note = joinNotes(p.note, p.receipt.Note)
	return p, err
}

func (d *Dispatcher) editCopies(ctx context.Context, n notify.Notifier, m notify.Message, copies []string, p *posted) error {
	m.Mention = "" // the message mentions
	for _, handle := range copies {
		m.Update = &notify.Update{Handle: handle}
		receipt, err := d.notify(ctx, n, m)
		switch {
		case err == nil:
			p.copies = append(p.copies, receipt.Handle)
		case !notify.IsGone(err):
			return err
		}
		p.leaves(handle, receipt)
	}
	return nil
}

// leaves notes that a handle refers to nothing any more, unless the message still has it.
func (p *posted) leaves(handle string, now notify.Receipt) {
	if handle != now.Handle {
		p.gone = append(p.gone, handle)
	}
}

// keep has the store remember the message that was sent, if later states may update it.
func (p *posted) keep(o *queue.Outcome, updates routing.Updates, now time.Time) {
	if o.Kind != queue.Delivered {
		return
	}
	o.Reason = text.OneLine(p.note, maxReason)
	handle := p.receipt.Handle
	if updates == routing.Separate || handle == "" || len(handle) > notify.MaxHandle {
		return
	}
	until := now.Add(receiptKept)
	if limit := p.receipt.Until; !limit.IsZero() && limit.Before(until) {
		until = limit
	}
	o.Posted = &queue.Posted{Handle: handle, Until: until, Copies: p.copies, Gone: p.gone}
}
