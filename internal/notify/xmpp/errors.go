package xmpp

import (
	"crypto/tls"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"mellium.im/sasl"
	"mellium.im/xmpp/jid"
	"mellium.im/xmpp/stream"

	"github.com/travishook/travishook/internal/notify"
)

// maxServerText is how much of a server's own words an error shows, in runes.
const maxServerText = 200

// Sentences for people; docs/services/xmpp.md explains each.
var (
	errNoRoom = errors.New("the room does not exist: open it, make it persistent, or correct the channel's address")
	// errOutside is a room's answer to one who is not in it, or no longer.
	errOutside      = errors.New("the room does not count the account as present")
	errUnanswered   = errors.New("the server no longer answers")
	errServerClosed = errors.New("the server closed the connection")
	errWrongServer  = errors.New("the server does not serve the domain of the jid: correct the jid, or the server")
)

func nicknamesTaken(nickname string) error {
	return fmt.Errorf("the nickname %s is taken, and so are the next ones: set another in the account", nickname)
}

func loginTooSlow(limit time.Duration) error {
	return fmt.Errorf("the server did not finish the login within %s", limit)
}

func roomSilent(err error) error { return fmt.Errorf("the room did not answer: %w", err) }

// reflectionMissing and connectionLost tell of a message that the room may have taken.
func reflectionMissing(err error) error {
	return notify.AnswerLost(fmt.Errorf("the room did not confirm the message: %w", err))
}

func connectionLost(err error) error {
	return notify.AnswerLost(fmt.Errorf("the connection ended before the room confirmed the message: %w", err))
}

// refusal returns the stanza's error; one without particulars is an error all the same.
func (in incoming) refusal() *refusal {
	if in.Error == nil {
		return &refusal{}
	}
	return in.Error
}

// enterError says why a room did not let account in.
func enterError(r *refusal, account jid.JID) error {
	switch r.condition() {
	case "registration-required":
		return r.permanent(fmt.Sprintf("it is for members only: make %s a member", account))
	case "not-authorized":
		return r.permanent("it asks for a password, which the operator cannot give: take it away, or have a room for members only")
	case "forbidden":
		return r.permanent(fmt.Sprintf("%s is banned from it: lift the ban", account))
	case "item-not-found", "not-allowed": // the latter: to open it
		return r.permanent(errNoRoom.Error())
	case "gone":
		return r.permanent("the room has been closed for good: correct the channel's address")
	case "not-acceptable":
		return r.permanent(fmt.Sprintf("it is only for registered nicknames: register one for %s and set it as the account's nickname", account))
	}
	return r.other()
}

// sayError says why a room did not take a message.
func sayError(r *refusal) error {
	switch r.condition() {
	case "not-acceptable", "item-not-found":
		return fmt.Errorf("%w%s", errOutside, r.words())
	case "forbidden", "not-allowed":
		return r.permanent("the room is moderated: give the account a voice in it")
	}
	return r.other()
}

// other is an error without a sentence of its own. A service or another server that cannot be
// reached is called permanent by the protocol, and seldom is.
func (r *refusal) other() error {
	err := fmt.Errorf("the server answered %s%s", r.condition(), r.words())
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

func (r *refusal) permanent(sentence string) error {
	if r.Kind == "wait" {
		return errors.New(sentence + r.words())
	}
	return notify.Permanent(errors.New(sentence + r.words()))
}

// words are the server's own, if any.
func (r *refusal) words() string { return quoted(r.Text) }

func quoted(text string) string {
	if text = strings.TrimSpace(notify.Line(text)); text == "" {
		return ""
	}
	return fmt.Sprintf(" (the server says: %q)", notify.TruncateRunes(text, maxServerText))
}

// loginError turns what went wrong before the session was ready into an error that tells
// what to do. encrypting says whether the server had agreed to encrypt by then.
func loginError(err error, encrypting bool) error {
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, stream.HostUnknown):
		return errWrongServer
	case !encrypting:
		return fmt.Errorf("agree on encryption by STARTTLS: %w", streamError(err))
	case errors.As(err, &certificate):
		return fmt.Errorf("the server's certificate is not trusted: %w: put its authority under the key ca.crt of the Secret, or give the server a certificate for the domain of the jid", certificate.Err)
	case errors.Is(err, errIterations):
		return notify.Permanent(err)
	case errors.Is(err, sasl.ErrAuthn):
		return errors.New("the server could not prove that it knows the password")
	case err.Error() == "xmpp: no matching SASL mechanisms found":
		return errors.New("the server offers no login that keeps the password hidden: turn on SCRAM-SHA-256 or SCRAM-SHA-1 there")
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

// saslFailure returns the condition of a login that the server refused. The library's type
// for it is its own secret, so its XML is asked.
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

// streamError says why a stream ended, in words where the library's are none.
func streamError(err error) error {
	var e stream.Error
	var syntax *xml.SyntaxError
	switch {
	case errors.As(err, &e):
		text := ""
		if len(e.Text) > 0 {
			text = e.Text[0].Value
		}
		return fmt.Errorf("%w: %s%s", errServerClosed, notify.TruncateRunes(notify.Line(e.Err), maxServerText), quoted(text))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errServerClosed
	case errors.As(err, &syntax):
		return errors.New("the server sent what is not XML")
	}
	return err
}
