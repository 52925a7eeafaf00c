package dispatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/travishook/travishook/internal/queue"
)

// endpoint is what a channel resolves to. Both are empty while it does not resolve. See queue.Target.
type endpoint struct{ accountKey, destination string }

// reassignError is a delivery whose channel resolves to something else than the store knows.
type reassignError struct{ to endpoint }

func (e *reassignError) Error() string {
	return fmt.Sprintf("the channel now belongs to account %q and destination %q", e.to.accountKey, e.to.destination)
}

// reassigned returns where the channel belongs, if err says that it is not where the delivery was taken.
func reassigned(delivery queue.Delivery, err error) (to endpoint, ok bool) {
	if other, ok := errors.AsType[*reassignError](err); ok {
		return other.to, true
	}
	_, ok = errors.AsType[*elsewhereError](err) // the account left this replica just now
	return endpoint{delivery.AccountKey, delivery.Destination}, ok
}

// reassign moves the channel to the account and destination that it resolves to. Tables of replicas may
// disagree for a while, so repeated reassignments back off.
func reassign(delivery queue.Delivery, to endpoint, now time.Time) queue.Outcome {
	due := now
	if delivery.Reassignments > 0 {
		due = now.Add(backoff(delivery.Reassignments, 0, 1))
	}
	return queue.Outcome{Kind: queue.Reassigned, At: now, Due: due, AccountKey: to.accountKey, Destination: to.destination}
}

// release ends an attempt whose lease is lost. The store keeps nothing of its outcome.
func (d *Dispatcher) release(ctx context.Context, delivery queue.Delivery) {
	now := time.Now()
	d.settle(ctx, delivery, queue.Outcome{Kind: queue.Retry, At: now, Due: now})
}

// whileHeld returns a context that ends when another replica may send the delivery.
func whileHeld(ctx context.Context, delivery queue.Delivery) (context.Context, context.CancelFunc) {
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

// leaseLost reports whether another replica may send the delivery by now.
func leaseLost(delivery queue.Delivery) bool {
	select {
	case <-delivery.LeaseLost:
		return true
	default:
		return false
	}
}
