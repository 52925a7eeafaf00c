package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
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
)

// request is an entry to be stored.
type request struct {
	entry journal.Entry
	after func() // called when it has ended, before wait returns
	done  chan struct{}
	err   error
	lease *lease // whose outcome it is, or nil
	// deferred is until when it may wait to share a sync with others; zero if it may not wait.
	deferred time.Time
	// decide makes the entry from the state right before it is stored; nil if the entry is fixed.
	decide   func() error
	failed   error      // why decide did not
	deciding sync.Mutex // held while decide runs
	left     error      // why the caller does not wait any more: decide, which uses its variables, is not called

	// remote is the engine's count when the entry was decided: the decision is valid while the count is
	// the same.
	remote uint64
	void   bool // nothing is left to store, because another process has stored it
	// comparison is what an acceptance is decided by; stale is set if the build's result has changed since.
	comparison
	stale     bool
	unmatched bool // only how the build ended is stored
}

// newEmptyRequest returns a request to store an empty message.
func newEmptyRequest() *request {
	return &request{after: func() {}, done: make(chan struct{})}
}

func newRequest(e journal.Entry) (*request, error) {
	if err := e.Encode(); err != nil {
		return nil, err
	}
	if e.Size() > maxEntry {
		return nil, fmt.Errorf("%w: it has %d bytes; the limit is %d", queue.ErrTooLarge, e.Size(), maxEntry)
	}
	return &request{entry: e, after: func() {}, done: make(chan struct{})}, nil
}

// store stores an entry and waits until it is stored.
func (e *Engine) store(ctx context.Context, entry journal.Entry) error {
	r, err := newRequest(entry)
	if err != nil {
		return err
	}
	if err := e.submit(r); err != nil {
		return err
	}
	return r.wait(ctx)
}

// submit passes requests to the committer. After an error, none of them will be stored.
func (e *Engine) submit(requests ...*request) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.refusal(); err != nil {
		return err
	}
	if requests[0].entry.Accept != nil {
		e.acceptedAt = time.Now()
	}
	e.pending = append(e.pending, requests...)
	e.signal(e.work)
	return nil
}

// wait returns the request's error. Until the request has ended, which may be after ctx, its fields are the
// committer's; but decide is not called any more when wait has returned.
func (r *request) wait(ctx context.Context) error {
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		r.deciding.Lock()
		defer r.deciding.Unlock()
		r.left = ctx.Err()
		return r.left
	}
}

// decideNow makes the entry, unless the caller has left.
func (r *request) decideNow() error {
	r.deciding.Lock()
	defer r.deciding.Unlock()
	if r.left != nil {
		return r.left
	}
	return r.decide()
}

func (r *request) finish(err error) {
	r.err = err
	r.after()
	close(r.done)
}

// gather takes the next batch from what is pending. It yields once, so that callers that were just
// answered can join this batch and share its sync. Where all that is pending may be deferred, it
// returns how long to wait for more.
func (e *Engine) gather() (batch []*request, wait time.Duration) {
	runtime.Gosched()
	e.mu.Lock()
	defer e.mu.Unlock()
	n, size, deferred := 0, 0, true
	for n < len(e.pending) {
		size += e.pending[n].entry.Size() + 1
		if n > 0 && size > batchBytes {
			deferred = false
			break
		}
		deferred = deferred && !e.pending[n].deferred.IsZero()
		n++
	}
	if n > 0 && deferred {
		if wait = time.Until(e.pending[0].deferred); wait > 0 {
			return nil, wait
		}
	}
	batch = e.pending[:n:n]
	e.pending = e.pending[n:]
	return batch, 0
}

// undefer makes all pending requests due at once.
func (e *Engine) undefer() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.pending {
		r.deferred = time.Time{}
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
		e.awaitRecovery()
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

// append stores entries in one message and applies it. If it is unknown whether the message was stored,
// nothing more is appended until awaitRecovery has found out.
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

// applyRemote applies a message that this process did not append, or whose append was not confirmed.
func (e *Engine) applyRemote(seq uint64, entries []journal.Entry, size int) {
	e.mu.Lock()
	e.remote++
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
	reported := map[journal.Route]bool{}
	for _, r := range effects.Routes {
		if !reported[r] {
			reported[r] = true
			for _, watch := range watchers {
				watch(r.Namespace, r.Name)
			}
		}
	}
}
