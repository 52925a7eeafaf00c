package irc

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ergochat/irc-go/ircmsg"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/text"
)

const maxReply = 200 // characters of the server's words in an error

var (
	errNoSASL      = errors.New("the server offers no login that the Secret is for (SASL SCRAM-SHA-256 or PLAIN with a password, EXTERNAL with a certificate): remove username and password from the Secret if the network has no accounts")
	errUnproven    = errors.New("the server could not prove that it knows the password")
	errUnanswered  = errors.New("the server no longer answers")
	errNicknames   = errors.New("the nickname and its alternatives are in use: set another nickname")
	errLongLine    = errors.New("the server sent a line that is too long")
	errNotIRC      = errors.New("the server does not speak IRC: check server and tls")
	errStillJoined = errors.New("the server did not answer the request to join the channel")
)

func errLogin(timeout fmt.Stringer) error {
	return fmt.Errorf("the server did not finish the login within %s", timeout)
}

func errClosedBy(reason string) error {
	return errors.New("the server closed the connection: " + shown(reason))
}

func errLost(cause error) error {
	return notify.AnswerLost(fmt.Errorf("the connection ended before the server confirmed the message: %w", cause))
}

func errUnconfirmed(cause error) error {
	return notify.AnswerLost(fmt.Errorf("the server did not confirm the message: %w", cause))
}

func shown(words string) string { return text.OneLine(words, maxReply) }

// words are the server's explanation of an answer: its last parameter.
func words(m *ircmsg.Message) string {
	if len(m.Params) == 0 {
		return m.Command
	}
	return shown(m.Command + " " + m.Params[len(m.Params)-1])
}

// refused says what to do about a channel, by numeric.
var refused = map[string]string{
	"401": "the channel does not exist",
	"403": "the channel does not exist: correct the address",
	"404": "the channel does not let the account speak: give it voice, or lift the ban or the mode that forbids it",
	"405": "the account is in too many channels: use another account for some of them",
	"437": "the channel or the nickname is not available at the moment",
	"442": "the account is not in the channel",
	"448": "the server forbids the channel: correct the address",
	"470": "the channel forwards to another one: correct the address",
	"471": "the channel is full",
	"473": "the channel is for invited users only: invite the account, or give it an exception (mode +I)",
	"474": "the account is banned from the channel: lift the ban",
	"475": "the channel asks for a key: put it into the account's Secret under key.CHANNEL",
	"476": "the server does not allow this name of a channel: correct the address",
	"477": "the channel is for registered users only: set username and password in the account's Secret",
	"489": "the channel is for encrypted connections only: set tls to TLS",
	"520": "the channel is for the network's operators only",
}

// temporary are the refusals that pass by themselves.
var temporary = map[string]bool{"405": true, "437": true, "442": true, "471": true}

// channelError is the server's refusal to join a channel or to send there, nil if the answer is not a refusal.
func channelError(m *ircmsg.Message) error {
	what, known := refused[m.Command]
	failed := strings.EqualFold(m.Command, "FAIL")
	switch {
	case temporary[m.Command]:
		return fmt.Errorf("%s (the server says: %s)", what, words(m))
	case m.Command == "475", m.Command == "477":
		return notify.BadCredential(fmt.Errorf("%s (the server says: %s)", what, words(m)))
	case known:
		return notify.Permanent(fmt.Errorf("%s (the server says: %s)", what, words(m)))
	case isError(m.Command) || failed:
		return notify.Permanent(fmt.Errorf("the server refuses the message: %s", words(m)))
	}
	return nil
}

// isError reports whether a numeric is an error.
func isError(command string) bool {
	return len(command) == 3 && (command[0] == '4' || command[0] == '5')
}

// refusesColor reports whether a channel refuses colors, which its mode +c may do.
func refusesColor(m *ircmsg.Message) bool {
	return (m.Command == "404" || m.Command == "408") && strings.Contains(strings.ToLower(words(m)), "colo")
}

// loginError is the server's refusal of the login by a mechanism, nil if the answer is none.
func loginError(m *ircmsg.Message, mechanism string) error {
	switch m.Command {
	case "904", "905", "902", "908":
		if mechanism == saslExternal {
			return notify.BadCredential(fmt.Errorf("the server refuses the client's certificate: add its fingerprint to the account on the network, such as /msg NickServ CERT ADD (%s)", m.Command))
		}
		return notify.BadCredential(fmt.Errorf("the server refuses the user name or the password: correct them in the account's Secret (%s)", m.Command))
	case "464":
		return notify.BadCredential(errors.New("the server asks for a password: put the right one into the account's Secret under serverPassword"))
	case "465":
		return notify.Permanent(fmt.Errorf("the account is banned from the server: %s", words(m)))
	case "432":
		return notify.Permanent(fmt.Errorf("the server does not allow the nickname: set another (the server says: %s)", words(m)))
	case "ERROR":
		if said := strings.ToLower(words(m)); strings.Contains(said, "password") || strings.Contains(said, "access denied") {
			return notify.BadCredential(fmt.Errorf("the server refuses the account, perhaps because a password is missing: put it into the account's Secret under serverPassword (the server says: %s)", words(m)))
		}
		return errClosedBy(words(m))
	}
	return nil
}
