package irc

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"github.com/ergochat/irc-go/ircmsg"
	"mellium.im/sasl"

	"github.com/travishook/travishook/internal/notify"
)

// The mechanisms of SASL, best first.
const (
	saslExternal = "EXTERNAL" // the certificate of the connection
	saslSCRAM    = "SCRAM-SHA-256"
	saslPlain    = "PLAIN"
)

const (
	saslChunk   = 400      // bytes of a message in one line
	maxSASLSize = 16 << 10 // bytes of a server's message
)

// login is a login by SASL: the mechanisms that are left to try, and the state of the first.
type login struct {
	account    *account
	mechanisms []string
	scram      *sasl.Negotiator
	verified   bool   // the server knows the password
	received   string // of a message in several lines
}

// newLogin returns a login with what the account and the server have: none if there is no mechanism.
func newLogin(a *account, offered map[string]string) login {
	var names []string
	switch {
	case !a.password.Empty():
		names = []string{saslSCRAM, saslPlain}
	case len(a.tls.Certificates) > 0:
		names = []string{saslExternal}
	}
	list, ok := offered[capSASL]
	l := login{account: a}
	for _, name := range names {
		// Old servers do not say what they have; then it is PLAIN.
		if ok && (slices.Contains(strings.Split(list, ","), name) || list == "" && name != saslSCRAM) {
			l.mechanisms = append(l.mechanisms, name)
		}
	}
	l.begin()
	return l
}

func (l *login) begin() {
	if l.mechanism() != saslSCRAM {
		return
	}
	l.scram = sasl.NewClient(sasl.ScramSha256, sasl.Credentials(func() (username, password, identity []byte) {
		return []byte(l.account.username), []byte(l.account.password.Reveal()), nil
	}))
}

// mechanism is the one that is tried, empty if there is none.
func (l *login) mechanism() string {
	if len(l.mechanisms) == 0 {
		return ""
	}
	return l.mechanisms[0]
}

// next turns to the next mechanism, if there is one: services may have kept a password in a form that SCRAM cannot
// use.
func (l *login) next() bool {
	if len(l.mechanisms) < 2 {
		return false
	}
	l.mechanisms, l.received = l.mechanisms[1:], ""
	l.begin()
	return true
}

// proven reports whether the server has proven what its mechanism demands of it.
func (l *login) proven() bool { return l.mechanism() != saslSCRAM || l.verified }

// authenticate answers the server's message.
func (r *registration) authenticate(m *ircmsg.Message) error {
	challenge, whole, err := r.login.receive(m)
	if err != nil || !whole {
		return err
	}
	response, err := r.login.respond(challenge)
	if err != nil {
		return err
	}
	text := base64.StdEncoding.EncodeToString(response)
	for len(text) >= saslChunk {
		if err := r.send("AUTHENTICATE", text[:saslChunk]); err != nil {
			return err
		}
		text = text[saslChunk:]
	}
	if text == "" {
		text = "+"
	}
	return r.send("AUTHENTICATE", text)
}

// receive puts the lines of a message together.
func (l *login) receive(m *ircmsg.Message) (challenge []byte, whole bool, err error) {
	if len(m.Params) == 0 {
		return nil, false, errNotIRC
	}
	if text := m.Params[0]; text != "+" {
		l.received += text
		if len(l.received) > maxSASLSize {
			return nil, false, errNotIRC
		}
		if len(text) == saslChunk {
			return nil, false, nil
		}
	}
	challenge, err = base64.StdEncoding.DecodeString(l.received)
	if l.received = ""; err != nil {
		return nil, false, errNotIRC
	}
	return challenge, true, nil
}

// respond returns the response to a challenge.
func (l *login) respond(challenge []byte) ([]byte, error) {
	a := l.account
	switch l.mechanism() {
	case saslExternal: // Atheme refuses the account's name here; the certificate names it anyway
		return nil, nil
	case saslPlain:
		return []byte(a.username + "\x00" + a.username + "\x00" + a.password.Reveal()), nil
	case saslSCRAM:
	default:
		return nil, errNotIRC // nothing was begun
	}
	if l.verified {
		return nil, errNotIRC
	}
	if l.scram.State()&sasl.StepMask != sasl.Initial { // where it is empty
		switch err := notify.CheckSCRAM(challenge); {
		case errors.Is(err, notify.ErrIterations):
			return nil, notify.Permanent(err)
		case err != nil:
			return nil, errUnproven
		}
	}
	more, response, err := l.scram.Step(challenge)
	if err != nil {
		return nil, errUnproven
	}
	l.verified = !more
	return response, nil
}
