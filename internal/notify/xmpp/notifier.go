package xmpp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/notify"
)

// timing holds the timeouts and intervals.
type timing struct {
	connect time.Duration // until logged in
	answer  time.Duration // until a room or a ping is answered
	ping    time.Duration // between two pings
	// backoff is the minimum time between two attempts to connect; it doubles with each failure, up
	// to maxBackoff.
	backoff, maxBackoff time.Duration
}

var defaultTiming = timing{
	connect:    30 * time.Second,
	answer:     15 * time.Second,
	ping:       time.Minute,
	backoff:    time.Second,
	maxBackoff: time.Minute,
}

var errClosed = errors.New("the account is being closed")

// notifier holds an account's connection.
type notifier struct {
	account account
	dial    notify.Dialer
	log     logr.Logger
	timing  timing

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	current *attempt      // the latest, possibly under way
	backoff time.Duration // after the next attempt, if it fails
}

// attempt is one attempt to connect, and its session.
type attempt struct {
	done    chan struct{} // closed when the rest is set
	session *session
	err     error
	next    time.Time // when another attempt may follow
}

func newNotifier(a account, deps notify.Deps, p timing) *notifier {
	ctx, cancel := context.WithCancel(context.Background())
	return &notifier{account: a, dial: deps.Dial, log: deps.Log, timing: p, ctx: ctx, cancel: cancel, backoff: p.backoff}
}

// Notify sends m to its room and returns when the room has reflected it.
func (n *notifier) Notify(ctx context.Context, m notify.Message) (notify.Receipt, error) {
	room, err := parseRoom(m.Address)
	if err != nil {
		return notify.Receipt{}, notify.Permanent(err)
	}
	first, err := firstID(m)
	if err != nil {
		return notify.Receipt{}, err
	}
	s, err := n.connected(ctx)
	if err != nil {
		return notify.Receipt{}, fmt.Errorf("connect as %s: %w", n.account.jid, err)
	}
	reply, replies := replyTo(m)
	if replies {
		m.Mention = "" // an edit notifies nobody
	}
	if err := s.deliver(ctx, room, m); err != nil {
		return notify.Receipt{}, err
	}
	if replies {
		if err := s.deliver(ctx, room, reply); err != nil {
			return notify.Receipt{}, err
		}
	}
	return notify.Receipt{Handle: first}, nil
}

// Close logs out.
func (n *notifier) Close() error {
	n.cancel()
	n.running.Wait()
	return nil
}

// Connected reports whether the account is logged in.
func (n *notifier) Connected() bool {
	n.mu.Lock()
	last := n.current
	n.mu.Unlock()
	if last == nil {
		return false
	}
	select {
	case <-last.done:
		return last.err == nil && !last.session.ended()
	default:
		return false
	}
}

// connected returns the session, or connects. All callers share one attempt, and its error until the
// backoff is over.
func (n *notifier) connected(ctx context.Context) (*session, error) {
	a := n.attempt()
	select {
	case <-a.done:
		return a.session, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// attempt returns the latest attempt while its session or its backoff lasts, else a new one.
func (n *notifier) attempt() *attempt {
	n.mu.Lock()
	defer n.mu.Unlock()
	last := n.current
	if last != nil && !last.over() {
		return last
	}
	a := &attempt{done: make(chan struct{})}
	n.current = a
	n.running.Go(func() { n.connect(a, last) })
	return a
}

// over reports whether another attempt may be made: the session or the backoff is over.
func (a *attempt) over() bool {
	select {
	case <-a.done:
	default:
		return false
	}
	if a.err != nil {
		return !time.Now().Before(a.next)
	}
	return a.session.ended()
}

// connect makes the attempt a, which follows last, and serves its session to the end. The backoff also
// holds after a session that ended soon.
func (n *notifier) connect(a, last *attempt) {
	ctx, cancel := context.WithTimeout(n.ctx, n.timing.connect)
	defer cancel()
	if last != nil {
		a.err = sleep(ctx, time.Until(last.next))
	}
	if a.err == nil {
		a.err = recoverPanic(func() (err error) {
			a.session, err = n.open(ctx)
			return err
		})
	}
	n.schedule(a)
	close(a.done)
	log := n.log.V(1).WithValues("account", n.account.jid.String())
	if a.err != nil {
		log.Info("connection failed", "reason", a.err.Error())
		return
	}
	log.Info("connected")
	log.Info("connection ended", "reason", a.session.run(n.ctx).Error())
}

// schedule sets when the next attempt may follow a.
func (n *notifier) schedule(a *attempt) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if a.err == nil {
		n.backoff = n.timing.backoff
	}
	a.next = time.Now().Add(n.backoff)
	if a.err != nil {
		n.backoff = min(2*n.backoff, n.timing.maxBackoff)
	}
}

func (n *notifier) open(ctx context.Context) (*session, error) {
	stream, conn, err := connect(ctx, n.account, n.dial)
	switch {
	case err == nil:
		return newSession(n.account, stream, conn, n.timing), nil
	case n.ctx.Err() != nil:
		return nil, errClosed
	case ctx.Err() != nil:
		return nil, errLoginTimeout(n.timing.connect)
	}
	return nil, err
}

// recoverPanic returns a panic of do as an error: what a server sends must not crash the operator
// through a fault of the library.
func recoverPanic(do func() error) (err error) {
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

var _ notify.Connection = (*notifier)(nil)
