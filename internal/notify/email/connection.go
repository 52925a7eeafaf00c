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
	// answerTimeout limits the wait for each answer, resetTimeout for that of an idle connection, and quitTimeout
	// for the last, which does not matter.
	answerTimeout = 20 * time.Second
	resetTimeout  = 5 * time.Second
	quitTimeout   = 2 * time.Second
	// maxAnswers limits the bytes of a server's answers until the end of the login, and to each message. The answer
	// to EHLO is kept, in several times its size.
	maxAnswers = 32 << 10
	// maxHandshake limits the bytes of a TLS handshake, which has certificates.
	maxHandshake = 256 << 10
	// maxMails is how many messages a connection takes: some servers disconnect after a hundred.
	maxMails = 50
	// replyClosing is the code of a server that closes the connection, at any command.
	replyClosing = 421
)

// connection is a login on a mail server.
type connection struct {
	account *account
	conn    *limitedConn
	client  *smtp.Client
	mails   int
	refused bool        // the last mail, which is unfinished
	broken  bool        // not to be used again
	expiry  *time.Timer // while it is idle
}

// connect opens a connection and logs in.
func (a *account) connect(ctx context.Context, dial notify.Dialer) (*connection, error) {
	conn, err := dial(ctx, "tcp", a.server)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", stepGreeting.doing(), notify.RedactHost(err))
	}
	c := &connection{account: a, conn: &limitedConn{Conn: conn, left: maxAnswers}}
	if err := c.during(ctx, c.open); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// during runs a part of the conversation. The connection is closed when ctx ends, because the library has only
// timeouts.
func (c *connection) during(ctx context.Context, part func() error) error {
	stop := context.AfterFunc(ctx, c.close)
	err := part()
	if !stop() {
		c.broken = true
	}
	if err == nil || !errors.Is(err, net.ErrClosed) {
		return err
	}
	// Only the end of ctx closes the connection from this side.
	if notify.IsAnswerLost(err) {
		return notify.AnswerLost(fmt.Errorf("the server did not confirm the message: %w", ctx.Err()))
	}
	return fmt.Errorf("the server did not answer: %w", ctx.Err())
}

// open encrypts the connection and logs in, as the account requires. It never falls back to less.
func (c *connection) open() error {
	a := c.account
	config := a.tls.Clone()
	config.VerifyConnection = func(tls.ConnectionState) error { // at the end of the handshake
		c.conn.left = maxAnswers
		return nil
	}
	switch a.mode {
	case startTLS:
		var err error
		if c.client, err = smtp.NewClientStartTLS(c.conn, config); err != nil {
			return a.failure(stepTLS, err)
		}
		c.conn.left = maxHandshake
	case directTLS:
		c.client = smtp.NewClient(tls.Client(c.conn, config))
		c.conn.left = maxHandshake
	default:
		c.client = smtp.NewClient(c.conn)
	}
	if err := c.client.Hello(a.domain); err != nil { // the TLS handshake, too
		return a.failure(stepGreeting, err)
	}
	if a.username == "" {
		return nil
	}
	return c.logIn()
}

func (c *connection) logIn() error {
	a := c.account
	var login sasl.Client
	switch {
	case c.client.SupportsAuth(sasl.Plain):
		login = sasl.NewPlainClient("", a.username, a.password.Reveal())
	case c.client.SupportsAuth(sasl.Login):
		login = sasl.NewLoginClient(a.username, a.password.Reveal())
	default:
		return errNoLogin
	}
	if err := c.client.Auth(login); err != nil {
		return a.failure(stepLogin, err)
	}
	return nil
}

// reset begins anew on an idle connection. It fails if the server has closed it.
func (c *connection) reset() error {
	timeout := c.client.CommandTimeout
	c.client.CommandTimeout = resetTimeout
	defer func() { c.client.CommandTimeout = timeout }()
	c.conn.left = maxAnswers
	if c.refused {
		c.refused = false
		if err := c.client.Reset(); err != nil {
			return err
		}
		// The library repeats EHLO with the next command, and Extension hides that it failed.
	}
	return c.client.Noop()
}

// send sends l. The connection stays usable if the server refuses it.
func (c *connection) send(l letter) error {
	c.mails++
	if utf8, _ := c.client.Extension("SMTPUTF8"); l.utf8 && !utf8 {
		return notify.Permanent(errNoUTF8)
	}
	if err := c.client.Mail(c.account.from.Address, &smtp.MailOptions{Size: int64(len(l.content)), UTF8: l.utf8}); err != nil {
		return c.failed(stepSender, err)
	}
	if err := c.client.Rcpt(l.to, nil); err != nil {
		return c.failed(stepRecipient, err)
	}
	w, err := c.client.Data()
	if err != nil {
		return c.failed(stepMessage, err)
	}
	if _, err := w.Write(l.content); err != nil {
		return c.failed(stepMessage, err)
	}
	if err := w.Close(); err != nil {
		failed := c.failed(stepMessage, err)
		if reply := (*smtp.SMTPError)(nil); !errors.As(err, &reply) {
			failed = notify.AnswerLost(failed)
		}
		return failed
	}
	return nil
}

// failed classifies what went wrong at a step.
func (c *connection) failed(at step, err error) error {
	reply := (*smtp.SMTPError)(nil)
	c.refused, c.broken = true, !errors.As(err, &reply) || reply.Code == replyClosing
	return c.account.failure(at, err)
}

// quit sends QUIT and closes the connection.
func (c *connection) quit() {
	c.client.CommandTimeout = quitTimeout
	_ = c.client.Quit()
	c.close()
}

// keep calls expire after a while without mails. It fails if the process keeps as many connections as it may.
func (c *connection) keep(expire func()) bool {
	select {
	case idleSlots <- struct{}{}:
		c.expiry = time.AfterFunc(idleTimeout, expire)
		return true
	default:
		return false
	}
}

// use ends what keep began.
func (c *connection) use() {
	c.expiry.Stop()
	<-idleSlots
}

func (c *connection) close() { _ = c.conn.Close() }

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
