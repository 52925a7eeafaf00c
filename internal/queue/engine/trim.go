package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
	"github.com/travishook/travishook/internal/queue/wal"
)

const (
	// trimFloor is the garbage in bytes below which trimming is not worthwhile.
	trimFloor = 32 << 20
	// manyMessages take seconds to read at the start, even if they are empty, as probes are.
	manyMessages = 50_000
	// Limits of one step of a pass, so that it hardly delays an event.
	stepMessages = 128
	stepRead     = 2 << 20
	stepCarry    = 256 << 10
	// minCarry is the least that is carried at once, after many conflicts.
	minCarry = 4 << 10
	// carryBytes limits a message of carried entries, because sending one of its deliveries later reads
	// the whole message.
	carryBytes = 64 << 10
)

// pass goes through the log once, from its beginning to its end at the start of the pass.
type pass struct {
	until uint64 // zero when there is none
	// carried are the bytes that this pass, or else the last one, has appended, and garbage the known
	// garbage at its end. Another pass is worthwhile when either has grown.
	carried, garbage int64
	ended            uint64    // last message when the last one ended
	budget           int       // bytes to carry at once
	ahead            []written // read by the last step, which did not come to them
}

// trim makes one step of a pass, if that is worthwhile, and reports whether there is more to do. It runs in
// the committer, so this process stores nothing between copying live entries and applying them.
func (e *Engine) trim() bool {
	if e.isClosing() || e.ctx.Err() != nil || !e.leads() || e.pass.until == 0 && !e.worthTrimming() {
		return false
	}
	if e.pass.until == 0 {
		e.pass.until, e.pass.carried, e.pass.budget = e.last, 0, stepCarry
	}
	if e.first > e.pass.until { // another process has come to its end, perhaps while this one did not lead
		e.endPass()
		return false
	}
	err := e.trimOnce()
	switch {
	case overtaken(err):
		if err := e.poll(); err != nil {
			e.failFollowing(err)
		}
		return true // again, with the other process's messages applied
	case errors.Is(err, queue.ErrFull):
		e.logger.Error(err, "journal has no room left to be trimmed; raise the store's limit")
		e.pass.carried = e.size()
	case err != nil:
		_ = e.fail(fmt.Errorf("trim journal: %w", err))
		e.awaitRecovery()
	case e.first <= e.pass.until:
		return true
	}
	e.endPass()
	return false
}

func (e *Engine) endPass() {
	e.pass.until, e.pass.ended, e.pass.garbage, e.pass.ahead = 0, e.last, e.garbage(), nil
}

// isClosing reports whether the engine is being closed. The next process then trims.
func (e *Engine) isClosing() bool {
	select {
	case <-e.closing:
		return true
	default:
		return false
	}
}

func (e *Engine) size() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.bytes
}

func (e *Engine) garbage() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.bytes - e.state.Stats().Live
}

// worthTrimming reports whether to begin a pass: if more than half of the log is garbage, and the log is
// large or has many messages; near the limit if an eighth is; at the limit, before events are refused because
// of garbage; and beyond it, while there is space for outcomes. Garbage that the last pass left does not count
// again.
func (e *Engine) worthTrimming() bool {
	total, garbage, limit := e.size(), e.garbage(), e.opt.MaxBytes
	grown := func(by int64) bool { return total >= e.pass.carried+by || garbage >= e.pass.garbage+by }
	spare := wal.Reserve(limit)
	if total > limit+spare/2 {
		return grown(spare / 8)
	}
	if e.last > manyMessages+max(e.pass.ended, e.first) && garbage > total/2 {
		return true
	}
	floor := min(trimFloor, limit/16)
	if garbage < floor || !grown(floor/2) {
		return false
	}
	return garbage > total/2 || total > limit/4*3 && garbage > total/8 || total > limit && garbage >= limit/16
}

// trimOnce carries the live entries of some messages at the log's beginning, and purges these messages.
func (e *Engine) trimOnce() error {
	ctx, cancel := context.WithTimeout(e.ctx, e.opt.IOTimeout)
	defer cancel()
	last := min(e.pass.until, e.first+stepMessages-1)
	oldest, err := e.readOldest(ctx, last)
	if err != nil {
		return err
	}
	next := last + 1
	if len(oldest) > 0 {
		next, err = e.carry(ctx, oldest)
	} else {
		err = e.noteGap(ctx, e.first, last)
	}
	if err == nil {
		err = e.markPurge(oldest, next)
	}
	if err != nil {
		return err
	}
	if err := e.log.Purge(ctx, next); err != nil {
		return err
	}
	e.setFirst(next)
	for len(oldest) > 0 && oldest[0].seq < next {
		oldest = oldest[1:]
	}
	e.pass.ahead = oldest
	return e.readExtent(ctx)
}

// setFirst notes which message is the log's first.
func (e *Engine) setFirst(seq uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.first = seq
}

// readOldest returns the first messages: those that the last step has read and left, if there are any.
// Reading them again would cost as much as is left, in each step.
func (e *Engine) readOldest(ctx context.Context, last uint64) ([]written, error) {
	ahead := e.pass.ahead
	e.pass.ahead = nil
	if len(ahead) > 0 && ahead[0].seq == e.first {
		return ahead, nil
	}
	return e.oldest(ctx, last)
}

// noteGap records unreadable messages as lost, unless another process has purged them.
func (e *Engine) noteGap(ctx context.Context, first, last uint64) error {
	x, err := e.log.Extent(ctx)
	switch {
	case err != nil:
		return err
	case x.First > first:
		return wal.ErrGone
	}
	e.noteUnreadable(first, last)
	return nil
}

// written is a message of the log.
type written struct {
	seq     uint64
	entries []journal.Entry
}

// errEnough ends reading.
var errEnough = errors.New("enough is read")

// oldest reads the first messages, up to one that cannot be read.
func (e *Engine) oldest(ctx context.Context, last uint64) (oldest []written, err error) {
	read, next := 0, e.first
	err = wal.ReadRange(ctx, e.log, e.first, last, func(seq uint64, data []byte) error {
		entries, err := journal.Split(data)
		if err != nil {
			return fmt.Errorf("message %d: %w", seq, err)
		}
		if seq > next {
			if err := e.noteGap(ctx, next, seq-1); err != nil {
				return err
			}
		}
		next = seq + 1
		oldest = append(oldest, written{seq, entries})
		if read += len(data); read >= stepRead {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return oldest, err
}

// carry appends the live entries of some of these messages, and returns the first message that must stay.
// Finding them takes a while, so other processes' appends would always be first: after each conflict the
// amount is halved, down to single messages.
func (e *Engine) carry(ctx context.Context, oldest []written) (next uint64, err error) {
	for {
		if err := e.drainUpdates(); err != nil {
			return 0, err
		}
		entries, next, err := e.liveEntries(oldest)
		if err == nil {
			err = e.appendAll(entries)
		}
		switch {
		case err == nil:
			e.pass.budget = min(2*e.pass.budget, stepCarry)
			return next, nil
		case !errors.Is(err, wal.ErrConflict) || ctx.Err() != nil:
			return 0, err
		}
		e.pass.budget = max(e.pass.budget/2, minCarry)
		if err := e.follow(); err != nil {
			return 0, err
		}
	}
}

// drainUpdates applies the updates that have arrived.
func (e *Engine) drainUpdates() error {
	for {
		select {
		case m := <-e.updates:
			if err := e.applyNext(m); err != nil {
				return e.fail(fmt.Errorf("follow journal: %w", err))
			}
		default:
			return nil
		}
	}
}

// liveEntries collects the live entries of the first of these messages, as many as should be appended at once, and
// returns where it stopped.
func (e *Engine) liveEntries(oldest []written) (entries []journal.Entry, next uint64, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	carrier := e.state.Carry(e.trustedNow())
	for _, m := range oldest {
		if carrier.Size() >= e.pass.budget {
			break
		}
		carrier.Add(m.seq, m.entries)
		next = m.seq + 1
	}
	entries, err = carrier.Entries()
	return entries, next, err
}

func (e *Engine) appendAll(entries []journal.Entry) error {
	for len(entries) > 0 {
		n := fitting(entries)
		if err := e.append(entries[:n]); err != nil {
			return err
		}
		e.pass.carried += messageOverhead
		for i := range entries[:n] {
			e.pass.carried += int64(entries[i].Size()) + 1
		}
		entries = entries[n:]
	}
	return nil
}

// fitting returns how many entries fit into the next message: at least one.
func fitting(entries []journal.Entry) int {
	size := 0
	for i := range entries {
		size += entries[i].Size() + 1
		if i > 0 && size > carryBytes {
			return i
		}
	}
	return len(entries)
}

// readExtent reads how large the log is, and which of its messages are missing.
func (e *Engine) readExtent(ctx context.Context) error {
	x, err := e.log.Extent(ctx)
	if err != nil {
		return err
	}
	e.mu.Lock()
	e.bytes = x.Bytes
	e.mu.Unlock()
	e.noteMissing(x)
	return nil
}
