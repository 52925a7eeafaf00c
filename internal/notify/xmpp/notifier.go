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

// pace is how long things may take, and how often they are done.
type pace struct {
	connect time.Duration // until logged in
	answer  time.Duration // until a room or a ping is answered
	ping    time.Duration // between two looks at whether the server is still there
	// spacing is the least time between two attempts to connect; it doubles with each one
	// that comes to nothing, up to maxSpacing.
	spacing, maxSpacing time.Duration
}

var defaultPace = pace{
	connect:    30 * time.Second,
	answer:     15 * time.Second,
	ping:       time.Minute,
	spacing:    time.Second,
	maxSpacing: time.Minute,
}

var errClosed = errors.New("the account is being closed")

// notifier holds an account's connection.
type notifier struct {
	account account
	dial    notify.Dialer
	log     logr.Logger
	pace    pace

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	current *attempt      // the last one that was made, or is under way
	spacing time.Duration // after the next one, if it comes to nothing
}

// attempt is one attempt to connect, and the session that came of it.
type attempt struct {
	done    chan struct{} // closed when the rest is set
	session *session
	err     error
	next    time.Time // when another attempt may follow
}

func newNotifier(a account, deps notify.Deps, p pace) *notifier {
	ctx, cancel := context.WithCancel(context.Background())
	return &notifier{account: a, dial: deps.Dial, log: deps.Log, pace: p, ctx: ctx, cancel: cancel, spacing: p.spacing}
}

// Notify says m in its room and returns when the room has reflected it.
func (n *notifier) Notify(ctx context.Context, m notify.Message) error {
	room, err := parseRoom(m.Address)
	if err != nil {
		return notify.Permanent(err)
	}
	s, err := n.connected(ctx)
	if err != nil {
		return fmt.Errorf("connect as %s: %w", n.account.jid, err)
	}
	return s.deliver(ctx, room, m)
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

// connected returns the session, or connects. All callers share one attempt, and while the
// server is to be left alone they share its error, however many rooms wait.
func (n *notifier) connected(ctx context.Context) (*session, error) {
	a := n.attempt()
	select {
	case <-a.done:
		return a.session, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// attempt returns the last attempt while it is good or too recent, else a new one.
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

// over reports whether another attempt may be made: the session has ended, or the failure is
// old enough.
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

// connect makes the attempt a, the one after last, and serves its session to the end. A
// session that ends right after it began is not followed by the next one at once.
func (n *notifier) connect(a, last *attempt) {
	ctx, cancel := context.WithTimeout(n.ctx, n.pace.connect)
	defer cancel()
	if last != nil {
		a.err = sleep(ctx, time.Until(last.next))
	}
	if a.err == nil {
		a.err = sparing(func() (err error) {
			a.session, err = n.open(ctx)
			return err
		})
	}
	n.schedule(a)
	close(a.done)
	log := n.log.V(1).WithValues("account", n.account.jid.String())
	if a.err != nil {
		log.Info("cannot connect", "reason", a.err.Error())
		return
	}
	log.Info("connected")
	log.Info("connection ended", "reason", a.session.run(n.ctx).Error())
}

// schedule sets when another attempt may follow a.
func (n *notifier) schedule(a *attempt) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if a.err == nil {
		n.spacing = n.pace.spacing
	}
	a.next = time.Now().Add(n.spacing)
	if a.err != nil {
		n.spacing = min(2*n.spacing, n.pace.maxSpacing)
	}
}

func (n *notifier) open(ctx context.Context) (*session, error) {
	stream, conn, err := connect(ctx, n.account, n.dial)
	switch {
	case err == nil:
		return newSession(n.account, stream, conn, n.pace), nil
	case n.ctx.Err() != nil:
		return nil, errClosed
	case ctx.Err() != nil:
		return nil, loginTooSlow(n.pace.connect)
	}
	return nil, err
}

// sparing keeps a server whose words the library cannot bear from taking the operator down: these
// goroutines are nobody else's to watch.
func sparing(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal fault at what the server sent (%T)", p)
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
