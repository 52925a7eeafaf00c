package email

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/text"
)

const (
	// greylisted is how long a recipient waits that the server refuses for now: greylisting accepts the
	// same message after some minutes, and no answer says after how many.
	greylisted = 5 * time.Minute
	maxReply   = 200 // characters of the server's answer in an error
)

// step is a part of the conversation, for errors: "the server refuses <step>".
type step string

const (
	stepGreeting  step = "the connection"
	stepTLS       step = "STARTTLS"
	stepLogin     step = "the user name or the password"
	stepSender    step = "the sender"
	stepRecipient step = "the recipient"
	stepMessage   step = "the message"
)

var (
	errNoStartTLS = errors.New("the server offers no encryption by STARTTLS: set tls to TLS if the port begins with TLS (usually 465)")
	errNoLogin    = errors.New("the server offers no login by PLAIN or LOGIN: use its port for submission (usually 587), " +
		"or remove username and password from the Secret if it asks for none")
	errNotTLS  = errors.New("the port does not begin with TLS: set tls to StartTLS")
	errTooMuch = errors.New("the server sends more than an SMTP server may")
	errNotSMTP = errors.New("the server does not speak SMTP: check server")
	errNoUTF8  = errors.New("the server does not accept addresses with letters beyond ASCII (SMTPUTF8)")
	errSilent  = errors.New("the server did not answer in time: if the port begins with TLS, set tls to TLS")
	errClosed  = errors.New("the server closed the connection")
)

// failure classifies what went wrong at a step. The error shows the server's answer, without the
// credential and a server that only the Secret names.
func (a *account) failure(at step, err error) error {
	var reply *smtp.SMTPError
	if !errors.As(err, &reply) {
		if strings.Contains(err.Error(), "support STARTTLS") { // the library's only error without a type
			return errNoStartTLS
		}
		return fmt.Errorf("%s: %w", at.doing(), networkError(err))
	}
	shown := fmt.Errorf("the server refuses %s: %s", at, a.shown(reply, at))
	switch final := isFinal(reply); {
	case at == stepGreeting || at == stepTLS:
		return shown // the server's own trouble, or its opinion of our address
	case at == stepLogin && final:
		return notify.BadCredential(shown)
	case final && asksForLogin(reply, a.username):
		return notify.BadCredential(fmt.Errorf("%w; it may ask for a login: set username and password in the account's Secret", shown))
	case at == stepRecipient && isFull(reply):
		return shown
	case at == stepRecipient && !final:
		return notify.RetryAfter(shown, greylisted)
	case final:
		return notify.Permanent(shown)
	}
	return shown
}

// isFinal reports whether a reply is permanent. The enhanced code (RFC 3463) decides where it is given.
func isFinal(reply *smtp.SMTPError) bool {
	switch class := reply.EnhancedCode[0]; class {
	case 4, 5:
		return class == 5
	}
	return reply.Code >= 500 && reply.Code < 600
}

// asksForLogin reports whether a login would help: the server says so, or refuses by policy somebody who is
// not logged in.
func asksForLogin(reply *smtp.SMTPError, username string) bool {
	return reply.Code == 530 || username == "" && (reply.EnhancedCode == smtp.EnhancedCode{5, 7, 1} || reply.EnhancedCode == smtp.EnhancedCode{5, 7, 0})
}

// isFull reports whether the recipient's mailbox is full, which its owner can change.
func isFull(reply *smtp.SMTPError) bool {
	return reply.EnhancedCode[1] == 2 && reply.EnhancedCode[2] == 2 || reply.Code == 552 && reply.EnhancedCode[1] <= 0
}

// shown is the server's answer. That to a login may repeat what was sent, so only its code is shown.
func (a *account) shown(reply *smtp.SMTPError, at step) string {
	code := fmt.Sprint(reply.Code)
	if e := reply.EnhancedCode; e[0] > 0 {
		code += fmt.Sprintf(" %d.%d.%d", e[0], e[1], e[2])
	}
	if at == stepLogin {
		return code
	}
	words := reply.Message
	for _, secret := range a.hidden {
		words = strings.ReplaceAll(words, secret, "[redacted]")
	}
	return text.OneLine(code+" "+words, maxReply)
}

func (s step) doing() string {
	switch s {
	case stepGreeting:
		return "connect to the server"
	case stepTLS:
		return "encrypt the connection"
	case stepLogin:
		return "log in"
	case stepSender, stepRecipient, stepMessage:
	}
	return "send " + string(s)
}

// networkError says what an error of the connection means, without the server's name.
func networkError(err error) error {
	var (
		protocol textproto.ProtocolError
		record   tls.RecordHeaderError
		timeout  net.Error
	)
	switch {
	case errors.Is(err, errTooMuch):
		return errTooMuch
	case errors.As(err, &protocol):
		return errNotSMTP // its text quotes the server
	case errors.As(err, &record):
		return errNotTLS
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errClosed
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return errSilent
	}
	return notify.RedactHost(err)
}
