package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/travishook/travishook/internal/notify"
)

const (
	// maxConnections limits an account's connections: servers refuse a client that has many.
	maxConnections = 4
	// answerTimeout limits the wait for each answer, quitTimeout for the last, which does not matter.
	answerTimeout = 20 * time.Second
	quitTimeout   = 2 * time.Second
	// maxConversation limits the bytes of a server's answers to one message, certificates included.
	maxConversation = 256 << 10
)

// notifier sends each message on a connection of its own.
type notifier struct {
	account account
	dial    notify.Dialer
	slots   chan struct{} // one token for each connection
	now     func() time.Time
}

func newNotifier(a account, deps notify.Deps) *notifier {
	return &notifier{account: a, dial: deps.Dial, slots: make(chan struct{}, maxConnections), now: time.Now}
}

// Close implements notify.Notifier.
func (*notifier) Close() error { return nil }

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

// deliver opens a connection and sends l. The connection is closed when ctx ends, because the library has
// only timeouts.
func (n *notifier) deliver(ctx context.Context, l letter) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	conn, err := n.dial(ctx, "tcp", n.account.server)
	if err != nil {
		return fmt.Errorf("%s: %w", stepGreeting.doing(), notify.RedactHost(err))
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	err = n.send(&limitedConn{Conn: conn, left: maxConversation}, l)
	if err == nil || !errors.Is(err, net.ErrClosed) {
		return err
	}
	// Only the end of ctx closes the connection from this side.
	if notify.IsAnswerLost(err) {
		return notify.AnswerLost(fmt.Errorf("the server did not confirm the message: %w", ctx.Err()))
	}
	return fmt.Errorf("the server did not answer: %w", ctx.Err())
}

// send sends l on a new connection.
func (n *notifier) send(conn net.Conn, l letter) error {
	c, err := n.open(conn)
	if err != nil {
		return err
	}
	if utf8, _ := c.Extension("SMTPUTF8"); l.utf8 && !utf8 {
		return notify.Permanent(errNoUTF8)
	}
	if err := c.Mail(n.account.from.Address, &smtp.MailOptions{Size: int64(len(l.content)), UTF8: l.utf8}); err != nil {
		return n.account.failure(stepSender, err)
	}
	if err := c.Rcpt(l.to, nil); err != nil {
		return n.account.failure(stepRecipient, err)
	}
	w, err := c.Data()
	if err != nil {
		return n.account.failure(stepMessage, err)
	}
	if _, err := w.Write(l.content); err != nil {
		return n.account.failure(stepMessage, err)
	}
	if err := w.Close(); err != nil {
		failed := n.account.failure(stepMessage, err)
		if reply := (*smtp.SMTPError)(nil); !errors.As(err, &reply) {
			failed = notify.AnswerLost(failed)
		}
		return failed
	}
	c.CommandTimeout = quitTimeout
	_ = c.Quit() // the message is accepted, whatever the answer
	return nil
}

// open encrypts the connection and logs in, as the account asks for. It never does without.
func (n *notifier) open(conn net.Conn) (*smtp.Client, error) {
	a := &n.account
	config := &tls.Config{ServerName: a.host, RootCAs: a.roots, MinVersion: tls.VersionTLS12}
	var c *smtp.Client
	switch a.tls {
	case startTLS:
		var err error
		if c, err = smtp.NewClientStartTLS(conn, config); err != nil {
			return nil, a.failure(stepTLS, err)
		}
	case directTLS:
		c = smtp.NewClient(tls.Client(conn, config))
	default:
		c = smtp.NewClient(conn)
	}
	if err := c.Hello(a.domain); err != nil { // the TLS handshake, too
		return nil, a.failure(stepGreeting, err)
	}
	if a.username == "" {
		return c, nil
	}
	return c, n.logIn(c)
}

func (n *notifier) logIn(c *smtp.Client) error {
	a := &n.account
	var login sasl.Client
	switch {
	case c.SupportsAuth(sasl.Plain):
		login = sasl.NewPlainClient("", a.username, a.password.Reveal())
	case c.SupportsAuth(sasl.Login):
		login = sasl.NewLoginClient(a.username, a.password.Reveal())
	default:
		return errNoLogin
	}
	if err := c.Auth(login); err != nil {
		return a.failure(stepLogin, err)
	}
	return nil
}

// limitedConn is a connection that reads a limited number of bytes, because an answer may have any number of
// lines, and that limits the library's timeouts of minutes.
type limitedConn struct {
	net.Conn
	left int
}

// Read implements net.Conn.
func (c *limitedConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errTooMuch
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// SetDeadline implements net.Conn.
func (c *limitedConn) SetDeadline(t time.Time) error {
	if limit := time.Now().Add(answerTimeout); t.After(limit) {
		t = limit
	}
	return c.Conn.SetDeadline(t)
}
