package engine

import (
	"context"
	"fmt"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
)

// resumePerEntry bounds the size of an entry that resumes many deliveries.
const resumePerEntry = 10_000

// Wake makes deliveries due at once for which change returns Fixed or Replaced. An attempt that is
// under way is made again if it fails for a reason that was fixed meanwhile.
func (e *Engine) Wake(ctx context.Context, change func(queue.Target) queue.Change) (int, error) {
	e.mu.Lock()
	under := make(map[journal.ID]queue.Target, len(e.leases))
	for id, l := range e.leases {
		under[id] = l.target
	}
	e.mu.Unlock()
	for id, target := range under {
		if change(target) == queue.Unchanged {
			delete(under, id)
		}
	}
	e.mu.Lock()
	for id := range under {
		if l, ok := e.leases[id]; ok {
			l.fixed = true
		}
	}
	e.mu.Unlock()
	known := map[queue.Target]queue.Change{}
	return e.resume(ctx, func(s *queue.Summary) bool {
		if s.State == queue.Sending {
			return false
		}
		what, ok := known[s.Target]
		if !ok {
			what = change(s.Target)
			known[s.Target] = what
		}
		return what != queue.Unchanged && s.Last.Credential || what == queue.Replaced && s.State == queue.Waiting
	})
}

// Drop ends all deliveries of the targets that gone returns true for.
func (e *Engine) Drop(ctx context.Context, gone func(queue.Target) bool, reason string) (int, error) {
	n := 0
	o := queue.Outcome{Kind: queue.Dropped, At: stamp(e.clock.Now()), Reason: reason}
	for _, s := range e.deliveries(func(s *queue.Summary) bool { return s.State != queue.Sending && gone(s.Target) }) {
		var id journal.ID
		if err := id.UnmarshalText([]byte(s.ID)); err != nil {
			return n, fmt.Errorf("drop deliveries: %w", err)
		}
		if err := e.store(ctx, journal.Entry{Settle: &journal.Settle{ID: id, Outcome: o}}); err != nil {
			return n, fmt.Errorf("drop deliveries: %w", err)
		}
		n++
	}
	return n, nil
}

// Redrive begins the selected dead letters again.
func (e *Engine) Redrive(ctx context.Context, q queue.Query) (int, error) {
	return e.resume(ctx, func(s *queue.Summary) bool { return s.State == queue.DeadLetter && q.Matches(s) })
}

func (e *Engine) resume(ctx context.Context, chosen func(*queue.Summary) bool) (int, error) {
	var ids []journal.ID
	for _, s := range e.deliveries(chosen) {
		var id journal.ID
		if err := id.UnmarshalText([]byte(s.ID)); err != nil {
			return 0, fmt.Errorf("resume deliveries: %w", err)
		}
		ids = append(ids, id)
	}
	n := 0
	for len(ids) > 0 {
		some := ids[:min(len(ids), resumePerEntry)]
		ids = ids[len(some):]
		entry := journal.Entry{Resume: &journal.Resume{At: stamp(e.clock.Now()), IDs: some}}
		if err := e.store(ctx, entry); err != nil {
			return n, fmt.Errorf("resume deliveries: %w", err)
		}
		n += len(some)
	}
	return n, nil
}
