// Package dispatch sends stored deliveries: it takes a delivery, resolves its route and account, renders
// the message, sends it through the account's service, and settles the outcome.
//
// worker.go has that sequence, resolve.go what a delivery's channel is in the current table, update.go which earlier
// message of the build is updated, pool.go the notifiers and their connections, and outcome.go whether a failed attempt
// is retried and when. wake.go follows changes of the table, testmessage.go sends test messages, and limits.go has
// every limit.
package dispatch

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/record"
	"github.com/travishook/travishook/internal/render"
	"github.com/travishook/travishook/internal/routing"
)

// sendLane takes a delivery of a lane and sends it, while another goroutine takes the next one, until ctx ends;
// the attempts live as long as attempts. The store limits how many are under way at once.
func (d *Dispatcher) sendLane(ctx, attempts context.Context, lane queue.Lane, running *sync.WaitGroup) {
	delivery, ok := d.take(ctx, lane)
	if !ok {
		return
	}
	running.Go(func() { d.sendLane(ctx, attempts, lane, running) })
	d.handle(attempts, delivery)
}

// take waits for a delivery; it returns false when ctx ended before.
func (d *Dispatcher) take(ctx context.Context, lane queue.Lane) (delivery queue.Delivery, ok bool) {
	ok = d.retryStore(ctx, "take delivery", func() (err error) {
		delivery, err = d.config.Queue.Take(ctx, lane)
		return err
	})
	return delivery, ok
}

// handle makes one attempt and settles it. If ctx ends meanwhile, a failed attempt is not settled: this
// replica sends the delivery again after its restart, with the same id. If the lease is lost, the store
// only learns that the attempt has ended: another replica sends the delivery.
func (d *Dispatcher) handle(ctx context.Context, delivery queue.Delivery) {
	if leaseLost(delivery) {
		d.release(ctx, delivery)
		return
	}
	began := time.Now()
	held, release := whileHeld(ctx, delivery)
	sent, updates, err := d.attempt(held, delivery)
	interrupted := held.Err() != nil || leaseLost(delivery)
	release()
	if err != nil && interrupted {
		if ctx.Err() == nil {
			d.release(ctx, delivery)
		}
		return
	}
	now := time.Now()
	if to, ok := reassigned(delivery, err); ok {
		d.settle(ctx, delivery, reassign(delivery, to, now))
		return
	}
	outcome, reason := classify(delivery, err, now, d.config.RetryLimit, jitter())
	sent.keep(&outcome, updates, now)
	if sent.service != "" && delivery.Destination != "" {
		outcome.Rest = d.pace.sent(delivery.Destination, now)
	}
	if !d.settle(ctx, delivery, outcome) {
		return
	}
	d.config.Record.Attempted(record.Attempt{
		Delivery: delivery, Service: sent.service, Outcome: outcome, Reason: reason, Took: now.Sub(began),
	})
}

// attempt sends the delivery according to the current table. It returns the account's service if the
// message was handed to it.
func (d *Dispatcher) attempt(ctx context.Context, delivery queue.Delivery) (sent posted, updates routing.Updates, err error) {
	resolved, err := d.config.Resolver.Resolve(delivery.Target)
	err = unresolved(delivery, err)
	stored := endpoint{delivery.AccountKey, delivery.Destination}
	if _, missing := errors.AsType[*missingError](err); missing && stored != (endpoint{}) {
		// So that its backoff is its own, and not that of others who share the destination.
		return sent, updates, &reassignError{}
	}
	if err != nil {
		return sent, updates, err
	}
	if to := resolved.endpoint(); to != stored {
		return sent, updates, &reassignError{to}
	}
	updates = effectiveUpdates(resolved)
	if err := superseded(&delivery, updates); err != nil {
		return sent, updates, err
	}
	message, err := render.Message(resolved.Template, delivery.Event)
	if err != nil {
		d.config.Record.TemplateFailed(delivery, err)
	}
	message.ID, message.Overtaken = delivery.ID, delivery.Overtaken
	message.Update = earlierMessage(&delivery, resolved, updates)
	message.Silent = resolved.Silent.Has(delivery.Event.Build.Result)
	var whom string
	message.Mention, whom = mention(&delivery, resolved)
	sent, err = d.send(ctx, delivery.Target, resolved, message, copies(&delivery, resolved, message.Update)...)
	if !strings.Contains(sent.note, mentionedNobody) { // the service knew better
		sent.note = joinNotes(sent.note, whom)
	}
	return sent, updates, err
}

// send hands a message to the account's service, with the copies of the one that it updates, and returns what
// was sent.
func (d *Dispatcher) send(ctx context.Context, t queue.Target, to Resolved, m notify.Message, copies ...string) (sent posted, err error) {
	notifier, release, err := d.config.Pool.Acquire(to.Account)
	if err != nil {
		return sent, err
	}
	defer release()
	// The store hands out one delivery for a destination at a time, but knows nothing of test messages.
	// The attempt's timeout begins after this wait, which is not the destination's fault.
	unlock, err := d.destinations.Lock(ctx, to.endpoint().destination)
	if err != nil {
		return sent, fmt.Errorf("wait for another message to the same channel: %w", err)
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	m.Address = to.Address
	m.Route = t.Namespace + "/" + t.Route
	if m.Update == nil {
		sent.receipt, err = d.notify(ctx, notifier, m)
		sent.note = sent.receipt.Note
	} else {
		sent, err = d.update(ctx, notifier, m, copies)
	}
	sent.service = to.Account.Service
	return sent, notify.RedactSecrets(err, to.Account.Credential)
}

// notify sends a message. If the service does not know the person to mention, it sends the message again without
// the mention, and the receipt's note says so.
func (d *Dispatcher) notify(ctx context.Context, n notify.Notifier, m notify.Message) (notify.Receipt, error) {
	r, err := d.notifySafely(ctx, n, m)
	if m.Mention == "" || !notify.IsNoSuchPerson(err) {
		return r, err
	}
	m.Mention = ""
	why := mentionedNobody + err.Error()
	r, err = d.notifySafely(ctx, n, m)
	r.Note = joinNotes(r.Note, why)
	return r, err
}

// notifySafely turns a panic of a service into an error, so that it does not crash the operator.
func (d *Dispatcher) notifySafely(ctx context.Context, n notify.Notifier, m notify.Message) (r notify.Receipt, err error) {
	defer func() {
		if p := recover(); p != nil {
			d.config.Log.Error(nil, "service panicked", "delivery", m.ID, "route", m.Route, "stack", string(debug.Stack()))
			r, err = notify.Receipt{}, errors.New("internal error of the service; see the operator's log")
		}
	}()
	return n.Notify(ctx, m)
}

// settle stores the outcome, retrying until the store has it; it returns false when ctx ended before.
// The delivery keeps its slot meanwhile, which limits the unsettled messages while the store does not
// answer.
func (d *Dispatcher) settle(ctx context.Context, delivery queue.Delivery, o queue.Outcome) bool {
	o.Lease = delivery.Lease
	return d.retryStore(ctx, "settle delivery", func() error { return d.config.Queue.Settle(ctx, delivery.ID, o) })
}
