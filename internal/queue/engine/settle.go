package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
)

// acceptanceWindow is how recent the last acceptance must be for a settlement to wait for the next.
const acceptanceWindow = 20 * time.Millisecond

// Settle implements queue.Queue. While the store does not answer it waits, because the outcome of the
// attempt must not be lost.
func (e *Engine) Settle(ctx context.Context, id string, o queue.Outcome) error {
	var key journal.ID
	if err := key.UnmarshalText([]byte(id)); err != nil {
		return fmt.Errorf("settle delivery: %w", err)
	}
	e.mu.Lock()
	l := e.leases[key]
	for l != nil && o.Lease != 0 && l.number != o.Lease {
		l = l.earlier
	}
	e.mu.Unlock()
	if l == nil {
		return nil // it is settled
	}
	return e.settle(ctx, l, o)
}

func (e *Engine) settle(ctx context.Context, l *lease, o queue.Outcome) error {
	o.Lease = 0 // not a part of the state
	o.At, o.Due, o.Rest = stamp(o.At), stamp(o.Due), stamp(o.Rest)
	o.Reason = strings.ToValidUTF8(o.Reason, "\uFFFD")
	for {
		r, recovered, err := e.settlement(l, o)
		switch {
		case err != nil:
			return wrapSettle(l.ID, err)
		case r == nil && recovered == nil:
			return nil
		case r != nil:
			if err := r.wait(ctx); !errors.Is(err, queue.ErrUnavailable) {
				return wrapSettle(l.ID, err)
			}
		default:
			select {
			case <-recovered:
			case <-e.stopped:
				return wrapSettle(l.ID, queue.ErrUnavailable)
			case <-ctx.Done():
				return wrapSettle(l.ID, ctx.Err())
			}
		}
	}
}

func wrapSettle(id journal.ID, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("settle delivery %s: %w", id, err)
}

// settlement submits the outcome of a lease, once. It returns the request to wait for; or a channel that is
// closed when the store answers again; or neither if the lease has ended.
func (e *Engine) settlement(l *lease, o queue.Outcome) (*request, <-chan struct{}, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case !e.hasLease(l):
		return nil, nil, nil
	case l.settling != nil:
		return l.settling, nil, nil
	case l.lost && o.Kind != queue.Delivered:
		// Another process may be sending it, and this outcome would end that attempt. Only a success must be
		// stored.
		e.abandon(l)
		return nil, nil, nil
	case l.over && (o.Kind != queue.Delivered || o.Posted == nil):
		e.abandon(l)
		return nil, nil, nil
	case e.down != nil && !e.closed:
		return nil, e.recovered, nil
	case e.closed:
		return nil, nil, e.refusal()
	}
	if l.fixed && o.Credential {
		// The cause of the failure was fixed after the attempt began.
		o.Kind, o.Due = queue.Retry, o.At
	}
	r, err := newRequest(l.entry(o))
	if err != nil {
		return nil, nil, err
	}
	e.submitOutcome(l, r)
	return r, nil, nil
}

// submitOutcome passes the outcome of a lease to the committer. The caller holds the lock.
func (e *Engine) submitOutcome(l *lease, r *request) {
	r.lease = l
	if now := time.Now(); now.Sub(e.acceptedAt) < acceptanceWindow {
		r.deferred = now.Add(e.opt.SettleDelay)
	}
	l.settling = r
	r.after = func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		l.settling = nil
		if r.err == nil && (r.void || l.lost || l.over) {
			e.abandon(l)
		}
	}
	e.pending = append(e.pending, r)
	e.signal(e.work)
}

// endLease ends the lease of a delivery whose outcome was stored. A lost lease stays: the outcome is another
// process's, and this one may still report that the message was delivered. If that ends the delivery, every
// lease stays that is not settled, because its attempt may have sent a message, too. The caller holds the lock.
func (e *Engine) endLease(id journal.ID) {
	if _, exists := e.state.Event(id); exists {
		if l := e.leases[id]; l != nil && !l.lost {
			e.removeLease(l)
		}
		return
	}
	for l := e.leases[id]; l != nil; l = l.earlier {
		l.over = true
	}
}

// hasLease reports whether the outcome of a lease is still to be stored. The caller holds the lock.
func (e *Engine) hasLease(l *lease) bool {
	for has := e.leases[l.ID]; has != nil; has = has.earlier {
		if has == l {
			return true
		}
	}
	return false
}

// abandon ends a lease of which nothing more is stored. The caller holds the lock.
func (e *Engine) abandon(l *lease) {
	if !l.lost && !l.over && e.hasLease(l) {
		e.state.Return(l.ID)
	}
	e.removeLease(l)
}

// removeLease forgets a lease, but not the lost ones of its delivery. The caller holds the lock.
func (e *Engine) removeLease(l *lease) {
	first := e.leases[l.ID]
	for at := &first; *at != nil; at = &(*at).earlier {
		if *at == l {
			*at = l.earlier
			break
		}
	}
	if first == nil {
		delete(e.leases, l.ID)
		return
	}
	e.leases[l.ID] = first
}

// entry returns the journal entry of an outcome.
func (l *lease) entry(o queue.Outcome) journal.Entry {
	if o.Kind == queue.Reassigned {
		return journal.Entry{Reassign: &journal.Reassign{
			ID: l.ID, Namespace: l.Target.Namespace, Channel: l.Target.Channel,
			AccountKey: o.AccountKey, Destination: o.Destination, At: o.At, Until: o.Due,
		}}
	}
	settle := &journal.Settle{ID: l.ID, Outcome: o, Place: l.Place}
	if o.Kind == queue.Delivered && o.Posted != nil {
		settle.Message = &journal.Message{
			Key: l.MessageKey, Namespace: l.Target.Namespace, Destination: l.Place.Destination,
			Handle: o.Posted.Handle, Until: stamp(o.Posted.Until), Seq: l.Born.Seq, Index: l.Born.Index,
			Copies: o.Posted.Copies, Gone: o.Posted.Gone,
		}
		settle.Outcome.Posted = nil
	}
	return journal.Entry{Settle: settle}
}
