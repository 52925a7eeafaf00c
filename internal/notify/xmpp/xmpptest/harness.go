// Package xmpptest is XMPP's harness, with a real Prosody server.
package xmpptest

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/internal/notify/xmpp"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/text"
	"github.com/travishook/travishook/test/prosody"
)

// Bot is the account that messages are sent as.
var Bot = prosody.Account{Name: "ci", Password: "correct horse battery"}

const (
	builds = "builds@" + prosody.Rooms
	other  = "other@" + prosody.Rooms
	person = "ada"
)

// Harness is XMPP's.
type Harness struct{}

// Service implements notifytest.Harness.
func (Harness) Service() notify.Service { return xmpp.Service }

// Account returns the account Bot on s, with rooms.
func Account(s *prosody.Server, rooms ...string) notifytest.Account {
	config, _ := json.Marshal(map[string]any{
		"jid": Bot.JID(), "server": s.Address, "secretRef": map[string]string{"name": "jabber"},
	})
	return notifytest.Account{
		Config:     config,
		Credential: notify.Credential{"password": secret.New(Bot.Password + "\n"), "ca.crt": secret.New(string(s.CA))},
		Addresses:  rooms,
		Person:     person,
		Secrets:    []string{Bot.Password},
	}
}

// Start starts Prosody with two rooms that have an occupant.
func (Harness) Start(t *testing.T) notifytest.Account {
	s := prosody.Start(t, prosody.Options{Accounts: []prosody.Account{Bot}})
	occupant := s.Join(t, "somebody", builds, other)
	a := Account(s, "Builds@"+strings.ToUpper(prosody.Rooms), other)
	a.Received = func(t *testing.T, n int) []notifytest.Received {
		var got []notifytest.Received
		for _, m := range occupant.Messages(t, n) {
			edits := 1 + slices.IndexFunc(got, func(r notifytest.Received) bool { return m.Replaces != "" && r.ID == m.Replaces })
			r := notifytest.Received{Address: m.Room, ID: m.OriginID, Text: m.Body, Raw: m.Raw, Edits: edits}
			if strings.HasPrefix(m.Body, person+": ") {
				r.Mentions = []string{person}
			}
			got = append(got, r)
		}
		return got
	}
	return a
}

// Hang starts a server that accepts connections and sends nothing.
func (Harness) Hang(t *testing.T) (notifytest.Account, <-chan struct{}) {
	address, reached := notifytest.Silent(t)
	a := Account(&prosody.Server{Address: address}, builds)
	delete(a.Credential, "ca.crt")
	return a, reached
}

// Cannot implements notifytest.Harness.
func (Harness) Cannot() map[notifytest.Kind]string {
	return map[notifytest.Kind]string{
		notifytest.RetryAfter: "a stanza error of type wait does not say how long",
	}
}

// BadAddresses implements notifytest.Harness.
func (Harness) BadAddresses() []string {
	return []string{"", "rooms.xmpp.test", "@rooms.xmpp.test", "builds@", builds + "/somebody", "a b@rooms.xmpp.test", "#builds"}
}

// BadAccounts implements notifytest.Harness.
func (h Harness) BadAccounts(*testing.T) []notifytest.BadAccount {
	account := func(config string, more notify.Credential) (json.RawMessage, notify.Credential) {
		c := notify.Credential{"password": secret.New("a password")}
		for k, v := range more {
			c[k] = v
		}
		return json.RawMessage(config), c
	}
	var bad []notifytest.BadAccount
	for _, b := range []struct {
		name, config string
		more         notify.Credential
		says         string
	}{
		{"no jid", `{}`, nil, "user@example.com"},
		{"a domain for a jid", `{"jid":"example.com"}`, nil, "user@example.com"},
		{"a jid with a resource", `{"jid":"ci@example.com/here"}`, nil, "user@example.com"},
		{"a server that is a URL", `{"jid":"ci@example.com","server":"https://example.com"}`, nil, "host:port"},
		{"a server without a host", `{"jid":"ci@example.com","server":":5222"}`, nil, "host:port"},
		{"a port that is none", `{"jid":"ci@example.com","server":"example.com:x"}`, nil, "host:port"},
		{"a nickname that cannot be", `{"jid":"ci@example.com","nickname":"a\nb"}`, nil, "nickname"},
		{"a server in the Secret that is none", `{"jid":"ci@example.com"}`, notify.Credential{"server": secret.New("a b")}, "key server"},
		{"an authority that is none", `{"jid":"ci@example.com"}`, notify.Credential{"ca.crt": secret.New("x")}, "ca.crt"},
	} {
		config, credential := account(b.config, b.more)
		bad = append(bad, notifytest.BadAccount{Name: b.name, Config: config, Credential: credential, Says: b.says})
	}
	return bad
}

// known are the elements of the operator's messages as the server relays them.
var known = []string{"message", "body", "html", "p", "span", "a", "origin-id", "stanza-id", "occupant-id", "unstyled"}

// CheckShown looks for elements, links and lines that the text injected.
func (Harness) CheckShown(sent notify.Message, got notifytest.Received) error {
	d := xml.NewDecoder(bytes.NewReader(got.Raw))
	for depth := 0; ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("not XML: %w", err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			if depth++; (depth == 1) != (e.Name.Local == "message") || !slices.Contains(known, e.Name.Local) {
				return fmt.Errorf("element %s at depth %d", e.Name.Local, depth)
			}
			if err := checkLink(sent, e); err != nil {
				return err
			}
		case xml.EndElement:
			depth--
		}
	}
	if strings.Count(got.Text, "\n") > strings.Count(strings.ReplaceAll(sent.Text, "\r\n", "\n"), "\n") {
		return errors.New("more lines than were sent")
	}
	if strings.TrimRight(got.Text, "…") == "" || text.Lines(got.Text) != got.Text {
		return fmt.Errorf("not a text to be read: %q", got.Text)
	}
	return nil
}

// checkLink refuses links that are not in the message.
func checkLink(sent notify.Message, e xml.StartElement) error {
	for _, a := range e.Attr {
		if a.Name.Local != "href" {
			continue
		}
		if _, err := url.Parse(a.Value); err != nil {
			return err
		}
		if !slices.ContainsFunc(sent.Spans, func(s notify.Span) bool { return s.URL == a.Value }) {
			return fmt.Errorf("link %q", a.Value)
		}
	}
	return nil
}
