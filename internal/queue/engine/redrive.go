package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
)

// The limits of an entry about many deliveries or targets.
const (
	redrivePerEntry = 10_000
	targetsPerEntry = 1_000
	dropPerEntry    = 5_000 // each is passed on to those who watch the ends of deliveries
)

// Wake implements queue.Queue.
func (e *Engine) Wake(ctx context.Context, change func(queue.Target) queue.Change) (int, error) {
	var fixed, replaced []queue.Target
	changed := map[queue.Target]bool{}
	for _, t := range e.targets(false) {
		switch change(t) {
		case queue.Fixed:
			fixed = append(fixed, t)
		case queue.Replaced:
			replaced = append(replaced, t)
		default:
			continue
		}
		changed[t] = true
	}
	e.mu.Lock()
	for _, l := range e.leases {
		l.fixed = l.fixed || changed[l.Target]
	}
	e.mu.Unlock()
	n := 0
	for len(fixed)+len(replaced) > 0 {
		var some, others []queue.Target
		some, fixed = head(fixed)
		others, replaced = head(replaced)
		woken, err := e.storeDecided(ctx, func(at time.Time) (journal.Entry, int) {
			w, n := e.state.NewWake(at, some, others)
			return journal.Entry{Wake: w}, n
		})
		if err != nil {
			return n, fmt.Errorf("wake deliveries: %w", err)
		}
		n += woken
	}
	return n, nil
}

// Drop implements queue.Queue.
func (e *Engine) Drop(ctx context.Context, gone func(queue.Target) bool, reason string) (int, error) {
	var targets []queue.Target
	for _, t := range e.targets(true) {
		if gone(t) {
			targets = append(targets, t)
		}
	}
	n := 0
	for len(targets) > 0 {
		var some []queue.Target
		some, targets = head(targets)
		ended, err := e.dropTargets(ctx, some, reason)
		n += ended
		if err != nil {
			return n, fmt.Errorf("drop deliveries: %w", err)
		}
	}
	return n, nil
}

// dropTargets drops targets with their deliveries, at most dropPerEntry in one entry: those of a full store
// may be a million.
func (e *Engine) dropTargets(ctx context.Context, targets []queue.Target, reason string) (n int, err error) {
	for {
		var ids []journal.ID
		_, err := e.storeDecided(ctx, func(at time.Time) (journal.Entry, int) {
			ids = e.state.DeliveriesOf(targets, dropPerEntry)
			if len(ids) == dropPerEntry {
				return journal.Entry{Drop: &journal.Drop{At: at, IDs: ids, Reason: reason}}, len(ids)
			}
			return journal.Entry{Drop: &journal.Drop{At: at, Targets: targets, Reason: reason}}, len(targets)
		})
		if err != nil {
			return n, err
		}
		if n += len(ids); len(ids) < dropPerEntry {
			return n, nil
		}
	}
}

// Redrive implements queue.Queue.
func (e *Engine) Redrive(ctx context.Context, q queue.Query) (int, error) {
	q.States = []queue.State{queue.DeadLetter}
	var ids []journal.ID
	for _, s := range e.Deliveries(q) {
		var id journal.ID
		if err := id.UnmarshalText([]byte(s.ID)); err != nil {
			return 0, fmt.Errorf("redrive deliveries: %w", err)
		}
		ids = append(ids, id)
	}
	n := 0
	for len(ids) > 0 {
		some := ids[:min(len(ids), redrivePerEntry)]
		ids = ids[len(some):]
		begun, err := e.storeDecided(ctx, func(at time.Time) (journal.Entry, int) {
			r := e.state.NewRedrive(at, some)
			return journal.Entry{Redrive: r}, len(r.IDs)
		})
		if err != nil {
			return n, fmt.Errorf("redrive deliveries: %w", err)
		}
		n += begun
	}
	return n, nil
}

// targets returns the targets with deliveries, or, with every, all remembered ones.
func (e *Engine) targets(every bool) []queue.Target {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state.Targets(every)
}

func head(targets []queue.Target) (some, rest []queue.Target) {
	n := min(len(targets), targetsPerEntry)
	return targets[:n], targets[n:]
}

// storeDecided stores the entry that decide makes from the state right before it is stored, and returns
// decide's number; if that is zero, it stores nothing. The lock is held while decide is called.
func (e *Engine) storeDecided(ctx context.Context, decide func(at time.Time) (journal.Entry, int)) (int, error) {
	var n int
	r := newEmptyRequest()
	r.decide = func() error {
		e.mu.Lock()
		r.entry, n = decide(stamp(e.clock.Now()))
		e.mu.Unlock()
		if n == 0 {
			r.entry = journal.Entry{}
			return nil
		}
		return r.entry.Encode()
	}
	if err := e.submit(r); err != nil {
		return 0, err
	}
	if err := r.wait(ctx); err != nil {
		return 0, err
	}
	return n, nil
}
