package jetstream

import (
	"context"
	"fmt"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
)

// resumePerEntry bounds the size of an entry that resumes many deliveries.
const resumePerEntry = 10_000

// Wake makes due at once what waits because of a credential or an account, and redrives what
// died of it, where heals says so. An attempt that is under way begins again if it fails of it.
func (e *Engine) Wake(ctx context.Context, heals func(queue.Target) bool) (int, error) {
	e.mu.Lock()
	under := make(map[journal.ID]queue.Target, len(e.leases))
	for id, l := range e.leases {
		under[id] = l.target
	}
	e.mu.Unlock()
	for id, target := range under {
		if !heals(target) {
			delete(under, id)
		}
	}
	e.mu.Lock()
	for id := range under {
		if l, ok := e.leases[id]; ok {
			l.mended = true
		}
	}
	e.mu.Unlock()
	healed := map[queue.Target]bool{}
	return e.resume(ctx, func(s queue.Summary) bool {
		if s.State == queue.Sending || !s.Last.Credential {
			return false
		}
		heal, known := healed[s.Target]
		if !known {
			heal = heals(s.Target)
			healed[s.Target] = heal
		}
		return heal
	})
}

// Redrive begins the chosen dead deliveries again.
func (e *Engine) Redrive(ctx context.Context, chosen func(queue.Summary) bool) (int, error) {
	return e.resume(ctx, func(s queue.Summary) bool { return s.State == queue.Died && chosen(s) })
}

func (e *Engine) resume(ctx context.Context, chosen func(queue.Summary) bool) (int, error) {
	var ids []journal.ID
	for _, s := range e.Deliveries(chosen) {
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
