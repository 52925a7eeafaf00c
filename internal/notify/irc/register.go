package irc

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ergochat/irc-go/ircmsg"
)

// wanted are the capabilities (IRCv3) that are used where the server has them. batch comes with
// labeled-response.
var wanted = []string{"batch", capLabels, "message-tags", capMultiline}

const (
	capLabels    = "labeled-response"
	capMultiline = "draft/multiline"
	capSASL      = "sasl"
	capSTS       = "sts"

	maxNicknames = 5 // that are tried where the configured one is taken
)

// register logs in.
func (s *session) register(encrypted bool) error {
	r := &registration{session: s, encrypted: encrypted, offered: map[string]string{}}
	if err := r.begin(); err != nil {
		return err
	}
	for {
		m, err := s.read()
		if err != nil {
			return err
		}
		done, err := r.handle(m)
		if done || err != nil {
			return err
		}
	}
}

// registration is a login that is under way.
type registration struct {
	*session
	encrypted bool
	offered   map[string]string
	login     login
	requested bool // capabilities
	tried     int  // nicknames
	welcome   bool
}

func (r *registration) begin() error {
	lines := []ircmsg.Message{ircmsg.MakeMessage(nil, "", "CAP", "LS", "302")}
	if password := r.account.serverPassword; !password.Empty() {
		pass := ircmsg.MakeMessage(nil, "", "PASS", password.Reveal())
		lines = append(lines, pass)
	}
	user := ircmsg.MakeMessage(nil, "", "USER", "travis", "0", "*", "travishook")
	user.ForceTrailing()
	return r.write(append(lines, ircmsg.MakeMessage(nil, "", "NICK", r.account.nickname), user)...)
}

// handle reports whether the login is complete.
func (r *registration) handle(m *ircmsg.Message) (done bool, err error) {
	if m.Command == "904" && r.login.next() {
		return false, r.send("AUTHENTICATE", r.login.mechanism())
	}
	if err := loginError(m, r.login.mechanism()); err != nil {
		return false, err
	}
	switch m.Command {
	case "PING":
		return false, r.pong(m)
	case "CAP":
		return false, r.capabilities(m)
	case "AUTHENTICATE":
		return false, r.authenticate(m)
	case "903", "907":
		if !r.login.proven() {
			return false, errUnproven
		}
		return false, r.send("CAP", "END")
	case "433", "436", "437":
		return false, r.anotherNickname()
	case "001":
		return false, r.welcomed(m)
	case "005":
		r.isupport(m.Params)
	case "376", "422": // the end of the message of the day, or none
		return r.welcome, nil
	}
	return false, nil
}

// capabilities handles what the server offers, in one or more lines, and what it has enabled.
func (r *registration) capabilities(m *ircmsg.Message) error {
	if len(m.Params) < 3 {
		return nil
	}
	list := m.Params[len(m.Params)-1]
	switch strings.ToUpper(m.Params[1]) {
	case "LS":
		if r.requested {
			return nil // a server could have the login begun again and again
		}
		r.offer(list)
		if len(m.Params) > 3 && m.Params[2] == "*" {
			return nil // more lines follow
		}
		r.requested = true
		return r.request()
	case "ACK":
		for name, value := range r.offered {
			if slices.Contains(strings.Fields(list), name) {
				r.caps[name] = value
			}
		}
		if _, ok := r.caps[capSASL]; ok {
			return r.send("AUTHENTICATE", r.login.mechanism())
		}
		return r.send("CAP", "END")
	case "NAK":
		if r.account.username != "" {
			return errNoSASL
		}
		return r.send("CAP", "END")
	}
	return nil
}

// offer notes what the server offers of the capabilities that are used. Names and values are copied, because they are
// parts of a line.
func (r *registration) offer(list string) {
	for word := range strings.FieldsSeq(list) {
		name, value, _ := strings.Cut(word, "=")
		if name == capSASL || name == capSTS || slices.Contains(wanted, name) {
			r.offered[strings.Clone(name)] = strings.Clone(value)
		}
	}
}

// request enables capabilities, or has the connection opened again with encryption if the server requires it.
func (r *registration) request() error {
	sts, demands := r.offered[capSTS]
	if port := option(sts, "port"); port != "" && !r.encrypted {
		return &upgradeError{port}
	}
	if demands {
		r.caps[capSTS] = sts // not to be requested
	}
	var names []string
	for _, name := range wanted {
		if _, ok := r.offered[name]; ok {
			names = append(names, name)
		}
	}
	r.login = newLogin(r.account, r.offered)
	switch {
	case r.login.mechanism() != "":
		names = append(names, capSASL)
	case r.account.username != "":
		return errNoSASL
	}
	if len(names) == 0 {
		return r.send("CAP", "END")
	}
	req := ircmsg.MakeMessage(nil, "", "CAP", "REQ", strings.Join(names, " "))
	req.ForceTrailing()
	return r.write(req)
}

func (r *registration) anotherNickname() error {
	if r.tried++; r.tried >= maxNicknames {
		return errNicknames
	}
	return r.send("NICK", fmt.Sprintf("%s-%d", r.account.nickname, r.tried+1))
}

func (r *registration) welcomed(m *ircmsg.Message) error {
	if _, ok := r.caps[capSASL]; !ok && r.account.username != "" {
		return errNoSASL
	}
	if len(m.Params) == 0 {
		return errNotIRC
	}
	r.welcome, r.nick = true, strings.Clone(m.Params[0])
	return nil
}

// isupport reads the server's limits.
func (s *session) isupport(params []string) {
	for _, param := range params {
		name, value, _ := strings.Cut(param, "=")
		if name == "BOT" && len(value) == 1 {
			s.botMode = strings.Clone(value)
		}
	}
}

// option is the value of an option in the value of a capability: port=6697,duration=60.
func option(value, name string) string {
	for part := range strings.SplitSeq(value, ",") {
		if v, ok := strings.CutPrefix(part, name+"="); ok {
			return v
		}
	}
	return ""
}
