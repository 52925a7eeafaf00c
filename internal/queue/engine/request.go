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
	// deferred is until when it may wait for others to share its sync; zero if it may not.
	deferred time.Time
	// decide makes the entry anew from the state right before it is stored; nil where it is made.
	decide func() error
	failed error // why decide did not

	// foreign is the engine's count when the entry was decided: while it is the same, the decision
	// stands.
	foreign uint64
	void    bool // nothing is left to store, for another process has
}

// newEmptyRequest stores an empty message.
func newEmptyRequest() *request {
	return &request{after: func() {}, done: make(chan struct{})}
}

func newRequest(e journal.Entry) (*request, error) {
	if err := e.Encode(); err != nil {
		return nil, err
	}
	if e.Size() > maxEntry {
		return nil, fmt.Errorf("%w: it takes %d bytes, and the most is %d", queue.ErrTooLarge, e.Size(), maxEntry)
	}
	return &request{entry: e, after: func() {}, done: make(chan struct{})}, nil
}

// store has e stored, and waits until it is.
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

// submit hands requests to the committer. After an error, none of them will be stored.
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

// after is a channel that fires after d, or never where d is zero.
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

// undefer has all that is pending stored at once.
func (e *Engine) undefer() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.pending {
		r.deferred = time.Time{}
	}
}
