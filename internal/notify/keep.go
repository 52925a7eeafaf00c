package notify

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
)

// lasting is how long a session must last to reset the backoff.
const lasting = time.Minute

// Session is a login on a connection that is kept.
type Session interface {
	comparable
	// Run serves the session until it ends or ctx does, which logs out. It returns why the session ended.
	Run(ctx context.Context) error
	// Ended reports whether the session has ended.
	Ended() bool
}

// ErrEndsSoon is the error of a session that is opened while another attempt is not due, because sessions end soon
// after the login.
var ErrEndsSoon = errors.New("the server keeps ending the connection soon after the login: it is tried again later")

// ErrClosed is the error of a session that is opened while the account is being closed.
var ErrClosed = errors.New("the account is being closed")

// KeepOptions are the timeouts of a Keeper.
type KeepOptions struct {
	// Open limits the time until a session is open, and ErrOpen is the error after it.
	Open    time.Duration
	ErrOpen error
	// Backoff is the minimum time between two attempts to open one; it doubles with each, up to MaxBackoff, until
	// ResetBackoff or a session that lasts.
	Backoff, MaxBackoff time.Duration
	Log                 logr.Logger
}

// Keeper holds the session of an account: it is opened when it is first asked for, and again when it is
// asked for after it ended.
type Keeper[S Session] struct {
	options KeepOptions
	open    func(context.Context) (S, error)

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	current *attempt[S]   // the latest, possibly under way
	backoff time.Duration // after the next attempt
}

// attempt is one attempt to open a session, and the session.
type attempt[S Session] struct {
	done    chan struct{} // closed when the rest is set
	session S
	err     error
	tried   time.Time // when the attempt succeeded or failed
	next    time.Time // when another attempt may follow
}

// Keep returns a Keeper of the sessions that open opens.
func Keep[S Session](open func(context.Context) (S, error), o KeepOptions) *Keeper[S] {
	ctx, cancel := context.WithCancel(context.Background()) //nolint:gosec // Close calls it
	return &Keeper[S]{options: o, open: open, ctx: ctx, cancel: cancel, backoff: o.Backoff}
}

// Session returns the session, or opens one. All callers share one attempt, and its error until the
// backoff is over.
func (k *Keeper[S]) Session(ctx context.Context) (S, error) {
	a := k.attempt()
	select {
	case <-a.done:
		return a.session, a.err
	case <-ctx.Done():
		var none S
		return none, ctx.Err()
	}
}

// Connected reports whether a session is open. It does not block.
func (k *Keeper[S]) Connected() bool {
	k.mu.Lock()
	last := k.current
	k.mu.Unlock()
	if last == nil {
		return false
	}
	select {
	case <-last.done:
		return last.err == nil && !last.session.Ended()
	default:
		return false
	}
}

// Close ends the session.
func (k *Keeper[S]) Close() error {
	k.mu.Lock()
	k.cancel() // no attempt begins any more
	k.mu.Unlock()
	k.running.Wait()
	return nil
}

// attempt returns the latest attempt while its session or its backoff lasts, else a new one.
func (k *Keeper[S]) attempt() *attempt[S] {
	k.mu.Lock()
	defer k.mu.Unlock()
	last := k.current
	if last != nil && !last.over() {
		return last
	}
	a := &attempt[S]{done: make(chan struct{})}
	var earliest time.Time
	if last != nil {
		earliest = last.next
	}
	switch {
	case k.ctx.Err() != nil:
		a.err = ErrClosed
	case time.Until(earliest) > k.options.Backoff: // too long to wait for
		a.err = ErrEndsSoon
	}
	if a.err != nil {
		close(a.done)
		return a
	}
	k.current = a
	k.running.Go(func() { k.connect(a, earliest) })
	return a
}

// over reports whether another attempt may be made: the session or the backoff is over.
func (a *attempt[S]) over() bool {
	select {
	case <-a.done:
	default:
		return false
	}
	if a.err != nil {
		return !time.Now().Before(a.next)
	}
	return a.session.Ended()
}

// connect makes the attempt a, once its time has come, and serves its session to the end. The backoff also holds
// after a session that ended soon.
func (k *Keeper[S]) connect(a *attempt[S], earliest time.Time) {
	ctx, cancel := context.WithTimeout(k.ctx, k.options.Open)
	defer cancel()
	if a.err = sleep(ctx, time.Until(earliest)); a.err == nil {
		a.session, a.err = k.tryOpen(ctx)
	}
	k.schedule(a)
	close(a.done)
	log := k.options.Log.V(1)
	if a.err != nil {
		log.Info("connection failed", "reason", a.err.Error())
		return
	}
	log.Info("connected")
	lasts := time.AfterFunc(lasting, k.ResetBackoff)
	defer lasts.Stop()
	log.Info("connection ended", "reason", a.session.Run(k.ctx).Error())
}

func (k *Keeper[S]) tryOpen(ctx context.Context) (s S, err error) {
	err = RecoverPanic(func() (err error) {
		s, err = k.open(ctx)
		return err
	})
	switch {
	case err == nil:
	case k.ctx.Err() != nil:
		err = ErrClosed
	case ctx.Err() != nil:
		err = k.options.ErrOpen
	}
	return s, err
}

// schedule sets when the next attempt may follow a. A login alone does not reset the backoff: a server that accepts it
// and drops the connection could have it repeated, which costs the derivation of a key.
func (k *Keeper[S]) schedule(a *attempt[S]) {
	k.mu.Lock()
	defer k.mu.Unlock()
	a.tried = time.Now()
	a.next = a.tried.Add(k.backoff)
	k.backoff = min(2*k.backoff, k.options.MaxBackoff)
}

// ResetBackoff is for a session that has proven useful: the server has confirmed a message.
func (k *Keeper[S]) ResetBackoff() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.backoff = k.options.Backoff
	if a := k.current; a != nil {
		if next := a.tried.Add(k.backoff); next.Before(a.next) {
			a.next = next
		}
	}
}

// RecoverPanic returns a panic of do as an error: what a server sends must not crash the operator through a
// fault of a library.
func RecoverPanic(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic while reading from the server (%T)", p)
		}
	}()
	return do()
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
