package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
	"github.com/travishook/travishook/internal/queue/wal"
)

// A log can come back with less than was stored: its disk lost data, or an older copy was restored. The
// engine continues with the rest and records the loss in the journal. docs/operations/recovery.md describes
// each case.

// maxGaps bounds the size of a loss: more gaps are joined with the last one.
const maxGaps = 500

// findings collects what was missing or unreadable while the log was read, until noteFindings records it.
type findings struct {
	gaps     []queue.Gap
	messages uint64
	entries  uint64
}

func (f *findings) add(g queue.Gap) {
	f.messages += g.Last - g.First + 1
	if n := len(f.gaps); n == maxGaps {
		f.gaps[n-1].Last = g.Last
		return
	}
	f.gaps = append(f.gaps, g)
}

// noteSkipped notes the messages between the last that was applied and seq as missing, unless another process
// has just purged them.
func (e *Engine) noteSkipped(ctx context.Context, seq uint64) error {
	if seq <= e.last+1 { // less if the log has grown since its extent was read
		return nil
	}
	x, err := e.log.Extent(ctx)
	if err != nil {
		return err
	}
	if x.First > e.last+1 {
		return wal.ErrGone
	}
	for from := e.last + 1; from < seq; {
		missed := e.state.Missed(from)
		to := from
		for to+1 < seq && e.state.Missed(to+1) == missed {
			to++
		}
		if !missed {
			e.found.add(queue.Gap{First: from, Last: to})
		}
		from = to + 1
	}
	e.last = seq - 1
	return nil
}

// countUnreadable counts the entries of a new message that do not decode, and keeps a copy of each beside the
// log.
func (e *Engine) countUnreadable(seq uint64, entries []journal.Entry) {
	for i := range entries {
		if err := entries[i].Unreadable(); err != nil {
			e.found.entries++
			e.logger.Error(err, "journal entry does not decode and is skipped", "message", seq, "entry", i, "bytes", len(entries[i].Raw()))
			if aside, ok := e.log.(wal.Keeper); ok {
				if err := aside.SetAside(fmt.Sprintf("entry-%d-%d", seq, i), entries[i].Raw()); err != nil {
					e.logger.Error(err, "journal entry could not be set aside", "message", seq, "entry", i)
				}
			}
		}
	}
}

// noteFindings records the findings as a loss.
func (e *Engine) noteFindings() {
	f := e.found
	e.found = findings{}
	// A loss that was recorded before is in the journal behind the gap that it describes.
	known := func(g queue.Gap) bool { return e.state.Missed(g.First) && e.state.Missed(g.Last) }
	for _, g := range f.gaps {
		if known(g) {
			f.messages -= g.Last - g.First + 1
		}
	}
	f.gaps = slices.DeleteFunc(f.gaps, known)
	if len(f.gaps) == 0 && f.entries == 0 {
		return
	}
	cause := "messages of the journal are damaged or missing"
	if len(f.gaps) == 0 {
		cause = "entries of the journal do not decode"
	}
	e.note(queue.Loss{
		Messages: f.messages, Gaps: f.gaps, Entries: f.entries, Cause: cause,
		Events: e.missingEvents(), Marked: e.opened.At, Waited: e.opened.Waiting,
	})
}

// missingEvents returns how many of the events that the mark counts as accepted were not read. From then on
// they count as dropped.
func (e *Engine) missingEvents() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.opened.Accepted <= e.mark.Accepted {
		return 0
	}
	missing := e.opened.Accepted - e.mark.Accepted
	e.mark.Accepted += missing
	e.mark.Dropped += missing
	return missing
}

// shortGrace is how long a log may end before the last applied message until that counts as a loss: while a
// NATS cluster elects a leader, a server may lag behind.
const shortGrace = time.Minute

// checkEnd compares the log's end with the last applied message. A log that stays too short has lost data and
// is read again from its beginning.
func (e *Engine) checkEnd(x wal.Extent) error {
	if x.Last >= e.last {
		e.short = time.Time{}
		return nil
	}
	if e.short.IsZero() {
		e.short = e.clock.Now()
	}
	if e.clock.Since(e.short) < shortGrace {
		return fmt.Errorf("the journal ends at message %d, and message %d was stored before: its disk lost data, or an older copy was restored", x.Last, e.last)
	}
	e.note(queue.Loss{
		Messages: e.last - x.Last, Waited: e.HighWater().Waiting, Marked: stamp(e.clock.Now()),
		Cause: "the journal went back to an earlier state while the store was open",
	})
	e.startOver(x.First)
	return nil
}

// noteMissing records missing messages that are in no known gap: the log's server lost them while it was
// running.
func (e *Engine) noteMissing(x wal.Extent) {
	e.mu.Lock()
	missing := x.Missing()
	missing -= min(missing, e.knownMissing(x.First, x.Last))
	fresh := missing - min(missing, e.missing)
	e.missing = missing
	e.mu.Unlock()
	if fresh > 0 {
		e.note(queue.Loss{Messages: fresh, Cause: "messages of the journal were damaged or removed while the store was open"})
	}
}

// knownMissing returns how many messages are in recorded gaps. The caller holds the lock.
func (e *Engine) knownMissing(first, last uint64) uint64 {
	n := e.state.MissedBetween(first, last)
	for i := range e.unstored {
		n += e.unstored[i].Between(first, last)
	}
	return n
}

// noteUnreadable records stored messages that can no longer be read, unless they are in a known gap.
func (e *Engine) noteUnreadable(first, last uint64) {
	e.mu.Lock()
	unknown := last - first + 1
	unknown -= min(unknown, e.knownMissing(first, last))
	counted := min(unknown, e.missing) // noteMissing has recorded them
	e.missing -= counted
	e.mu.Unlock()
	if unknown > 0 {
		e.note(queue.Loss{
			Messages: unknown - counted, Gaps: []queue.Gap{{First: first, Last: last}},
			Cause: "messages of the journal can no longer be read",
		})
	}
}

// note logs a loss and stores it in the journal.
func (e *Engine) note(l queue.Loss) {
	l.At = stamp(e.clock.Now())
	e.logger.Error(errors.New(l.String()), "store lost data and continues with the rest",
		"events", l.Events, "messages", l.Messages, "entries", l.Entries, "gaps", l.Gaps)
	e.mu.Lock()
	e.unstored = append(e.unstored, l)
	e.mu.Unlock()
	e.storeLosses()
}

// storeLosses submits the losses that are not in the journal yet. If that fails, the next pulse retries.
func (e *Engine) storeLosses() {
	e.mu.Lock()
	losses := slices.Clone(e.unstored)
	e.mu.Unlock()
	for i := range losses {
		l := &losses[i]
		e.storeLater(journal.Entry{Loss: l}, func() {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.unstored = slices.DeleteFunc(e.unstored, func(u queue.Loss) bool { return u.Same(l) })
		})
	}
}

// storeLater submits an entry without waiting and calls done when it is stored.
func (e *Engine) storeLater(entry journal.Entry, done func()) {
	r, err := newRequest(entry)
	if err != nil {
		e.logger.Error(err, "entry cannot be stored")
		return
	}
	r.after = func() {
		if r.err == nil {
			done()
		}
	}
	_ = e.submit(r) // if the store is unavailable, the next pulse retries
}

// Losses returns the losses of the last seven days, oldest first.
func (e *Engine) Losses() []queue.Loss {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append(e.state.Losses(e.clock.Now()), e.unstored...)
}

// compareKnown compares the log with the mark that is kept outside the volume, and so detects a volume that was
// replaced or restored from a backup.
func (e *Engine) compareKnown() {
	k := e.opt.Known
	if k == nil || k.Journal == "" || e.alreadyNoted(k.At) {
		return
	}
	loss := queue.Loss{Marked: k.At, Waited: k.Waiting}
	switch {
	case k.Journal != e.mark.Journal:
		loss.Cause = "the store is not the one that was used before: its volume was replaced or emptied, or the cluster's stream was deleted"
		loss.Messages, loss.Events = k.Last+1-k.First, k.Accepted-k.Dropped
	case k.Last > e.last:
		loss.Cause = "the store is an older copy of itself, as of " + e.opened.At.UTC().Format(time.RFC3339)
		loss.Messages = k.Last - e.last
		loss.Events = max(k.Accepted, e.mark.Accepted) - e.mark.Accepted
	default:
		return
	}
	e.note(loss)
}

// alreadyNoted reports whether the loss that a mark of that time reveals was recorded before.
func (e *Engine) alreadyNoted(marked time.Time) bool {
	return slices.ContainsFunc(e.Losses(), func(l queue.Loss) bool { return l.Marked.Equal(marked) })
}
