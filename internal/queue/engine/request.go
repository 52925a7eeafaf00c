package engine

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
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
	decide func() error
	failed error // why decide did not

	// foreign is the engine's count when the entry was decided: the decision is valid while the count is
	// the same.
	foreign uint64
	void    bool // nothing is left to store, because another process has stored it
	// judgement is what an acceptance was decided by, and stale is set if that has changed since.
	judgement
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

func (r *request) wait(ctx context.Context) error {
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *request) finish(err error) {
	r.err = err
	r.after()
	close(r.done)
}

// after returns a channel that fires after d, or never if d is zero.
func after(d time.Duration) <-chan time.Time {
	if d <= 0 {
		return nil
	}
	return time.After(d)
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
