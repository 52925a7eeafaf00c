// Package email sends messages as e-mail, through a mail server that relays them (SMTP submission).
// docs/services/email.md is its reference.
package email

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"regexp"
	"strings"

	"golang.org/x/net/idna"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/secret"
)

// Keys of the account's Secret, besides those that all services share.
const (
	keyUsername = "username"
	keyPassword = "password"
)

// The values of the account's field tls.
const (
	startTLS  = "StartTLS"
	directTLS = "TLS"
	noTLS     = "None"
)

// portTLS is the port at which TLS comes first.
const portTLS = "465"

// Service is e-mail.
var Service = notify.OverTCP(notify.Service{
	Name:    "email",
	Title:   "E-mail",
	Summary: "each channel is one recipient, through any mail server (SMTP)",
	Keys: []notify.Key{
		{Name: keyPassword, Doc: "The password for the mail server; one trailing newline is ignored."},
		{Name: keyUsername, Doc: "The user name for the mail server; if omitted, the address in the account's field from."},
		{Name: notify.KeyServer, Doc: "The mail server as host:port; takes precedence over the account's field server."},
	},
	SecretOptional: true,
	Forms:          []notify.Capabilities{{Thread: true, Idempotent: true, Proof: notify.Accepted, Longest: maxText}},
	Check: func(config json.RawMessage, credential notify.Credential) error {
		_, err := parseAccount(config, credential)
		return err
	},
	Address:  address,
	Endpoint: endpoint,
	New: func(config json.RawMessage, credential notify.Credential, deps notify.Deps) (notify.Notifier, error) {
		a, err := parseAccount(config, credential)
		if err != nil {
			return nil, err
		}
		return newNotifier(a, deps), nil
	},
})

// config is the account's block in TravisDefaults.
type config struct {
	Server string `json:"server"`
	From   string `json:"from"`
	TLS    string `json:"tls"`
}

// account is a parsed account.
type account struct {
	server   string // host:port
	host     string // of server, for its certificate
	mode     string // the field tls
	from     mail.Address
	domain   string // of from, in the form of DNS
	username string // empty: no login
	password secret.Value
	tls      *tls.Config
	hidden   []string // must not show in an error
}

// parseAccount reads an account's block and Secret. Its errors are for a condition.
func parseAccount(raw json.RawMessage, credential notify.Credential) (account, error) {
	var c config
	if err := json.Unmarshal(raw, &c); err != nil {
		return account{}, fmt.Errorf("read the account: %w", err)
	}
	a := account{mode: c.TLS}
	from, err := mail.ParseAddress(c.From)
	if err != nil {
		return account{}, fmt.Errorf("from %.80q is not an address: write it as ci@example.com or Travis CI <ci@example.com>", c.From)
	}
	normalized, domain, err := mailbox(from.Address)
	if err != nil {
		return account{}, fmt.Errorf("from: %w", err)
	}
	a.from, a.domain = mail.Address{Name: from.Name, Address: normalized}, domain
	if err := a.parseServer(c.Server, credential); err != nil {
		return account{}, err
	}
	if a.tls, err = notify.ParseTLS(credential, a.host); err != nil {
		return account{}, err
	}
	return a, a.parseLogin(credential)
}

func (a *account) parseServer(field string, credential notify.Credential) error {
	var err error
	if a.server, err = notify.ParseServer(field, credential); err != nil {
		return err
	}
	if a.server == "" {
		return errors.New("the account has no mail server: set server, such as smtp.example.com:587")
	}
	host, port, _ := net.SplitHostPort(a.server)
	a.host = host
	if field == "" || !credential[notify.KeyServer].Empty() {
		a.hidden = append(a.hidden, host)
	}
	switch {
	case a.mode == "" && port == portTLS:
		a.mode = directTLS
	case a.mode == "":
		a.mode = startTLS
	case a.mode != startTLS && a.mode != directTLS && a.mode != noTLS:
		return fmt.Errorf("tls %.40q is unknown: set StartTLS, TLS or None", a.mode)
	}
	return nil
}

// parseLogin reads the user name and the password, and recognizes the usual mistakes.
func (a *account) parseLogin(credential notify.Credential) error {
	a.password = credential[keyPassword].WithoutNewline()
	a.username = strings.TrimSpace(credential[keyUsername].Reveal())
	switch password := a.password.Reveal(); {
	case password == "" && a.username == "":
		return nil
	case password == "":
		return errors.New("the Secret has a username and no password: put the password under the key password, " +
			"or remove the username if the server asks for no login")
	case a.mode == noTLS:
		return errors.New("tls is None, which would reveal the password: set StartTLS or TLS, or remove username and password from the Secret")
	case strings.HasPrefix(password, "https://"), strings.HasPrefix(password, "xox"):
		return errors.New("the key password of the Secret has the credential of a chat service: put the mail server's password there")
	case strings.HasSuffix(a.host, ".sendgrid.net") && a.username != "apikey":
		return errors.New("SendGrid's user name is the word apikey: put it under the key username, and the API key under password")
	}
	if a.username == "" {
		a.username = a.from.Address
	}
	a.hidden = append(a.hidden, a.password.Reveal())
	return nil
}

// localPart is what an address may have before the @: a dot-atom (RFC 5322), of any script.
var localPart = regexp.MustCompile("^[\\pL\\pM\\pN!#$%&'*+/=?^_`{|}~-]+(\\.[\\pL\\pM\\pN!#$%&'*+/=?^_`{|}~-]+)*$")

const maxLocalPart, maxAddress = 64, 254

// mailbox normalizes an address, and returns its domain in the form of DNS.
func mailbox(address string) (normalized, domain string, err error) {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return "", "", fmt.Errorf("%.80q is not an e-mail address: write it as team@example.com", address)
	}
	local := address[:at]
	domain, err = idna.Lookup.ToASCII(address[at+1:])
	if err != nil || domain == "" || len(local) > maxLocalPart || len(local)+1+len(domain) > maxAddress || !localPart.MatchString(local) {
		return "", "", fmt.Errorf("%.80q is not an e-mail address: write it as team@example.com", address)
	}
	domain = strings.ToLower(domain)
	return local + "@" + domain, domain, nil
}

// address normalizes a channel's address: one e-mail address, so that each recipient has an outcome.
func address(_ json.RawMessage, _ notify.Credential, address string) (string, error) {
	switch {
	case address == "":
		return "", errors.New("the channel has no address: write the recipient as team@example.com")
	case strings.HasPrefix(strings.ToLower(address), "mailto:"):
		return "", fmt.Errorf("%.80q is a link: write the address without mailto: before it", address)
	case strings.ContainsAny(address, ",;"):
		return "", errors.New("the address has several recipients: give each a channel of its own, so that each is retried by itself")
	case strings.ContainsAny(address, "<>"):
		return "", fmt.Errorf("%.80q has a name: write the address alone, as team@example.com", address)
	}
	normalized, _, err := mailbox(address)
	return normalized, err
}

// endpoint is the recipient at the mail server, for the sender as the server knows it: a login that it refuses must
// not count against the one that it accepts.
func endpoint(raw json.RawMessage, credential notify.Credential, address string) []string {
	a, err := parseAccount(raw, credential)
	if err != nil {
		return []string{address}
	}
	return []string{strings.ToLower(a.server), a.mode, a.username, a.password.Reveal(), a.from.Address, address}
}
