package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/routing"
)

// wakeInterval is the minimum time between two walks over the waiting channels.
const wakeInterval = time.Second

// TableChanged announces a new table. It does not block; of several in quick succession, only the last
// is used.
func (d *Dispatcher) TableChanged(t *routing.Table) {
	d.tables.Lock()
	d.tables.latest = t
	d.tables.Unlock()
	select {
	case d.changed <- struct{}{}:
	default: // an earlier change is pending, and will find t
	}
}

// followTable wakes what a new table has fixed, drops what was deleted, and closes the notifiers of
// accounts that were changed or deleted.
func (d *Dispatcher) followTable(ctx context.Context) {
	var before *routing.Table
	deleted := deletions{resolver: d.config.Resolver, shared: d.config.Shared}
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.changed:
		case <-deleted.recheck():
		}
		d.tables.Lock()
		after := d.tables.latest
		d.tables.Unlock()
		d.config.Pool.Retain(func(namespace, name, version string) bool {
			account, err := after.Account(namespace, name)
			return err == nil && account.Namespace == namespace && account.Version == version
		})
		if !d.drop(ctx, deleted.since(before, time.Now())) || !d.wake(ctx, changeBetween(before, after)) || !sleep(ctx, wakeInterval) {
			return
		}
		before = after
	}
}

// drop calls the store until it succeeds; it returns false when ctx ended before.
func (d *Dispatcher) drop(ctx context.Context, gone func(queue.Target) bool) bool {
	return d.retryStore(ctx, "drop deliveries", func() error {
		n, err := d.config.Queue.Drop(ctx, gone, ErrRouteDeleted.Error())
		if err == nil && n > 0 {
			d.config.Log.Info("routes or channels were deleted; their deliveries are dropped", "count", n)
		}
		return err
	})
}

// deletions finds the targets of deleted routes and channels in the store. Where replicas share the
// store, another one may have stored a target with a newer table than this one's: a target that this
// replica has never had in its table counts as deleted after tableLag only.
type deletions struct {
	resolver Resolver
	shared   bool
	missing  map[queue.Target]time.Time // not in the table, since when
}

// since returns a function that reports which targets are gone. before is the table of the last call,
// or nil.
func (d *deletions) since(before *routing.Table, now time.Time) func(queue.Target) bool {
	known := d.missing
	d.missing = map[queue.Target]time.Time{}
	return func(t queue.Target) bool {
		// The current table: it has all that this replica has stored.
		if !d.resolver.Removed(t) {
			return false
		}
		if !d.shared || had(before, t) {
			return true
		}
		since, ok := known[t]
		if !ok {
			since = now
		}
		d.missing[t] = since
		return now.Sub(since) >= tableLag
	}
}

// recheck returns a channel that fires when missing targets may count as deleted; nil if there are none.
func (d *deletions) recheck() <-chan time.Time {
	if len(d.missing) == 0 {
		return nil
	}
	return time.After(tableLag)
}

func had(table *routing.Table, t queue.Target) bool {
	if table == nil {
		return false
	}
	_, err := resolve(table, t)
	return !removed(err)
}

// wake calls the store until it succeeds; it returns false when ctx ended before.
func (d *Dispatcher) wake(ctx context.Context, change func(queue.Target) queue.Change) bool {
	return d.retryStore(ctx, "wake deliveries", func() error {
		n, err := d.config.Queue.Wake(ctx, change)
		if err == nil && n > 0 {
			d.config.Log.Info("accounts or routes were fixed; retrying the deliveries that waited for them", "count", n)
		}
		return err
	})
}

// changeBetween returns what has become of a target from one table to the next. After a start, before is
// nil and every account counts as fixed: it may have been while the operator was down, and the price is
// one attempt.
func changeBetween(before, after *routing.Table) func(queue.Target) queue.Change {
	return func(t queue.Target) queue.Change {
		now, err := resolve(after, t)
		if before == nil {
			if err != nil {
				return queue.Unchanged
			}
			return queue.Fixed
		}
		then, errThen := resolve(before, t)
		switch {
		case err != nil:
			return queue.Unchanged
		case errThen == nil && then.destination() != now.destination():
			return queue.Replaced
		case errThen != nil || then.Account.Version != now.Account.Version:
			return queue.Fixed
		}
		return queue.Unchanged
	}
}

// removed reports whether the target was deleted.
func removed(err error) bool {
	return errors.Is(err, ErrRouteDeleted) || errors.Is(err, ErrChannelRemoved)
}
