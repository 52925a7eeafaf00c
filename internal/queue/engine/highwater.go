package engine

import (
	"context"
	"crypto/rand"

	"github.com/travishook/travishook/internal/queue/journal"
	"github.com/travishook/travishook/internal/queue/wal"
)

// HighWater returns the journal's high-water mark. It has no event counts where several processes append,
// because each process counts only what it has read.
func (e *Engine) HighWater() wal.HighWater {
	e.mu.Lock()
	defer e.mu.Unlock()
	mark := e.mark
	mark.At = stamp(e.clock.Now())
	if id, ok := e.state.Get(identityBucket, identityKey); ok {
		mark.Journal = string(id)
	}
	if e.updates != nil {
		mark.First, mark.Dropped, mark.Accepted = e.first, 0, 0
	}
	return mark
}

// The journal's identity is stored in the journal, so that all replicas read the same one.
const identityBucket, identityKey = "journal", "identity"

// openMark reads the mark that is kept beside the log.
func (e *Engine) openMark(x wal.Extent) {
	e.mark = wal.HighWater{First: x.First}
	if keeper, ok := e.log.(wal.Keeper); ok {
		if kept, found := keeper.HighWater(); found {
			e.mark, e.opened = kept, kept
		} else if x.Last > 0 {
			e.logger.Info("high-water mark beside the journal is missing; earlier losses cannot be detected", "last", x.Last)
		}
	}
	e.mark.Accepted = e.mark.Dropped
}

// identify sets the journal's identity: a new one for a new journal, the known one for a journal that lost it.
func (e *Engine) identify(x wal.Extent) {
	e.mu.Lock()
	id, ok := e.state.Get(identityBucket, identityKey)
	known := e.mark.Journal
	e.mu.Unlock()
	if ok {
		known = string(id)
	}
	if known == "" && e.opt.Known != nil && x.Last > 0 {
		known = e.opt.Known.Journal
	}
	if known == "" {
		known = rand.Text()
	}
	e.mu.Lock()
	e.mark.Journal = known
	e.mu.Unlock()
	if !ok {
		e.storeLater(journal.Entry{Put: &journal.Put{Bucket: identityBucket, Key: identityKey, Value: []byte(known)}}, func() {})
	}
}

// advance moves the mark to an applied message. The caller holds the lock.
func (e *Engine) advance(seq uint64, entries []journal.Entry) {
	e.mark.Last, e.mark.Waiting = seq, uint64(e.state.Stats().Waiting)
	if seq >= e.mark.First {
		e.mark.Accepted += countAccepted(entries)
	}
}

func countAccepted(entries []journal.Entry) (n uint64) {
	for i := range entries {
		if entries[i].Accept != nil {
			n++
		}
	}
	return n
}

// keepMark stores the mark beside the log.
func (e *Engine) keepMark(durable bool) error {
	keeper, ok := e.log.(wal.Keeper)
	if !ok {
		return nil
	}
	e.mu.Lock()
	e.mark.At = stamp(e.clock.Now())
	mark := e.mark
	e.mu.Unlock()
	ctx, cancel := context.WithTimeout(e.ctx, e.opt.IOTimeout)
	defer cancel()
	return keeper.Keep(ctx, mark, durable)
}

// markPurge moves the mark's first message before the log is purged up to there, so that messages that are
// missing at the log's beginning later can be recognized as lost.
func (e *Engine) markPurge(oldest []written, next uint64) error {
	e.mu.Lock()
	for _, m := range oldest {
		if m.seq >= e.mark.First && m.seq < next {
			e.mark.Dropped += countAccepted(m.entries)
		}
	}
	e.mark.First = next
	e.mu.Unlock()
	return e.keepMark(true)
}
