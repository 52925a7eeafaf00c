package xmpptest

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"

	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/test/prosody"
)

// Faults implements notifytest.Harness.
func (Harness) Faults() []notifytest.Fault {
	return []notifytest.Fault{
		{Name: "room-unknown", Want: notifytest.Permanent, Says: "does not exist", Arrange: absent("nobody@" + prosody.Rooms)},
		{Name: "room-not-to-be-opened", Want: notifytest.Permanent, Says: "does not exist", Arrange: absent("nobody@" + prosody.RestrictedRooms)},
		{Name: "members-only", Want: notifytest.Permanent, Says: "make ci@xmpp.test a member", Arrange: room("muc#roomconfig_membersonly", "1")},
		{Name: "room-with-password", Want: notifytest.Permanent, Says: "asks for a password", Arrange: room("muc#roomconfig_roomsecret", "open sesame")},
		{Name: "moderated", Want: notifytest.Permanent, Says: "voice", Arrange: room("muc#roomconfig_moderatedroom", "1")},
		{Name: "banned", Want: notifytest.Permanent, Says: "lift the ban", Arrange: banned},
		{Name: "wrong-password", Want: notifytest.BadCredential, Says: "password", Arrange: wrongPassword},
		{Name: "busy", Want: notifytest.Retry, Says: "resource-constraint", Arrange: occupied(prosody.BusyRoom, prosody.Options{})},
		{Name: "connection-lost", Want: notifytest.AnswerLost, Arrange: occupied(prosody.LostRoom, prosody.Options{})},
		{Name: "server-down", Want: notifytest.Retry, Says: "refused", Arrange: down},
		{Name: "server-of-another-domain", Want: notifytest.Retry, Says: "does not serve", Arrange: elsewhere},
		{Name: "certificate-not-trusted", Want: notifytest.Retry, Says: "ca.crt", Arrange: untrusted},
		{Name: "only-plain-login", Want: notifytest.Retry, Says: "SCRAM", Arrange: loginFails(prosody.Options{PlainOnly: true})},
		{Name: "no-encryption", Want: notifytest.Retry, Says: "encrypt", Arrange: loginFails(prosody.Options{NoTLS: true})},
	}
}

func start(t *testing.T, o prosody.Options) *prosody.Server {
	o.Accounts = []prosody.Account{Bot}
	return prosody.Start(t, o)
}

// absent is a server without the room.
func absent(address string) func(*testing.T) notifytest.Account {
	return func(t *testing.T) notifytest.Account { return Account(start(t, prosody.Options{}), address) }
}

// loginFails is a server that the account cannot log in to.
func loginFails(o prosody.Options) func(*testing.T) notifytest.Account {
	return func(t *testing.T) notifytest.Account { return Account(start(t, o), builds) }
}

// occupied is a server with another occupant in the room.
func occupied(address string, o prosody.Options) func(*testing.T) notifytest.Account {
	return func(t *testing.T) notifytest.Account {
		s := start(t, o)
		s.Join(t, "somebody", address)
		return Account(s, address)
	}
}

// room is a server with a room that has one setting.
func room(setting, value string) func(*testing.T) notifytest.Account {
	return func(t *testing.T) notifytest.Account {
		s := start(t, prosody.Options{})
		s.Join(t, "somebody", builds).Configure(t, builds, map[string]string{setting: value})
		return Account(s, builds)
	}
}

func banned(t *testing.T) notifytest.Account {
	s := start(t, prosody.Options{})
	s.Join(t, "somebody", builds).Affiliate(t, builds, Bot, "outcast")
	return Account(s, builds)
}

func wrongPassword(t *testing.T) notifytest.Account {
	a := Account(start(t, prosody.Options{}), builds)
	const wrong = "incorrect horse battery"
	a.Credential = maps.Clone(a.Credential)
	a.Credential["password"] = secret.New(wrong)
	a.Secrets = append(a.Secrets, wrong)
	return a
}

func untrusted(t *testing.T) notifytest.Account {
	a := Account(start(t, prosody.Options{}), builds)
	delete(a.Credential, "ca.crt")
	return a
}

func down(t *testing.T) notifytest.Account {
	s := start(t, prosody.Options{})
	s.Stop(t)
	return Account(s, builds)
}

func elsewhere(t *testing.T) notifytest.Account {
	s := start(t, prosody.Options{})
	a := Account(s, builds)
	a.Config = json.RawMessage(fmt.Sprintf(`{"jid":"ci@elsewhere.test","server":%q}`, s.Address))
	return a
}
