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
	e.mu.Unlock()
	o.At, o.Due, o.Rest = stamp(o.At), stamp(o.Due), stamp(o.Rest)
	o.Reason = strings.ToValidUTF8(o.Reason, "\uFFFD")
	for {
		r, healed, err := e.settlement(key, l, o)
		switch {
		case err != nil:
			return fmt.Errorf("settle delivery %s: %w", id, err)
		case r == nil && healed == nil:
			return nil
		case r != nil:
			if err := r.wait(ctx); !errors.Is(err, queue.ErrUnavailable) {
				return wrapSettle(id, err)
			}
		default:
			select {
			case <-healed:
			case <-e.stopped:
				return fmt.Errorf("settle delivery %s: %w", id, queue.ErrUnavailable)
			case <-ctx.Done():
				return wrapSettle(id, ctx.Err())
			}
		}
	}
}

func wrapSettle(id string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("settle delivery %s: %w", id, err)
}

// settlement submits the outcome of a lease, once. It returns the request to wait for; or a channel that is
// closed when the store answers again; or neither if the lease has ended.
func (e *Engine) settlement(id journal.ID, l *lease, o queue.Outcome) (*request, <-chan struct{}, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case l == nil || e.leases[id] != l:
		return nil, nil, nil
	case l.settling != nil:
		return l.settling, nil, nil
	case l.lost && o.Kind != queue.Delivered:
		// Another process may be sending it, and this outcome would end that attempt. Only a success must be
		// stored.
		delete(e.leases, id)
		return nil, nil, nil
	case e.down != nil && !e.closed:
		return nil, e.healed, nil
	case e.closed:
		return nil, nil, e.refusal()
	}
	if l.fixed && o.Credential {
		// The cause of the failure was fixed after the attempt began.
		o.Kind, o.Due = queue.Retry, o.At
	}
	r, err := newRequest(l.entry(id, o))
	if err != nil {
		return nil, nil, err
	}
	e.submitOutcome(id, l, r)
	return r, nil, nil
}

// submitOutcome passes the outcome of a lease to the committer. The caller holds the lock.
func (e *Engine) submitOutcome(id journal.ID, l *lease, r *request) {
	r.lease = l
	if now := time.Now(); now.Sub(e.acceptedAt) < acceptanceWindow {
		r.deferred = now.Add(e.opt.SettleDelay)
	}
	l.settling = r
	r.after = func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		l.settling = nil
		if r.err == nil && (r.void || l.lost) && e.leases[id] == l {
			delete(e.leases, id)
		}
	}
	e.pending = append(e.pending, r)
	e.signal(e.work)
}

// endLease ends the lease of a delivery whose outcome was stored. A lost lease stays while the delivery
// exists: the outcome is another process's, and this one may still report that the message was delivered.
// The caller holds the lock.
func (e *Engine) endLease(id journal.ID) {
	if l := e.leases[id]; l != nil && l.lost {
		if _, exists := e.state.Event(id); exists {
			return
		}
	}
	delete(e.leases, id)
}

// entry returns the journal entry of an outcome.
func (l *lease) entry(id journal.ID, o queue.Outcome) journal.Entry {
	if o.Kind == queue.Reassigned {
		return journal.Entry{Reassign: &journal.Reassign{
			ID: id, Namespace: l.target.Namespace, Channel: l.target.Channel,
			AccountKey: o.AccountKey, Destination: o.Destination, At: o.At, Until: o.Due,
		}}
	}
	settle := &journal.Settle{ID: id, Outcome: o, Place: l.place}
	if o.Kind == queue.Delivered && o.Posted != nil {
		settle.Message = &journal.Message{
			Key: l.message, Namespace: l.target.Namespace, Destination: l.place.Destination,
			Handle: o.Posted.Handle, Until: stamp(o.Posted.Until), Seq: l.born.Seq, Index: l.born.Index,
		}
		settle.Outcome.Posted = nil
	}
	return journal.Entry{Settle: settle}
}
