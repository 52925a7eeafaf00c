package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
	"github.com/travishook/travishook/internal/queue/wal"
)

const (
	// maxEntry is the largest event that is accepted, with its targets: it must also fit into a message
	// when it is carried later.
	maxEntry = 5 << 20
	// batchBytes limits a batch: a larger one takes longer for all its callers and saves no sync.
	batchBytes = 256 << 10
	// messageOverhead is what a message takes in the log in addition to its data: subject, header, checksum.
	messageOverhead = 110
	// headerBytes is the part of the log's largest message that is left for headers.
	headerBytes = 1 << 10
	// expiryInterval is how often dead letters that were kept long enough are dropped.
	expiryInterval = 10 * time.Minute
	// expiryPause is the pause between two of many batches of them.
	expiryPause = time.Second
)

// run is the committer.
func (e *Engine) run() {
	defer close(e.stopped)
	expiry := e.clock.NewTimer(expiryInterval)
	defer expiry.Stop()
	pulse := e.clock.NewTimer(pulseInterval)
	defer pulse.Stop()
	poll := e.pollTicker()
	defer poll.Stop()
	for {
		e.pollIfDue()
		batch, wait := e.gather()
		if len(batch) > 0 {
			e.commit(batch)
		}
		if e.trim() || len(batch) > 0 {
			continue
		}
		select {
		case <-after(wait):
		case m := <-e.updates:
			e.applyUpdate(m)
		case <-poll.C:
		case <-e.work:
		case <-expiry.C():
			expiry.Reset(e.expire())
		case <-pulse.C():
			e.pulse()
			pulse.Reset(pulseInterval)
		case <-e.closing:
			e.undefer()
			if batch, _ = e.gather(); len(batch) == 0 {
				return
			}
			e.commit(batch)
		}
	}
}

// commit stores a batch in one message, with one sync.
func (e *Engine) commit(batch []*request) {
	err := e.write(batch)
	for _, r := range batch {
		if r.failed != nil {
			r.finish(r.failed)
			continue
		}
		r.finish(err)
	}
	if hangs := e.hangs; hangs != nil { // what was appended is stored
		e.hangs = nil
		err = e.fail(hangs)
	}
	switch {
	case errors.Is(err, queue.ErrUnavailable):
		e.heal()
	case err == nil:
		e.yield()
	}
}

// write appends a batch. If another process was faster, it applies that process's messages and decides
// again. A log that reports conflicts without a new message counts as one that does not answer.
func (e *Engine) write(batch []*request) error {
	known, moved := e.last, time.Now()
	for {
		entries, nothing, err := e.decide(batch)
		if err != nil || nothing {
			return err
		}
		if err = e.append(entries); !errors.Is(err, wal.ErrConflict) {
			return err
		}
		if err := e.follow(); err != nil {
			return err
		}
		switch {
		case e.last != known:
			known, moved = e.last, time.Now()
		case time.Since(moved) > e.opt.IOTimeout:
			return e.fail(fmt.Errorf("append to journal after message %d: %w", e.last, err))
		}
	}
}

// decide removes from the batch what others have stored meanwhile, and returns what to append. nothing is
// true if all of the batch is stored already.
func (e *Engine) decide(batch []*request) (entries []journal.Entry, nothing bool, err error) {
	nothing = true
	ends := ends{}
	for _, r := range batch {
		e.rejudge(r, ends)
		switch {
		case r.decide != nil:
			r.failed = r.decide()
			r.void = r.failed != nil || r.entry.Size() == 0
		case r.void:
		case r.entry.Accept != nil:
			if err := e.redecide(r); err != nil {
				return nil, false, err
			}
		case r.lease != nil:
			r.void = e.overruled(r)
		}
		nothing = nothing && r.void
		if r.entry.Size() > 0 && !r.void {
			entries = append(entries, r.entry)
		}
	}
	return entries, nothing, nil
}

// append stores entries in one message and applies it. If it is unknown whether the message was stored,
// nothing more is appended until heal has found out.
func (e *Engine) append(entries []journal.Entry) error {
	ctx, cancel := context.WithTimeout(e.ctx, e.opt.IOTimeout)
	defer cancel()
	data := journal.Join(entries)
	seq, err := e.log.Append(ctx, data, e.last)
	switch {
	case errors.Is(err, wal.ErrConflict):
		return err
	case errors.Is(err, wal.ErrFull):
		return fmt.Errorf("%w: %w", queue.ErrFull, err)
	case err != nil:
		return e.fail(fmt.Errorf("append to journal: %w", err))
	}
	e.apply(seq, entries, len(data))
	err = e.keepMark(false)
	switch {
	case errors.Is(err, wal.ErrUnanswered):
		e.hangs = err
	case err != nil:
		e.logger.V(1).Info("high-water mark is not kept", "reason", err.Error())
	}
	return nil
}

// applyForeign applies a message that this process did not append, or whose append was not confirmed.
func (e *Engine) applyForeign(seq uint64, entries []journal.Entry, size int) {
	e.mu.Lock()
	e.foreign++
	e.mu.Unlock()
	e.apply(seq, entries, size)
}

// apply adds a stored message to the state, and notifies all that wait for its changes.
func (e *Engine) apply(seq uint64, entries []journal.Entry, size int) {
	e.mu.Lock()
	now := e.now() // notes a clock that is ahead, so that setting it back corrects what follows
	effects := e.state.Apply(seq, entries)
	for i := range entries {
		e.inherited = e.inherited || fromTheFuture(&entries[i], now)
		if a := entries[i].Accept; a != nil {
			e.events.add(journal.Position{Seq: seq, Index: i}, &a.Event, entries[i].Size())
		}
	}
	for _, id := range effects.Settled {
		e.endLease(id)
	}
	e.bytes += int64(size + messageOverhead)
	e.stored = e.time.passed()
	e.advance(seq, entries)
	watchers, enders := e.watchers, e.enders
	e.mu.Unlock()
	e.last = seq
	for i := range entries {
		if p := entries[i].Put; p != nil {
			e.opt.Shards.Applied(p)
		}
	}
	e.signalLanes()
	for _, end := range enders {
		for _, s := range effects.Ended {
			end(s)
		}
	}
	told := map[journal.Route]bool{}
	for _, r := range effects.Routes {
		if !told[r] {
			told[r] = true
			for _, watch := range watchers {
				watch(r.Namespace, r.Name)
			}
		}
	}
}

// expire drops the dead letters that were kept long enough.
//
// It returns when to look again.
func (e *Engine) expire() time.Duration {
	e.mu.Lock()
	now := e.trustedNow()
	if !e.leads() {
		e.state.Tidy(now)
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

// stamp returns a time as it is read from the log.
func stamp(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Round(0)
}
