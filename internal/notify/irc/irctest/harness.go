// Package irctest is IRC's harness, with real servers.
package irctest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ergochat/irc-go/ircmsg"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/irc"
	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/text"
	"github.com/travishook/travishook/test/ircd"
)

const (
	builds = "#builds"
	other  = "#other"
	nick   = "travis-ci"

	serverPassword = "correct-horse-battery"
)

// Harness is IRC's, on one kind of server.
type Harness struct{ Kind ircd.Kind }

// Service implements notifytest.Harness.
func (Harness) Service() notify.Service { return irc.Service }

// Account returns an account on s, whose address only the Secret has.
func Account(s *ircd.Server, channels ...string) notifytest.Account {
	config, _ := json.Marshal(map[string]any{"nickname": nick, "style": "Message", "linesPerMinute": 60_000})
	a := notifytest.Account{
		Config: config,
		Credential: notify.Credential{
			"server": secret.New(s.TLS + "\n"), "serverPassword": secret.New(serverPassword + "\n"),
		},
		Addresses: channels, Secrets: []string{serverPassword, s.TLS},
	}
	if s.CA != nil {
		a.Credential["ca.crt"] = secret.New(string(s.CA))
	}
	return a
}

func (h Harness) start(t *testing.T) *ircd.Server {
	return h.Kind.Start(t, ircd.Options{Password: serverPassword})
}

// Start implements notifytest.Harness.
func (h Harness) Start(t *testing.T) notifytest.Account {
	s := h.start(t)
	observer := s.Join(t, "somebody", builds, other)
	a := Account(s, "#BUILDS", other)
	a.Received = func(t *testing.T, n int) []notifytest.Received {
		observer.Seen(t, func(seen []ircmsg.Message) bool { return len(messages(seen)) >= n })
		observer.Do(t, "PING all") // after the other lines of the last message
		return messages(observer.Seen(t, func([]ircmsg.Message) bool { return true }))
	}
	return a
}

// messages puts the lines of each message together: its first line begins with a mark.
func messages(seen []ircmsg.Message) []notifytest.Received {
	var all []notifytest.Received
	for _, m := range seen {
		if m.Command != "PRIVMSG" && m.Command != "NOTICE" || m.Nick() != nick || len(m.Params) != 2 {
			continue
		}
		m.ForceTrailing()
		raw, _ := m.Line()
		shown, begins := withoutMark(m.Params[1])
		if last := len(all) - 1; !begins && last >= 0 && all[last].Address == m.Params[0] {
			all[last].Text += "\n" + shown
			all[last].Raw = append(all[last].Raw, raw...)
			continue
		}
		all = append(all, notifytest.Received{Address: m.Params[0], Text: shown, Raw: []byte(raw)})
	}
	return all
}

func withoutMark(line string) (shown string, marked bool) {
	for _, mark := range []string{"\x0303✔\x0f ", "\x0304✘\x0f ", "\x0314•\x0f ", "✔ ", "✘ ", "• "} {
		if rest, ok := strings.CutPrefix(line, mark); ok {
			return rest, true
		}
	}
	return line, false
}

// CheckShown looks for controls, commands and lines that the text injected.
func (Harness) CheckShown(_ notify.Message, got notifytest.Received) error {
	for line := range strings.SplitSeq(got.Text, "\n") {
		if text.Line(line) != line {
			return fmt.Errorf("not a line to be read: %q", line)
		}
	}
	for raw := range strings.SplitSeq(strings.TrimSuffix(string(got.Raw), "\r\n"), "\r\n") {
		if len(raw) > 510 || !strings.Contains(raw, " PRIVMSG "+got.Address+" :") {
			return fmt.Errorf("a line of %d bytes: %.100q", len(raw), raw)
		}
	}
	if strings.TrimSpace(got.Text) == "" {
		return errors.New("nothing to be read")
	}
	return nil
}

// Hang implements notifytest.Harness.
func (Harness) Hang(t *testing.T) (notifytest.Account, <-chan struct{}) {
	address, reached := notifytest.Silent(t)
	return Account(&ircd.Server{TLS: address}, builds), reached
}

// BadAddresses implements notifytest.Harness.
func (Harness) BadAddresses() []string {
	return []string{"", "builds", "#", "#a,#b", "#builds,key", "#a b", "#a\x07b", "irc://irc.example.com/#builds", "ircs://irc.example.com/builds", "@somebody", "#a\r\nQUIT"}
}

// BadAccounts implements notifytest.Harness.
func (Harness) BadAccounts(*testing.T) []notifytest.BadAccount {
	const good = `{"server":"irc.example.com:6697","nickname":"ci"}`
	var bad []notifytest.BadAccount
	for _, b := range []struct {
		name, config string
		credential   map[string]string
		says         string
	}{
		{"no server", `{"nickname":"ci"}`, nil, "irc.libera.chat:6697"},
		{"a server without a port", `{"server":"irc.example.com","nickname":"ci"}`, nil, "host:port"},
		{"no nickname", `{"server":"irc.example.com:6697"}`, nil, "nickname"},
		{"a nickname with a space", `{"server":"irc.example.com:6697","nickname":"c i"}`, nil, "nickname"},
		{"a nickname that begins with a digit", `{"server":"irc.example.com:6697","nickname":"1ci"}`, nil, "nickname"},
		{"unknown encryption", `{"server":"irc.example.com:6697","nickname":"ci","tls":"StartTLS"}`, nil, "TLS or None"},
		{"unknown style", `{"server":"irc.example.com:6697","nickname":"ci","style":"Loud"}`, nil, "Notice or Message"},
		{"a password in the open", `{"server":"irc.example.com:6667","nickname":"ci","tls":"None"}`, map[string]string{"password": "x"}, "reveal the password"},
		{"a user name alone", good, map[string]string{"username": "ci"}, "key password"},
		{"a second line", good, map[string]string{"password": "x\nQUIT"}, "several lines"},
		{"a second line in a channel's key", good, map[string]string{"key.builds": "x\r\nQUIT"}, "several lines"},
		{"Twitch's token", good, map[string]string{"password": "oauth:x"}, "serverPassword"},
		{"the URL of a webhook", good, map[string]string{"password": "https://hooks.slack.com/x"}, "chat service"},
		{"an authority that is none", good, map[string]string{"ca.crt": "x"}, "ca.crt"},
	} {
		credential := notify.Credential{}
		for key, value := range b.credential {
			credential[key] = secret.New(value)
		}
		bad = append(bad, notifytest.BadAccount{Name: b.name, Config: json.RawMessage(b.config), Credential: credential, Says: b.says})
	}
	return bad
}
