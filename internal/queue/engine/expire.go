package engine

import (
	"time"

	"github.com/travishook/travishook/internal/queue/journal"
)

const (
	// expiryInterval is how often dead letters that were kept long enough are dropped.
	expiryInterval = 10 * time.Minute
	// expiryPause is the pause between two of many batches of them.
	expiryPause = time.Second
)

// expire drops the dead letters that were kept long enough. It returns when to look again.
func (e *Engine) expire() time.Duration {
	e.mu.Lock()
	now := e.trustedNow()
	if !e.leads() {
		e.state.RemoveExpired(now)
		e.mu.Unlock()
		return expiryInterval
	}
	before := now.Add(-e.opt.KeepDead)
	n := len(e.state.Expired(before, dropPerEntry))
	e.mu.Unlock()
	if n == 0 {
		return expiryInterval
	}
	r := newEmptyRequest()
	r.decide = func() error {
		e.mu.Lock()
		ids := e.state.Expired(before, dropPerEntry)
		e.mu.Unlock()
		r.entry = journal.Entry{}
		if len(ids) == 0 {
			return nil
		}
		r.entry.Drop = &journal.Drop{At: stamp(e.clock.Now()), IDs: ids, Reason: "dead letter for " + e.opt.KeepDead.String()}
		return r.entry.Encode()
	}
	if e.submit(r) != nil || n < dropPerEntry {
		return expiryInterval
	}
	return expiryPause
}
