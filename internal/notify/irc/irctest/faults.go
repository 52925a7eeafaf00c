package irctest

import (
	"fmt"
	"maps"
	"net"
	"strings"
	"testing"

	"github.com/travishook/travishook/internal/notify/irc/irctest/talk"
	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/test/ircd"
)

// Faults implements notifytest.Harness.
func (h Harness) Faults() []notifytest.Fault {
	faults := []notifytest.Fault{
		{Name: "keyed", Want: notifytest.BadCredential, Says: "key.CHANNEL", Arrange: h.mode("+k sesame")},
		{Name: "invited-only", Want: notifytest.Permanent, Says: "invite the account", Arrange: h.mode("+i")},
		{Name: "banned", Want: notifytest.Permanent, Says: "lift the ban", Arrange: h.mode("+b *!*@*")},
		{Name: "full", Want: notifytest.Retry, Says: "is full", Arrange: h.mode("+l 1")},
		{Name: "moderated", Want: notifytest.Permanent, Says: "give it voice", Arrange: h.mode("+m")},
		{Name: "wrong-server-password", Want: notifytest.BadCredential, Says: "serverPassword", Arrange: h.wrongPassword},
		{Name: "connection-lost", Want: notifytest.AnswerLost, Says: "before the server confirmed", Arrange: lost},
		{Name: "server-down", Want: notifytest.Retry, Says: "refused", Arrange: h.down},
		{Name: "certificate-not-trusted", Want: notifytest.Retry, Says: "not trusted", Arrange: h.untrusted},
		{Name: "no-encryption", Want: notifytest.Retry, Says: "does not speak IRC", Arrange: plain},
	}
	return faults
}

// Cannot implements notifytest.Harness.
func (Harness) Cannot() map[notifytest.Kind]string {
	return map[notifytest.Kind]string{notifytest.RetryAfter: "no answer says how long to wait"}
}

// mode is a server with a channel of which somebody has set a mode.
func (h Harness) mode(mode string) func(*testing.T) notifytest.Account {
	return func(t *testing.T) notifytest.Account {
		s := h.start(t)
		s.Join(t, "somebody", builds).Do(t, "MODE "+builds+" "+mode)
		return Account(s, builds)
	}
}

func (h Harness) wrongPassword(t *testing.T) notifytest.Account {
	a := Account(h.start(t), builds)
	const wrong = "incorrect-horse"
	a.Credential = maps.Clone(a.Credential)
	a.Credential["serverPassword"] = secret.New(wrong)
	a.Secrets = append(a.Secrets, wrong)
	return a
}

func (h Harness) untrusted(t *testing.T) notifytest.Account {
	a := Account(h.start(t), builds)
	delete(a.Credential, "ca.crt")
	return a
}

func (h Harness) down(t *testing.T) notifytest.Account {
	s := h.start(t)
	s.Stop(t)
	return Account(s, builds)
}

// plain is a server that begins without TLS.
func plain(t *testing.T) notifytest.Account {
	address := notifytest.Listener(t, func(conn net.Conn) {
		talk.Talk(conn, func(string) []string { return []string{":irc.test NOTICE * :Looking up your hostname"} })
	})
	return Account(&ircd.Server{TLS: address}, builds)
}

// lost is a server that accepts a message and closes the connection.
func lost(t *testing.T) notifytest.Account {
	address := notifytest.Listener(t, func(conn net.Conn) {
		talk.Talk(conn, func(line string) []string {
			if strings.HasPrefix(line, "PRIVMSG ") {
				return nil
			}
			return talk.Welcome(line)
		})
	})
	a := Account(&ircd.Server{TLS: address}, builds)
	a.Credential["server"] = secret.New(address)
	a.Config = []byte(fmt.Sprintf(`{"nickname":%q,"style":"Message","tls":"None"}`, nick))
	return a
}
