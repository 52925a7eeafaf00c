package email

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/travishook/travishook/internal/notify"
)

const (
	// maxConnections limits an account's connections: servers refuse a client that has many.
	maxConnections = 4
	// idleTimeout closes a connection without mails, before servers do. The mails of one event, and of the builds
	// that end together, share a connection.
	idleTimeout = 20 * time.Second
	// maxIdle limits the connections without mails that the process keeps, for all accounts.
	maxIdle = 64
)

// idleSlots has one token for each connection that is kept without mails.
var idleSlots = make(chan struct{}, maxIdle)

// notifier sends each message on a connection that is idle, or on a new one.
type notifier struct {
	account account
	dial    notify.Dialer
	slots   chan struct{} // one token for each connection in use
	now     func() time.Time

	mu     sync.Mutex
	closed bool
	idle   []*connection // the last one was used last
	ending sync.WaitGroup
}

func newNotifier(a account, deps notify.Deps) *notifier {
	return &notifier{account: a, dial: deps.Dial, slots: make(chan struct{}, maxConnections), now: time.Now}
}

// Close implements notify.Notifier.
func (n *notifier) Close() error {
	n.mu.Lock()
	n.closed = true
	for _, c := range n.idle {
		c.use()
		n.ending.Go(c.quit)
	}
	n.idle = nil
	n.mu.Unlock()
	n.ending.Wait()
	return nil
}

// Notify implements notify.Notifier: the server has accepted the message for the recipient.
func (n *notifier) Notify(ctx context.Context, m notify.Message) (notify.Receipt, error) {
	l, err := n.account.compose(&m, n.now())
	if err != nil {
		return notify.Receipt{}, err
	}
	select {
	case n.slots <- struct{}{}:
		defer func() { <-n.slots }()
	case <-ctx.Done():
		return notify.Receipt{}, fmt.Errorf("wait for another message: %w", ctx.Err())
	}
	if err := n.deliver(ctx, l); err != nil {
		return notify.Receipt{}, err
	}
	return notify.Receipt{Handle: l.handle}, nil
}

func (n *notifier) deliver(ctx context.Context, l letter) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c, err := n.connection(ctx)
	if err != nil {
		return err
	}
	err = c.during(ctx, func() error { return c.send(l) })
	n.release(c)
	return err
}

// connection returns an idle connection that still works, or a new one.
func (n *notifier) connection(ctx context.Context) (*connection, error) {
	for c := n.take(); c != nil; c = n.take() {
		if c.during(ctx, c.reset) == nil {
			return c, nil
		}
		c.close()
	}
	return n.account.connect(ctx, n.dial)
}

// take takes the connection that was used last, nil if none is idle.
func (n *notifier) take() *connection {
	n.mu.Lock()
	defer n.mu.Unlock()
	last := len(n.idle) - 1
	if last < 0 {
		return nil
	}
	c := n.idle[last]
	n.idle = n.idle[:last]
	c.use()
	return c
}

// release keeps a connection for the next message, unless it is used up.
func (n *notifier) release(c *connection) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case c.broken:
		c.close()
	case c.mails < maxMails && !n.closed && c.keep(func() { n.expire(c) }):
		n.idle = append(n.idle, c)
	default:
		n.ending.Go(c.quit)
	}
}

// expire closes a connection, unless it was taken meanwhile.
func (n *notifier) expire(c *connection) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if i := slices.Index(n.idle, c); i >= 0 {
		n.idle = slices.Delete(n.idle, i, i+1)
		c.use()
		n.ending.Go(c.quit)
	}
}
