// Package emailtest is e-mail's harness, with a real mail server that refuses on demand.
package emailtest

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/email"
	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/text"
	"github.com/travishook/travishook/test/certificate"
)

const (
	user     = "ci-user@example.com"
	password = "correct horse battery"
	team     = "team@example.org"
)

// Harness is e-mail's, for one value of the account's field tls.
type Harness struct{ TLS string }

// Service implements notifytest.Harness.
func (Harness) Service() notify.Service { return email.Service }

// Options are the options of a server for the harness.
func (h Harness) Options() Options {
	o := Options{DirectTLS: h.TLS == "TLS", NoTLS: h.TLS == "None"}
	if !o.NoTLS {
		o.Users = map[string]string{user: password}
	}
	if o.DirectTLS {
		o.Mechanism = "LOGIN"
	}
	return o
}

// Account returns an account on s, whose address only the Secret has.
func Account(s *Server, mode string) notifytest.Account {
	config, _ := json.Marshal(map[string]any{
		"from": "Travis CI <ci@example.com>", "tls": mode, "secretRef": map[string]string{"name": "mail"},
	})
	credential := notify.Credential{"server": secret.New(s.Address + "\n")}
	if mode != "None" {
		credential["username"], credential["password"] = secret.New(user), secret.New(password+"\n")
	}
	if s.CA != nil {
		credential["ca.crt"] = secret.New(string(s.CA))
	}
	return notifytest.Account{
		Config: config, Credential: credential, Addresses: []string{"team@EXAMPLE.org", "Größe@bücher.example"},
		Secrets: []string{password, s.Address, "127.0.0.1"},
		Handle:  strings.Repeat("0", 32) + "@example.com Passed",
	}
}

// Start implements notifytest.Harness.
func (h Harness) Start(t *testing.T) notifytest.Account {
	s := StartServer(t, h.Options())
	a := Account(s, h.TLS)
	a.Received = func(t *testing.T, n int) []notifytest.Received {
		got := s.mails.Wait(t, n)
		for i := range got {
			got[i].Answers = 1 + slices.IndexFunc(got, func(r notifytest.Received) bool {
				first := parse(got[i].Raw).Header.Get("In-Reply-To")
				return first != "" && parse(r.Raw).Header.Get("Message-ID") == first
			})
		}
		return got
	}
	return a
}

// Hang implements notifytest.Harness.
func (h Harness) Hang(t *testing.T) (notifytest.Account, <-chan struct{}) {
	address, reached := notifytest.Silent(t)
	return Account(&Server{Address: address}, h.TLS), reached
}

// BadAddresses implements notifytest.Harness.
func (Harness) BadAddresses() []string {
	return []string{
		"", "team", "@example.com", "team@", "mailto:team@example.com", "Team <team@example.com>", "a@example.com, b@example.com",
		"a b@example.com", "a@b@example.com", `"a b"@example.com`, ".a@example.com", "a@exa mple.com", "#builds", "a\r\nDATA@example.com",
		strings.Repeat("a", 65) + "@example.com",
	}
}

// BadAccounts implements notifytest.Harness.
func (Harness) BadAccounts(*testing.T) []notifytest.BadAccount {
	const good = `{"server":"smtp.example.com:587","from":"ci@example.com"}`
	var bad []notifytest.BadAccount
	for _, b := range []struct {
		name, config string
		credential   map[string]string
		says         string
	}{
		{"no sender", `{"server":"smtp.example.com:587"}`, nil, "from"},
		{"a sender that is none", `{"server":"smtp.example.com:587","from":"ci"}`, nil, "ci@example.com"},
		{"no server", `{"from":"ci@example.com"}`, nil, "smtp.example.com:587"},
		{"a server without a port", `{"server":"smtp.example.com","from":"ci@example.com"}`, nil, "host:port"},
		{"a server that is a URL", `{"server":"smtp://example.com:25","from":"ci@example.com"}`, nil, "host:port"},
		{"unknown encryption", `{"server":"smtp.example.com:587","from":"ci@example.com","tls":"SSL"}`, nil, "StartTLS, TLS or None"},
		{"a password in the open", `{"server":"smtp.example.com:25","from":"ci@example.com","tls":"None"}`, map[string]string{"password": "a password"}, "reveal the password"},
		{"a user name alone", good, map[string]string{"username": "ci"}, "key password"},
		{"the URL of a webhook", good, map[string]string{"password": "https://hooks.slack.com/services/x"}, "chat service"},
		{"a token of Slack", good, map[string]string{"password": "xoxb-1"}, "chat service"},
		{"SendGrid with an address", `{"server":"smtp.sendgrid.net:587","from":"ci@example.com"}`, map[string]string{"password": "SG.x"}, "apikey"},
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

// received is what a person sees of a mail: the subject and the plain part.
func received(m Mail) notifytest.Received {
	parsed := parse(m.Content)
	id, _, _ := strings.Cut(strings.Trim(parsed.Header.Get("Message-ID"), "<>"), "@")
	subject, _ := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
	got := notifytest.Received{Address: m.To, ID: id, Text: subject, Raw: m.Content}
	if parts, err := Parts(m.Content); err == nil {
		got.Text += "\n" + parts[0]
	}
	return got
}

func parse(content []byte) *mail.Message {
	m, err := mail.ReadMessage(bytes.NewReader(content))
	if err != nil {
		return &mail.Message{Header: mail.Header{}, Body: strings.NewReader("")}
	}
	return m
}

// Parts returns the plain part and the HTML part of a mail.
func Parts(content []byte) ([2]string, error) {
	var parts [2]string
	m, err := mail.ReadMessage(bytes.NewReader(content))
	if err != nil {
		return parts, err
	}
	_, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return parts, err
	}
	r := multipart.NewReader(m.Body, parameters["boundary"])
	for i, want := range []string{"text/plain; charset=utf-8", "text/html; charset=utf-8"} {
		p, err := r.NextPart()
		if err != nil {
			return parts, err
		}
		raw, err := io.ReadAll(p)
		if got := p.Header.Get("Content-Type"); err != nil || got != want {
			return parts, fmt.Errorf("part %d is %s: %w", i, got, err)
		}
		parts[i] = strings.ReplaceAll(string(raw), "\r\n", "\n")
	}
	if _, err := r.NextPart(); !errors.Is(err, io.EOF) {
		return parts, errors.New("a third part")
	}
	return parts, nil
}

// headers are the headers of a mail, each once.
var headers = []string{
	"From", "To", "Subject", "Date", "Message-Id", "References", "In-Reply-To", "List-Id", "Auto-Submitted",
	"X-Auto-Response-Suppress", "Travis-Ci-Repository", "Travis-Ci-Result", "Mime-Version", "Content-Type",
}

// CheckShown looks for headers, parts, elements and links that the text injected.
func (Harness) CheckShown(sent notify.Message, got notifytest.Received) error {
	for _, line := range strings.Split(string(got.Raw), "\r\n") {
		if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00") {
			return fmt.Errorf("a line that mail cannot have: %.100q", line)
		}
	}
	for name, values := range parse(got.Raw).Header {
		if !slices.Contains(headers, name) || len(values) != 1 {
			return fmt.Errorf("header %s: %q", name, values)
		}
	}
	parts, err := Parts(got.Raw)
	if err != nil {
		return err
	}
	if shown := strings.ReplaceAll(got.Text, "\n", ""); text.Line(shown) != shown {
		return fmt.Errorf("not a text to be read: %q", got.Text)
	}
	if subject, _, _ := strings.Cut(got.Text, "\n"); !strings.Contains(subject, sent.Event.Repository.Slug()+"#") || len(subject) > 500 {
		return fmt.Errorf("subject %q", subject)
	}
	return checkHTML(sent, parts[1])
}

var elements = []string{"html", "head", "meta", "body", "table", "tr", "td", "p", "a", "br"}

func checkHTML(sent notify.Message, page string) error {
	var hosts []string
	for _, s := range append(slices.Clone(sent.Body()), fieldSpans(sent.Fields)...) {
		if u, err := url.Parse(s.URL); err == nil && (u.Scheme == "https" || u.Scheme == "http") {
			hosts = append(hosts, u.Host)
		}
	}
	tokens := html.NewTokenizer(strings.NewReader(page))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			if errors.Is(tokens.Err(), io.EOF) {
				return nil
			}
			return tokens.Err()
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			token := tokens.Token()
			if !slices.Contains(elements, token.Data) {
				return fmt.Errorf("element %s", token.Data)
			}
			for _, a := range token.Attr {
				u, err := url.Parse(a.Val)
				if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "href" && (err != nil || !slices.Contains(hosts, u.Host)) {
					return fmt.Errorf("attribute %s=%q", a.Key, a.Val)
				}
			}
		case html.CommentToken:
			return errors.New("a comment")
		case html.TextToken, html.DoctypeToken:
		}
	}
}

func fieldSpans(fields []notify.Field) []notify.Span {
	var spans []notify.Span
	for _, f := range fields {
		spans = append(spans, f.Value)
	}
	return spans
}

func tlsListener(t *testing.T, l net.Listener, issued certificate.Issued) net.Listener {
	return tls.NewListener(l, issued.Config(t))
}
