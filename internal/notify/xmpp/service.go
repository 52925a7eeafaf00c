// Package xmpp sends messages to XMPP's multi-user chat rooms (XEP-0045).
//
// Each account has one connection, which is opened with the first message, kept, and opened again with
// the next message after it was lost. A message counts as delivered when the room has reflected it.
package xmpp

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/idna"
	"mellium.im/xmpp/jid"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/secret"
)

// keyPassword is the key of the account's Secret with the password.
const keyPassword = "password"

const defaultPort = "5222"

// Service is XMPP, for the registry.
var Service = notify.OverTCP(notify.Service{
	Name:  "xmpp",
	Title: "XMPP", Summary: "chat rooms of any XMPP server",
	Keys: []notify.Key{
		{Name: keyPassword, Required: true, Doc: "The account's password; one trailing newline is ignored."},
		{Name: notify.KeyServer, Doc: "The server as host:port; takes precedence over the account's field server."},
	},
	KeepsConnection: true,
	Forms:           []notify.Capabilities{{Edit: true, Mention: true, Proof: notify.Shown, Longest: maxBody}},
	Check: func(config json.RawMessage, credential notify.Credential) error {
		_, err := parseAccount(config, credential)
		return err
	},
	Address: func(_ json.RawMessage, _ notify.Credential, address string) (string, error) {
		room, err := parseRoom(address)
		return room.String(), err
	},
	Person: parsePerson,
	New: func(config json.RawMessage, credential notify.Credential, deps notify.Deps) (notify.Notifier, error) {
		a, err := parseAccount(config, credential)
		if err != nil {
			return nil, err
		}
		return newNotifier(a, deps, defaultTiming), nil
	},
})

// config is the account's block in TravisDefaults.
type config struct {
	JID      string `json:"jid"`
	Server   string `json:"server"`
	Nickname string `json:"nickname"`
}

// account is a parsed account.
type account struct {
	jid      jid.JID
	domain   string // of jid, in the form of DNS and certificates
	server   string // host:port; empty: from domain's DNS records
	nickname string
	password secret.Value
	tls      *tls.Config
}

// parseAccount reads an account's block and Secret. Its errors are for a condition.
func parseAccount(raw json.RawMessage, credential notify.Credential) (account, error) {
	var c config
	if err := json.Unmarshal(raw, &c); err != nil {
		return account{}, fmt.Errorf("read the account: %w", err)
	}
	address, err := jid.Parse(c.JID)
	if err != nil || address.Localpart() == "" || address.Resourcepart() != "" {
		return account{}, fmt.Errorf("jid %.80q is not an account's address: write it as user@example.com", c.JID)
	}
	domain, err := idna.Lookup.ToASCII(address.Domainpart())
	if err != nil {
		return account{}, fmt.Errorf("jid %.80q has a domain that cannot be looked up", c.JID)
	}
	a := account{jid: address, domain: domain, nickname: c.Nickname}
	if a.nickname == "" {
		a.nickname = address.Localpart()
	}
	if _, err := address.WithResource(a.nickname); err != nil {
		return account{}, fmt.Errorf("nickname %.80q cannot be used in a room: choose letters and digits", c.Nickname)
	}
	if a.password = credential[keyPassword].WithoutNewline(); a.password.Empty() {
		return account{}, errors.New("the Secret has no password: put the account's password under the key password")
	}
	if a.server, err = notify.ParseServer(c.Server, credential); err != nil {
		return account{}, err
	}
	a.tls, err = notify.ParseTLS(credential, domain)
	return a, err
}

// parseRoom reads a room's address. Its errors are for a condition.
func parseRoom(address string) (jid.JID, error) {
	if address == "" {
		return jid.JID{}, errors.New("the channel has no address: write the room as room@rooms.example.com")
	}
	room, err := jid.Parse(address)
	if err != nil || room.Localpart() == "" || room.Resourcepart() != "" {
		return jid.JID{}, fmt.Errorf("%.80q is not a room: write it as room@rooms.example.com", address)
	}
	return room, nil
}

// parsePerson reads the nickname of a person. Its errors are for a condition.
func parsePerson(nickname string) (string, error) {
	parsed, err := jid.New("room", "rooms.example.com", nickname)
	if err != nil || nickname == "" || strings.HasPrefix(nickname, "@") || strings.ContainsAny(nickname, "<>") ||
		parsed.Resourcepart() != strings.TrimSpace(nickname) || parsed.Resourcepart() != nickname {
		return "", fmt.Errorf("%.40q is not a nickname in a chat room: write it as in the room's list of occupants, without @", nickname)
	}
	return nickname, nil
}
