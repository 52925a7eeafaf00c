// Package irc sends messages to IRC channels. docs/services/irc.md is its reference.
//
// Each account has one connection, which is kept. A message counts as delivered when the server has answered
// it, with a labeled response (IRCv3) if it supports them, else with its answer to a PING that follows.
package irc

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/secret"
)

// Keys of the account's Secret, besides those that all services share.
const (
	keyUsername       = "username"
	keyPassword       = "password"
	keyServerPassword = "serverPassword"
	// prefixKey begins the keys with the keys of channels (mode +k): key.builds for #builds.
	prefixKey = "key."
)

const (
	noTLS          = "None"
	styleMessage   = "Message"
	styleNotice    = "Notice"
	defaultPerMin  = 30
	maxChannelName = 64
	maxNickname    = 32
)

// Service is IRC.
var Service = notify.OverTCP(notify.Service{
	Name:    "irc",
	Title:   "IRC",
	Summary: "channels of any IRC network",
	Keys: []notify.Key{
		{Name: keyPassword, Doc: "The password of the account on the network (SASL); one trailing newline is ignored."},
		{Name: keyUsername, Doc: "The name of the account on the network; if omitted with a password, the nickname."},
		{Name: keyServerPassword, Doc: "The password of the server itself, which few networks have."},
		{Name: prefixKey + "CHANNEL", Doc: "The key of the channel #CHANNEL (mode +k), such as key.builds for #builds."},
		{Name: notify.KeyServer, Doc: "The server as host:port; takes precedence over the account's field server."},
	},
	SecretOptional:  true,
	KeepsConnection: true,
	Forms:           []notify.Capabilities{{Proof: notify.Sent, Longest: maxText}},
	Check: func(config json.RawMessage, credential notify.Credential) error {
		_, err := parseAccount(config, credential)
		return err
	},
	Address: func(_ json.RawMessage, _ notify.Credential, address string) (string, error) {
		return parseChannel(address)
	},
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
	Server         string `json:"server"`
	Nickname       string `json:"nickname"`
	TLS            string `json:"tls"`
	Style          string `json:"style"`
	LinesPerMinute int    `json:"linesPerMinute"`
}

// account is a parsed account.
type account struct {
	server         string // host:port
	host           string // of server, for its certificate
	plain          bool   // without TLS
	nickname       string
	username       string // of the account on the network; empty: no login
	password       secret.Value
	serverPassword secret.Value
	keys           map[string]string // of channels
	command        string            // NOTICE or PRIVMSG
	perMinute      int
	tls            *tls.Config
}

var nickname = regexp.MustCompile("^[A-Za-z\\[\\]\\\\`_^{|}][A-Za-z0-9\\[\\]\\\\`_^{|}-]*$")

// parseAccount reads an account's block and Secret. Its errors are for a condition.
func parseAccount(raw json.RawMessage, credential notify.Credential) (account, error) {
	var c config
	if err := json.Unmarshal(raw, &c); err != nil {
		return account{}, fmt.Errorf("read the account: %w", err)
	}
	a := account{nickname: c.Nickname, plain: c.TLS == noTLS, command: "NOTICE", perMinute: c.LinesPerMinute}
	var err error
	if a.server, err = notify.ParseServer(c.Server, credential); err != nil {
		return account{}, err
	}
	a.host, _, _ = net.SplitHostPort(a.server)
	if a.tls, err = notify.ParseTLS(credential, a.host); err != nil {
		return account{}, err
	}
	if err := a.parseFields(&c); err != nil {
		return account{}, err
	}
	return a, a.parseLogin(credential)
}

func (a *account) parseFields(c *config) error {
	switch {
	case a.server == "":
		return errors.New("the account has no server: set server, such as irc.libera.chat:6697")
	case !nickname.MatchString(c.Nickname) || len(c.Nickname) > maxNickname:
		return fmt.Errorf("nickname %.40q cannot be used on IRC: choose letters and digits, such as travis-ci", c.Nickname)
	case c.TLS != "" && c.TLS != "TLS" && c.TLS != noTLS:
		return fmt.Errorf("tls %.40q is unknown: set TLS or None", c.TLS)
	case c.Style != "" && c.Style != styleNotice && c.Style != styleMessage:
		return fmt.Errorf("style %.40q is unknown: set Notice or Message", c.Style)
	case c.LinesPerMinute < 0:
		return errors.New("linesPerMinute is negative: omit it for 30")
	case a.perMinute == 0:
		a.perMinute = defaultPerMin
	}
	if c.Style == styleMessage {
		a.command = "PRIVMSG"
	}
	return nil
}

// parseLogin reads the passwords and the channels' keys, and recognizes the usual mistakes.
func (a *account) parseLogin(credential notify.Credential) error {
	a.password = credential[keyPassword].WithoutNewline()
	a.serverPassword = credential[keyServerPassword].WithoutNewline()
	a.username = strings.TrimSpace(credential[keyUsername].Reveal())
	a.keys = map[string]string{}
	for name, value := range credential {
		if channel, ok := strings.CutPrefix(name, prefixKey); ok {
			a.keys["#"+strings.ToLower(channel)] = strings.TrimSpace(value.Reveal())
		}
	}
	if err := checkLines(credential); err != nil {
		return err
	}
	hasCertificate := len(a.tls.Certificates) > 0
	switch password := a.password.Reveal(); {
	case password == "" && a.username != "" && !hasCertificate:
		return errors.New("the Secret has a username and no password: put the password under the key password, or remove the username")
	case hasCertificate && a.plain:
		return errors.New("tls is None, and a client's certificate needs encryption: set tls to TLS, or remove tls.crt and tls.key from the Secret")
	case password != "" && a.plain:
		return errors.New("tls is None, which would reveal the password: set tls to TLS, or remove username and password from the Secret")
	case strings.HasPrefix(strings.ToLower(password), "oauth:"):
		return errors.New("the key password of the Secret has Twitch's token: put it under the key serverPassword, with oauth: before it")
	case strings.HasPrefix(password, "https://"), strings.HasPrefix(password, "xox"):
		return errors.New("the key password of the Secret has the credential of a chat service: put the password of the IRC account there")
	case password != "" && a.username == "":
		a.username = a.nickname
	}
	return nil
}

// checkLines refuses passwords and keys that would be several lines.
func checkLines(credential notify.Credential) error {
	pem := []string{notify.KeyCA, notify.KeyCertificate, notify.KeyCertificateKey}
	for name, value := range credential {
		text := strings.TrimRight(value.Reveal(), "\r\n")
		if !slices.Contains(pem, name) && strings.ContainsAny(text, "\r\n\x00") {
			return fmt.Errorf("the key %.60s of the Secret has several lines: IRC has no such password", name)
		}
	}
	return nil
}

// parseChannel normalizes a channel's address. Its errors are for a condition.
func parseChannel(address string) (string, error) {
	const write = "write the channel as #builds"
	switch {
	case address == "":
		return "", errors.New("the channel has no address: " + write)
	case strings.HasPrefix(address, "irc:"), strings.HasPrefix(address, "ircs:"):
		return "", fmt.Errorf("%.80q is a link: %s, and the server belongs to the account", address, write)
	case strings.ContainsAny(address, ","):
		return "", errors.New("the address has several channels, or a key: give each channel its own entry, " +
			"and put its key into the account's Secret under key.CHANNEL")
	case address[0] != '#' && address[0] != '&' || len(address) < 2:
		return "", fmt.Errorf("%.80q is not an IRC channel: %s", address, write)
	case len(address) > maxChannelName, !utf8.ValidString(address), strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r == 0x7f || r == ':' }):
		return "", fmt.Errorf("%.80q cannot be the name of an IRC channel: %s", address, write)
	}
	return lower(address), nil
}

// lower maps the letters that all servers consider equal.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
