package jetstream

import (
	"context"
	"errors"
	"fmt"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
)

const (
	// trimFloor is the garbage that is never worth the work.
	trimFloor = 32 << 20
	// tooMany messages take a start seconds to read, however small they are: a quiet store is tried
	// by empty ones.
	tooMany = 50_000
	// A step of a pass reads no more than that, and carries no more, so that those who store
	// an event meanwhile hardly notice.
	stepMessages = 128
	stepRead     = 2 << 20
	stepCarry    = 256 << 10
	// carryBytes ends a message of carried entries: to send one of its deliveries later, the
	// whole message must be read.
	carryBytes = 64 << 10
)

// pass is one way through the log, from its beginning to what was its end when it began.
type pass struct {
	until uint64 // zero when there is none
	after int64  // bytes in the log when the last one ended
	ended uint64 // the last message then
}

// trim takes a step in making the log smaller, if that is worth it, and tells whether there is
// more to do. It runs in the committer, so nothing is stored between what is carried and its
// application.
func (e *Engine) trim() bool {
	if e.ctx.Err() != nil || !e.leads() || e.pass.until == 0 && !e.worthTrimming() {
		return false
	}
	if e.pass.until == 0 {
		e.pass.until = e.last
	}
	err := e.step()
	switch {
	case e.overtaken(err):
		return true // once more, with what the other wrote
	case errors.Is(err, queue.ErrFull):
		e.logger.Error(err, "Journal has no room left to be trimmed; raise the store's limit")
	case err != nil:
		_ = e.fail(fmt.Errorf("trim journal: %w", err))
		e.heal()
	case e.first <= e.pass.until:
		return true
	}
	e.pass = pass{after: e.size(), ended: e.last}
	return false
}

func (e *Engine) size() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.bytes
}

// worthTrimming: when more than half of the log is garbage, as far as that is known, and the log is
// large or has many messages; near the limit an eighth will do; and beyond it, before there is no
// room for outcomes any more.
func (e *Engine) worthTrimming() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	total, limit := e.bytes, e.opt.MaxBytes
	spare := reserve(limit)
	if total > limit+spare/2 {
		return total > e.pass.after+spare/8
	}
	garbage := total - e.state.Stats().Live
	if e.last > tooMany+max(e.pass.ended, e.first) && garbage > total/2 {
		return true
	}
	floor := min(trimFloor, limit/16)
	if garbage < floor || total < e.pass.after+floor/2 {
		return false
	}
	return garbage > total/2 || total > limit/4*3 && garbage > total/8
}

// step carries what is alive of some messages at the log's beginning, and drops them.
func (e *Engine) step() error {
	ctx, cancel := context.WithTimeout(e.ctx, e.opt.ioTimeout)
	defer cancel()
	carrier, next, err := e.collect(ctx)
	if err != nil {
		return err
	}
	entries, err := carrier.Entries()
	if err != nil {
		return err
	}
	for len(entries) > 0 {
		n := fitting(entries)
		if err := e.append(entries[:n]); err != nil {
			return err
		}
		entries = entries[n:]
	}
	if err := e.log.purge(ctx, next); err != nil {
		return err
	}
	e.first = next
	return e.measure(ctx)
}

// collect reads the first messages.
func (e *Engine) collect(ctx context.Context) (*journal.Carrier, uint64, error) {
	e.mu.Lock()
	carrier := e.state.Carry(e.sure())
	e.mu.Unlock()
	read, next := 0, e.first
	for ; next <= e.pass.until && next < e.first+stepMessages && read < stepRead && carrier.Size() < stepCarry; next++ {
		data, err := e.log.read(ctx, next)
		if err != nil {
			return nil, 0, fmt.Errorf("message %d: %w", next, err)
		}
		entries, err := journal.Split(data)
		if err != nil {
			return nil, 0, fmt.Errorf("message %d: %w", next, err)
		}
		read += len(data)
		e.mu.Lock()
		carrier.Add(next, entries)
		e.mu.Unlock()
	}
	return carrier, next, nil
}

// fitting is how many entries go into the next message: at least one.
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

func (e *Engine) measure(ctx context.Context) error {
	x, err := e.log.extent(ctx)
	if err != nil {
		return err
	}
	e.mu.Lock()
	e.bytes = x.bytes
	e.mu.Unlock()
	return nil
}
