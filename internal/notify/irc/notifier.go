package irc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/travishook/travishook/internal/notify"
)

// timing holds the timeouts and intervals.
type timing struct {
	connect time.Duration // until logged in
	answer  time.Duration // until the server answers
	ping    time.Duration // between two pings
	// backoff is the minimum time between two attempts to connect; it doubles with each, up to maxBackoff, until
	// a session lasts.
	backoff, maxBackoff time.Duration
}

// Networks throttle clients that connect again at once.
var defaultTiming = timing{
	connect:    30 * time.Second,
	answer:     15 * time.Second,
	ping:       time.Minute,
	backoff:    2 * time.Second,
	maxBackoff: 2 * time.Minute,
}

// notifier holds an account's connection.
type notifier struct {
	*notify.Keeper[*session]
	account account
	dial    notify.Dialer
	timing  timing

	mu     sync.Mutex
	policy policy
}

// policy is a server's demand for encryption (IRCv3's strict transport security).
type policy struct {
	port  string
	until time.Time
}

// upgradeError is the error of a server that requires an encrypted connection to another port.
type upgradeError struct{ port string }

func (e *upgradeError) Error() string { return "the server wants encryption, at port " + e.port }

func newNotifier(a account, deps notify.Deps, t timing) *notifier {
	n := &notifier{account: a, dial: deps.Dial, timing: t}
	n.Keeper = notify.Keep(n.open, notify.KeepOptions{
		Open: t.connect, ErrOpen: errLogin(t.connect), Backoff: t.backoff, MaxBackoff: t.maxBackoff,
		Log: deps.Log.WithValues("account", a.nickname),
	})
	return n
}

// Notify implements notify.Notifier: the server has confirmed that it has the message.
func (n *notifier) Notify(ctx context.Context, m notify.Message) (notify.Receipt, error) {
	if m.Update != nil {
		return notify.Receipt{}, notify.Gone(errors.New("IRC has no messages that can be updated"))
	}
	channel, err := parseChannel(m.Address)
	if err != nil {
		return notify.Receipt{}, notify.Permanent(err)
	}
	s, err := n.Session(ctx)
	if err != nil {
		return notify.Receipt{}, fmt.Errorf("connect as %s: %w", n.account.nickname, err)
	}
	if err := s.deliver(ctx, channel, &m); err != nil {
		return notify.Receipt{}, err
	}
	n.ResetBackoff()
	return notify.Receipt{}, nil
}

// open connects and logs in, encrypted if the account or the server requires it.
func (n *notifier) open(ctx context.Context) (*session, error) {
	server, encrypted := n.account.server, !n.account.plain
	if port := n.demandedPort(); port != "" && !encrypted {
		server, encrypted = net.JoinHostPort(n.account.host, port), true
	}
	s, err := n.register(ctx, server, encrypted)
	if upgrade := (*upgradeError)(nil); errors.As(err, &upgrade) {
		s, err = n.register(ctx, net.JoinHostPort(n.account.host, upgrade.port), true)
	}
	return s, err
}

func (n *notifier) demandedPort() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if time.Now().After(n.policy.until) {
		return ""
	}
	return n.policy.port
}

// register opens a connection and logs in, until ctx ends.
func (n *notifier) register(ctx context.Context, server string, encrypted bool) (*session, error) {
	dialed, err := n.dial(ctx, "tcp", server)
	if err != nil {
		return nil, notify.RedactHost(err)
	}
	stop := context.AfterFunc(ctx, func() { _ = dialed.Close() })
	conn := dialed
	if encrypted {
		secured := tls.Client(dialed, n.account.tls)
		if err = secured.HandshakeContext(ctx); err != nil {
			err = handshakeError(err)
		}
		conn = secured
	}
	var s *session
	if err == nil {
		s = newSession(&n.account, conn, n.timing)
		err = s.register(encrypted)
	}
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	n.remember(server, s.caps[capSTS], encrypted)
	return s, nil
}

// remember keeps the policy that a server sends on an encrypted connection.
func (n *notifier) remember(server, sts string, encrypted bool) {
	seconds, err := time.ParseDuration(option(sts, "duration") + "s")
	_, port, _ := net.SplitHostPort(server)
	if err != nil || !encrypted {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.policy = policy{port, time.Now().Add(seconds)}
}

func handshakeError(err error) error {
	if record := (tls.RecordHeaderError{}); errors.As(err, &record) || errors.Is(err, io.EOF) {
		return errNotIRC
	}
	return notify.RedactHost(err)
}

var _ notify.Connection = (*notifier)(nil)
