package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
	"github.com/travishook/travishook/internal/queue/wal"
)

// A log can come back with less than was stored: its disk lost data, or an older copy was restored. The
// engine goes on with what there is, and notes in the journal what is missing. docs/operations/recovery.md
// describes each case.

// maxGaps bounds the size of a loss: more gaps are joined with the last one.
const maxGaps = 500

// findings are what reading the log found missing, until it is noted.
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

// reach notes the messages between the last that was applied and seq as missing, unless another process
// has just purged them.
func (e *Engine) reach(ctx context.Context, seq uint64) error {
	if seq == e.last+1 {
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

// countUnreadable keeps aside what does not decode of a message that is read for the first time.
func (e *Engine) countUnreadable(seq uint64, entries []journal.Entry) {
	for i := range entries {
		if err := entries[i].Unreadable(); err != nil {
			e.found.entries++
			e.logger.Error(err, "journal entry does not decode and is passed over", "message", seq, "entry", i, "bytes", len(entries[i].Raw()))
			if aside, ok := e.log.(wal.Keeper); ok {
				if err := aside.SetAside(fmt.Sprintf("entry-%d-%d", seq, i), entries[i].Raw()); err != nil {
					e.logger.Error(err, "journal entry is not kept", "message", seq, "entry", i)
				}
			}
		}
	}
}

// noteFindings turns what was found missing into a loss.
func (e *Engine) noteFindings() {
	f := e.found
	e.found = findings{}
	// What is known by now was noted later in the journal than where it was missed.
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

// missingEvents is how many events were accepted by the mark and are not among what was read. They count
// as dropped from then on.
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

// shortPatience is how long a log that ends before what was applied is given to come back with all of it:
// of a cluster that elects, some server may be behind.
const shortPatience = time.Minute

// checkEnd compares the log's end with what was applied. One that stays too short has lost data, and is
// read anew.
func (e *Engine) checkEnd(x wal.Extent) error {
	if x.Last >= e.last {
		e.short = time.Time{}
		return nil
	}
	if e.short.IsZero() {
		e.short = e.clock.Now()
	}
	if e.clock.Since(e.short) < shortPatience {
		return fmt.Errorf("the journal ends at message %d, and message %d was stored before: its disk lost data, or an older copy was restored", x.Last, e.last)
	}
	e.note(queue.Loss{
		Messages: e.last - x.Last, Waited: e.HighWater().Waiting, Marked: stamp(e.clock.Now()),
		Cause: "the journal went back to an earlier state while the store was open",
	})
	e.startOver(x.First)
	return nil
}

// noteMissing reports messages that are missing and in no gap that is known: the log's server has lost
// them while it ran.
func (e *Engine) noteMissing(x wal.Extent) {
	e.mu.Lock()
	missing := x.Missing()
	missing -= min(missing, e.knownMissing(x.First, x.Last))
	fresh := missing - min(missing, e.missing)
	e.missing = missing
	e.mu.Unlock()
	if fresh > 0 {
		e.note(queue.Loss{Messages: fresh, Cause: "messages of the journal were damaged while the store was open"})
	}
}

// knownMissing is how many messages are in gaps that were noted. The caller holds the lock.
func (e *Engine) knownMissing(first, last uint64) uint64 {
	n := e.state.MissedBetween(first, last)
	for i := range e.unstored {
		n += e.unstored[i].Between(first, last)
	}
	return n
}

// noteUnreadable reports messages that were stored and cannot be read any more, unless they are known.
func (e *Engine) noteUnreadable(first, last uint64) {
	e.mu.Lock()
	unknown := last - first + 1
	unknown -= min(unknown, e.knownMissing(first, last))
	counted := min(unknown, e.missing) // by noteMissing
	e.missing -= counted
	e.mu.Unlock()
	if unknown > 0 {
		e.note(queue.Loss{
			Messages: unknown - counted, Gaps: []queue.Gap{{First: first, Last: last}},
			Cause: "messages of the journal cannot be read any more",
		})
	}
}

// note reports a loss and has it stored.
func (e *Engine) note(l queue.Loss) {
	l.At = stamp(e.clock.Now())
	e.logger.Error(errors.New(l.String()), "store has lost data and goes on with the rest",
		"events", l.Events, "messages", l.Messages, "entries", l.Entries, "gaps", l.Gaps)
	e.mu.Lock()
	e.unstored = append(e.unstored, l)
	e.mu.Unlock()
	e.storeLosses()
}

// storeLosses has the losses stored that are not in the journal yet. What cannot be stored now is tried
// again with the next pulse.
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

// storeLater has an entry stored without waiting for it. It calls done once it is.
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
	_ = e.submit(r) // while the store is down, the next pulse does it
}

// Losses returns what was found missing in the last seven days, oldest first.
func (e *Engine) Losses() []queue.Loss {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append(e.state.Losses(e.clock.Now()), e.unstored...)
}

// HighWater is how far the journal has come. Events are not counted where several processes append, as
// each knows only since when it reads.
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

// The journal's identity is in the journal itself, so that all who share it know the same.
const identityBucket, identityKey = "journal", "identity"

// openMark takes up the mark that was kept beside the log.
func (e *Engine) openMark(x wal.Extent) {
	e.mark = wal.HighWater{First: x.First}
	if keeper, ok := e.log.(wal.Keeper); ok {
		if kept, found := keeper.HighWater(); found {
			e.mark, e.opened = kept, kept
		} else if x.Last > 0 {
			e.logger.Info("high-water mark beside the journal is missing; what was lost before cannot be noticed", "last", x.Last)
		}
	}
	e.mark.Accepted = e.mark.Dropped
}

// identify gives a new journal its identity, and one that has lost it the old one.
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

// advance moves the mark to a message that was applied. The caller holds the lock.
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
	return keeper.Keep(mark, durable)
}

// aboutToPurge moves the mark's beginning before the log's is dropped, so that what is missing at the
// beginning later is known to be missing.
func (e *Engine) aboutToPurge(oldest []written, next uint64) error {
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

// compareKnown compares the log with the mark that was kept elsewhere, which a volume that was
// replaced or restored from a backup does not contain.
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

// alreadyNoted reports whether a loss that the mark of that time shows is known.
func (e *Engine) alreadyNoted(marked time.Time) bool {
	return slices.ContainsFunc(e.Losses(), func(l queue.Loss) bool { return l.Marked.Equal(marked) })
}
