package xmpp

import (
	"crypto/tls"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"time"

	"mellium.im/sasl"
	"mellium.im/xmpp/jid"
	"mellium.im/xmpp/stream"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/text"
)

// maxServerText limits how much of a server's own text an error shows, in characters.
const maxServerText = 200

// Errors for people; docs/services/xmpp.md explains each.
var (
	errNoRoom = errors.New("the room does not exist: open it, make it persistent, or correct the channel's address")
	// errNotOccupant is a room's answer to a message of an account that has not joined, or was kicked.
	errNotOccupant  = errors.New("the account is not an occupant of the room")
	errUnanswered   = errors.New("the server no longer answers")
	errServerClosed = errors.New("the server closed the connection")
	errNoEncryption = errors.New("the server skipped encryption or login")
	errWrongServer  = errors.New("the server does not serve the domain of the jid: correct the jid, or the server")
)

func errNicknames(nickname string) error {
	return fmt.Errorf("the nickname %s is taken, and so are the next ones: set another in the account", nickname)
}

func errLoginTimeout(limit time.Duration) error {
	return fmt.Errorf("the server did not finish the login within %s", limit)
}

func errNoAnswer(err error) error { return fmt.Errorf("the room did not answer: %w", err) }

// After errNotReflected and errConnectionLost, it is unknown whether the room accepted the message.
func errNotReflected(err error) error {
	return notify.AnswerLost(fmt.Errorf("the room did not confirm the message: %w", err))
}

func errConnectionLost(err error) error {
	return notify.AnswerLost(fmt.Errorf("the connection ended before the room confirmed the message: %w", err))
}

// stanzaError returns the stanza's error, or an empty one if it carries no details.
func (in incoming) stanzaError() *stanzaError {
	if in.Error == nil {
		return &stanzaError{}
	}
	return in.Error
}

// joinError explains why a room refused account.
func joinError(r *stanzaError, account jid.JID) error {
	switch r.condition() {
	case "registration-required":
		return r.permanent(fmt.Sprintf("it is for members only: make %s a member", account))
	case "not-authorized":
		return r.permanent("it asks for a password, which the operator does not support: remove it, or make the room members-only")
	case "forbidden":
		return r.permanent(fmt.Sprintf("%s is banned from it: lift the ban", account))
	case "item-not-found", "not-allowed": // the latter: to open it
		return r.permanent(errNoRoom.Error())
	case "gone":
		return r.permanent("the room has been closed for good: correct the channel's address")
	case "not-acceptable":
		return r.permanent(fmt.Sprintf("it is only for registered nicknames: register one for %s and set it as the account's nickname", account))
	}
	return r.unclassified()
}

// sendError explains why a room refused a message.
func sendError(r *stanzaError) error {
	switch r.condition() {
	case "not-acceptable", "item-not-found":
		return fmt.Errorf("%w%s", errNotOccupant, r.serverText())
	case "forbidden", "not-allowed":
		return r.permanent("the room is moderated: give the account voice in it")
	}
	return r.unclassified()
}

// unclassified is for conditions without an explanation of their own. The protocol declares a service
// or server that cannot be reached permanent, which it seldom is.
func (r *stanzaError) unclassified() error {
	err := fmt.Errorf("the server answered %s%s", r.condition(), r.serverText())
	switch r.condition() {
	case "service-unavailable", "remote-server-not-found", "remote-server-timeout",
		"recipient-unavailable", "internal-server-error", "resource-constraint":
		return err
	}
	switch r.Kind {
	case "cancel", "auth", "modify":
		return notify.Permanent(err)
	}
	return err
}

func (r *stanzaError) permanent(sentence string) error {
	if r.Kind == "wait" {
		return errors.New(sentence + r.serverText())
	}
	return notify.Permanent(errors.New(sentence + r.serverText()))
}

// serverText is the server's own explanation, if any.
func (r *stanzaError) serverText() string { return quoted(r.Text) }

func quoted(words string) string {
	if words = text.OneLine(words, maxServerText); words == "" {
		return ""
	}
	return fmt.Sprintf(" (the server says: %q)", words)
}

// loginError explains an error before the session was ready and what to do about it. encrypting reports
// whether TLS had been negotiated by then.
func loginError(err error, encrypting bool) error {
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, stream.HostUnknown):
		return errWrongServer
	case !encrypting:
		return fmt.Errorf("agree on encryption by STARTTLS: %w", streamError(err))
	case errors.As(err, &certificate):
		return fmt.Errorf("%w: put its authority under the key ca.crt of the Secret, or give the server a certificate for the domain of the jid", notify.RedactHost(certificate))
	case errors.Is(err, notify.ErrIterations):
		return notify.Permanent(err)
	case errors.Is(err, sasl.ErrAuthn):
		return errors.New("the server could not prove that it knows the password")
	case err.Error() == "xmpp: no matching SASL mechanisms found":
		return errors.New("the server offers no login that keeps the password hidden: enable SCRAM-SHA-256 or SCRAM-SHA-1 there")
	}
	if condition, ok := saslFailure(err); ok {
		return saslError(condition)
	}
	return streamError(err)
}

func saslError(condition string) error {
	switch condition {
	case "not-authorized":
		return notify.BadCredential(errors.New("the server refuses the password, or does not know the account: correct the key password of the Secret, or the jid"))
	case "account-disabled", "credentials-expired":
		return notify.BadCredential(fmt.Errorf("the server refuses the account: %s", condition))
	case "temporary-auth-failure", "aborted":
		return fmt.Errorf("the server cannot log in at the moment: %s", condition)
	}
	return notify.Permanent(fmt.Errorf("the server refuses the login: %s", condition))
}

// saslFailure returns the condition of a login that the server refused. The library does not export the
// error's type, so its XML is decoded.
func saslFailure(err error) (string, bool) {
	var failure interface{ TokenReader() xml.TokenReader }
	if !errors.As(err, &failure) {
		return "", false
	}
	var decoded struct {
		XMLName xml.Name `xml:"urn:ietf:params:xml:ns:xmpp-sasl failure"`
		Any     []struct {
			XMLName xml.Name
		} `xml:",any"`
	}
	if xml.NewTokenDecoder(failure.TokenReader()).Decode(&decoded) != nil || len(decoded.Any) == 0 {
		return "", false
	}
	return decoded.Any[0].XMLName.Local, true
}

// streamError explains why a stream ended.
func streamError(err error) error {
	var e stream.Error
	var syntax *xml.SyntaxError
	switch {
	case errors.As(err, &e):
		words := ""
		if len(e.Text) > 0 {
			words = e.Text[0].Value
		}
		return fmt.Errorf("%w: %s%s", errServerClosed, text.OneLine(e.Err, maxServerText), quoted(words))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errServerClosed
	case errors.As(err, &syntax):
		return errors.New("the server sent invalid XML")
	}
	return err
}
