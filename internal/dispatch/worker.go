// Package dispatch sends what the store holds: it takes a delivery, resolves its route and
// account as they are at that moment, renders the message, hands it to the service, and settles
// what came of it. This file is all of that; the others are what it asks.
package dispatch

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/record"
	"github.com/travishook/travishook/internal/render"
)

// handle makes one attempt and settles it. When ctx ends meanwhile, nothing is settled: the
// delivery is sent again after the restart, with the same id. So it is by another replica when
// the delivery is no longer ours; but what has arrived is settled all the same.
func (d *Dispatcher) handle(ctx context.Context, delivery queue.Delivery) {
	if isLost(delivery) {
		return // while it waited for its turn
	}
	began := time.Now()
	mine, release := whileOurs(ctx, delivery)
	service, err := d.attempt(mine, delivery)
	ended := mine.Err() != nil || isLost(delivery)
	release()
	if err != nil && ended {
		return
	}
	now := time.Now()
	if elsewhere, ok := errors.AsType[*elsewhereError](err); ok {
		d.settle(ctx, delivery.ID, moved(delivery, elsewhere.home, now))
		return
	}
	outcome, reason := classify(delivery, err, now, d.config.RetryLimit, jitter())
	if !d.settle(ctx, delivery.ID, outcome) {
		return
	}
	d.config.Record.Attempted(record.Attempt{
		Delivery: delivery, Service: service, Outcome: outcome, Reason: reason, Took: now.Sub(began),
	})
}

// moved is the outcome of a delivery that is for an account of another home than its channel's. The
// table that this replica goes by may be behind that of the next, or before it: so a channel that comes
// back is moved again only after a while.
func moved(delivery queue.Delivery, home string, now time.Time) queue.Outcome {
	due := now
	if delivery.Moves > 0 {
		due = now.Add(backoff(delivery.Moves, 0, 1))
	}
	return queue.Outcome{Kind: queue.Reassigned, At: now, Due: due, AccountKey: home}
}

// whileOurs is a context that ends when another replica may send the delivery.
func whileOurs(ctx context.Context, delivery queue.Delivery) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	if delivery.LeaseLost == nil {
		return ctx, cancel
	}
	go func() {
		select {
		case <-delivery.LeaseLost:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// isLost reports whether another replica may send the delivery by now.
func isLost(delivery queue.Delivery) bool {
	select {
	case <-delivery.LeaseLost:
		return true
	default:
		return false
	}
}

// attempt sends the delivery as its route and account say now. It returns the account's service,
// as far as it is known.
func (d *Dispatcher) attempt(ctx context.Context, delivery queue.Delivery) (service string, err error) {
	resolved, err := d.config.Resolver.Resolve(delivery.Target)
	if err != nil {
		return "", unresolved(delivery, err)
	}
	if home := resolved.Account.Key(); home != delivery.AccountKey {
		return "", &elsewhereError{home}
	}
	message, err := render.Message(resolved.Template, delivery.Event)
	if err != nil {
		d.config.Record.TemplateFailed(delivery, err)
	}
	message.ID = delivery.ID
	return resolved.Account.Service, d.send(ctx, delivery.Target, resolved, message)
}

// send hands a message to the account's service.
func (d *Dispatcher) send(ctx context.Context, t queue.Target, to Resolved, m notify.Message) error {
	notifier, release, err := d.config.Pool.Acquire(to.Account)
	if err != nil {
		return err
	}
	defer release()

	// Others who speak in the room just now are no fault of it, so the attempt begins after them.
	leave, err := d.rooms.enter(ctx, to.Account.Namespace+"/"+to.Account.Name+"/"+to.Address)
	if err != nil {
		return fmt.Errorf("wait for the room: %w", err)
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	m.Address = to.Address
	m.Route = t.Namespace + "/" + t.Route
	return hide(d.notify(ctx, notifier, m), to.Account.Credential)
}

// notify keeps a service that panics from taking the operator, and with it every other
// channel, down; the delivery is tried again.
func (d *Dispatcher) notify(ctx context.Context, n notify.Notifier, m notify.Message) (err error) {
	defer func() {
		if p := recover(); p != nil {
			d.config.Log.Error(nil, "a service panicked", "delivery", m.ID, "route", m.Route, "stack", string(debug.Stack()))
			err = fmt.Errorf("internal fault of the service; the log has its stack")
		}
	}()
	return n.Notify(ctx, m)
}

// settle stores the outcome, trying until the store has it. It keeps the place in the lane
// meanwhile, so that a store that cannot store is not outrun by ever more unsettled messages.
// It returns false when ctx ended before.
func (d *Dispatcher) settle(ctx context.Context, id string, o queue.Outcome) bool {
	return d.untilStored(ctx, "settle delivery", func() error { return d.config.Queue.Settle(ctx, id, o) })
}
