package dispatch

import (
	"context"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/routing"
)

// TableChanged tells that the table is another one. It does not block; of several changes in
// quick succession only the last is looked at.
func (d *Dispatcher) TableChanged(t *routing.Table) {
	d.tables.Lock()
	d.tables.latest = t
	d.tables.Unlock()
	select {
	case d.changed <- struct{}{}:
	default: // one is waiting to be looked at, and that look will find t
	}
}

// heal wakes what waits for an account whenever a table mends one, and lets go of the
// notifiers of accounts that are no more.
func (d *Dispatcher) heal(ctx context.Context) {
	var before *routing.Table
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.changed:
		}
		d.tables.Lock()
		after := d.tables.latest
		d.tables.Unlock()
		d.config.Pool.Retain(func(namespace, name, version string) bool {
			account, err := after.Account(namespace, name)
			return err == nil && account.Namespace == namespace && account.Version == version
		})
		if !d.wake(ctx, heals(before, after)) {
			return
		}
		before = after
	}
}

// wake tries until the store has done it; it returns false when ctx ended before.
func (d *Dispatcher) wake(ctx context.Context, change func(queue.Target) queue.Change) bool {
	return d.untilStored(ctx, "wake deliveries", func() error {
		n, err := d.config.Queue.Wake(ctx, change)
		if err == nil && n > 0 {
			d.config.Log.Info("accounts were mended; deliveries that waited for them go out", "count", n)
		}
		return err
	})
}

// heals tells which targets have a room in after that they did not have, or not with that
// version of the account, in before. After a start, before is nil and every account counts as
// mended: it may have been while the operator was away, and the price is one attempt.
func heals(before, after *routing.Table) func(queue.Target) queue.Change {
	return func(t queue.Target) queue.Change {
		now, _, err := room(after, t)
		if err != nil {
			return queue.Unchanged
		}
		if before == nil {
			return queue.Fixed
		}
		then, _, err := room(before, t)
		if err != nil || then.Namespace != now.Namespace || then.Name != now.Name || then.Version != now.Version {
			return queue.Fixed
		}
		return queue.Unchanged
	}
}
