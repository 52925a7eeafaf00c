package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

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
	// carried are the bytes that it has appended so far, or that the last one did, and garbage what
	// was left at its end, as far as that is known. Another is worth while when either has grown.
	carried, garbage int64
	ended            uint64 // last message when the last one ended
}

// trim takes a step in making the log smaller, if that is worth it, and tells whether there is
// more to do. It runs in the committer, so nothing is stored between what is carried and its
// application.
func (e *Engine) trim() bool {
	if e.isClosing() || e.ctx.Err() != nil || !e.leads() || e.pass.until == 0 && !e.worthTrimming() {
		return false
	}
	if e.pass.until == 0 {
		e.pass.until, e.pass.carried = e.last, 0
	}
	err := e.step()
	switch {
	case e.overtaken(err):
		return true // once more, with what the other wrote
	case errors.Is(err, queue.ErrFull):
		e.logger.Error(err, "Journal has no room left to be trimmed; raise the store's limit")
		e.pass.carried = e.size()
	case err != nil:
		_ = e.fail(fmt.Errorf("trim journal: %w", err))
		e.heal()
	case e.first <= e.pass.until:
		return true
	}
	e.pass.until, e.pass.ended, e.pass.garbage = 0, e.last, e.garbage()
	return false
}

// isClosing: what is not trimmed is for the next one, and others wait for this replica's leases.
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

// worthTrimming: when more than half of the log is garbage, as far as that is known, and the log is
// large or has many messages; near the limit an eighth will do; and beyond it, before there is no
// room for outcomes any more. A pass that has just ended left what it could not help.
func (e *Engine) worthTrimming() bool {
	total, garbage, limit := e.size(), e.garbage(), e.opt.MaxBytes
	grown := func(by int64) bool { return total >= e.pass.carried+by || garbage >= e.pass.garbage+by }
	spare := reserve(limit)
	if total > limit+spare/2 {
		return grown(spare / 8)
	}
	if e.last > tooMany+max(e.pass.ended, e.first) && garbage > total/2 {
		return true
	}
	floor := min(trimFloor, limit/16)
	if garbage < floor || !grown(floor/2) {
		return false
	}
	return garbage > total/2 || total > limit/4*3 && garbage > total/8
}

// step carries what is alive of some messages at the log's beginning, and drops them.
func (e *Engine) step() error {
	ctx, cancel := context.WithTimeout(e.ctx, e.opt.ioTimeout)
	defer cancel()
	oldest, err := e.oldest(ctx)
	if err != nil || len(oldest) == 0 { // others have dropped them
		return err
	}
	next, err := e.carry(ctx, oldest)
	if err != nil {
		return err
	}
	if err := e.log.purge(ctx, next); err != nil {
		return err
	}
	e.first = next
	if err := e.measure(ctx); err != nil {
		return err
	}
	return e.announce()
}

// written is a message of the log.
type written struct {
	seq     uint64
	entries []journal.Entry
}

// errEnough ends reading.
var errEnough = errors.New("enough is read")

// oldest reads the first messages.
func (e *Engine) oldest(ctx context.Context) (oldest []written, err error) {
	read, last := 0, min(e.pass.until, e.first+stepMessages-1)
	err = readEach(ctx, e.log, e.first, last, func(seq uint64, data []byte) error {
		entries, err := journal.Split(data)
		if err != nil {
			return fmt.Errorf("message %d: %w", seq, err)
		}
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

// carry appends what is alive of some of these messages, and returns the first message that must
// stay. Where another replica appends meanwhile, it says anew what is alive after that, and asks the
// others to wait for that moment: working it out takes so long that one of them would always be first.
func (e *Engine) carry(ctx context.Context, oldest []written) (next uint64, err error) {
	for {
		entries, next, err := e.alive(oldest)
		if err == nil {
			err = e.appendAll(entries)
		}
		if e.peers == nil || !errors.Is(err, errConflict) || ctx.Err() != nil {
			return next, err
		}
		if err := e.takeTurn(ctx); err != nil {
			return 0, err
		}
	}
}

// takeTurn returns when the others know that it is this replica's turn to append.
func (e *Engine) takeTurn(ctx context.Context) error {
	for {
		if err := e.follow(); err != nil {
			return err
		}
		e.peers.untold = true
		entries, err := e.withNews(nil)
		if err != nil {
			return err
		}
		entries[0].Trimmed.Turn = true
		if err := entries[0].Encode(); err != nil {
			return err
		}
		if err := e.append(entries); !errors.Is(err, errConflict) || ctx.Err() != nil {
			e.peers.turn = time.Time{} // which is for the others
			return err
		}
	}
}

// alive gathers what is alive of the first of these messages, as far as is good to append at once,
// and tells where it stopped.
func (e *Engine) alive(oldest []written) (entries []journal.Entry, next uint64, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	carrier := e.state.Carry(e.sure())
	for _, m := range oldest {
		if carrier.Size() >= stepCarry {
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

// announce tells the other replicas how large the log is now: they would take it for as large as
// all that was ever stored. If another one writes just then, it goes with what is appended next.
func (e *Engine) announce() error {
	if e.peers == nil {
		return nil
	}
	e.peers.untold = true
	entries, err := e.withNews(nil)
	if err != nil {
		return err
	}
	if err := e.append(entries); !errors.Is(err, errConflict) {
		return err
	}
	return nil
}

// withNews adds to what is appended what the others have not been told of yet.
func (e *Engine) withNews(entries []journal.Entry) ([]journal.Entry, error) {
	if e.peers == nil || !e.peers.untold {
		return entries, nil
	}
	news := journal.Entry{Trimmed: &journal.Trimmed{First: e.first, Bytes: e.size()}}
	if err := news.Encode(); err != nil {
		return nil, err
	}
	return append(entries, news), nil
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
