// Package webhooktest is the generic webhook's harness: a receiver that checks each request as
// docs/services/webhook.md requires.
package webhooktest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/internal/notify/webhook"
	"github.com/travishook/travishook/internal/secret"
)

const (
	pathSecret = "/hooks/b7c1f0e2d93a4856"
	key        = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

// Harness tests one format.
type Harness struct {
	Format string // JSON or CloudEvents
}

var _ notifytest.Harness = Harness{}

// Service implements notifytest.Harness.
func (Harness) Service() notify.Service { return webhook.Service }

// Start implements notifytest.Harness.
func (h Harness) Start(t *testing.T) notifytest.Account {
	rec := &notifytest.Recorder{}
	account := h.account(notifytest.Serve(t, h.receive(rec)))
	account.Received = rec.Wait
	return account
}

// account has two channels on one server: the key url and another one.
func (h Harness) account(base string) notifytest.Account {
	return notifytest.Account{
		Config: json.RawMessage(fmt.Sprintf(`{"secretRef":{"name":"hook"},"format":%q}`, h.Format)),
		Credential: notify.Credential{
			"url":     secret.New(base + pathSecret + "/url\n"),
			"team-b":  secret.New(base + pathSecret + "/team-b"),
			"hmacKey": secret.New("whsec_" + key),
		},
		Addresses: []string{"", "team-b"},
		Person:    "ada",
		Handle:    strings.Repeat("0", 32) + "/" + strings.Repeat("0", 32),
		Secrets:   []string{pathSecret, key},
	}
}

// Hang implements notifytest.Harness.
func (h Harness) Hang(t *testing.T) (notifytest.Account, <-chan struct{}) {
	handler, reached := notifytest.Hangs()
	return h.account(notifytest.Serve(t, handler)), reached
}

// Faults implements notifytest.Harness.
func (h Harness) Faults() []notifytest.Fault {
	answers := func(code int, header http.Header) func(*testing.T) notifytest.Account {
		return h.arrange(notifytest.Answers(code, header, "you posted to "+pathSecret))
	}
	return []notifytest.Fault{
		{Name: "not-found", Arrange: answers(404, nil), Want: notifytest.Permanent, Says: "404"},
		{Name: "gone", Arrange: answers(410, nil), Want: notifytest.Permanent, Says: "410"},
		{Name: "unauthorized", Arrange: answers(401, nil), Want: notifytest.BadCredential, Says: "401"},
		{Name: "forbidden", Arrange: answers(403, nil), Want: notifytest.BadCredential, Says: "403"},
		{Name: "redirect", Arrange: answers(307, http.Header{"Location": {"https://example.com" + pathSecret}}),
			Want: notifytest.Permanent, Says: "redirects are not followed"},
		{Name: "redirect-to-nonsense", Arrange: answers(301, http.Header{"Location": {":" + pathSecret + "%zz"}}),
			Want: notifytest.Permanent, Says: "redirects"},
		{Name: "server-error", Arrange: answers(500, nil), Want: notifytest.Retry, Says: "500"},
		{Name: "too-many-requests", Arrange: answers(429, http.Header{"Retry-After": {"7"}}),
			Want: notifytest.RetryAfter, Wait: 7 * time.Second, Says: "429"},
		{Name: "unavailable-until", Arrange: answers(503, http.Header{"Retry-After": {"86400"}}),
			Want: notifytest.RetryAfter, Wait: time.Hour, Says: "503"},
		{Name: "answer-lost", Arrange: h.arrange(notifytest.Drops), Want: notifytest.AnswerLost},
		{Name: "connection-refused", Arrange: func(t *testing.T) notifytest.Account {
			return h.account("http://" + notifytest.ClosedPort(t))
		}, Want: notifytest.Retry, Says: "connection refused"},
		{Name: "not-trusted", Arrange: h.untrusted, Want: notifytest.Retry, Says: "certificate"},
	}
}

func (h Harness) arrange(handler http.HandlerFunc) func(*testing.T) notifytest.Account {
	return func(t *testing.T) notifytest.Account { return h.account(notifytest.Serve(t, handler)) }
}

// untrusted is a server with an untrusted certificate.
func (h Harness) untrusted(t *testing.T) notifytest.Account {
	server := httptest.NewUnstartedServer(notifytest.Answers(200, nil, ""))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it logs clients that hang up
	server.StartTLS()
	t.Cleanup(server.Close)
	return h.account(server.URL)
}

// Cannot implements notifytest.Harness.
func (Harness) Cannot() map[notifytest.Kind]string { return nil }

// BadAccounts implements notifytest.Harness.
func (h Harness) BadAccounts(*testing.T) []notifytest.BadAccount {
	good := h.account("https://example.com")
	with := func(key, value string) notify.Credential {
		return notify.Credential{key: secret.New(value)}
	}
	key := func(value string) notify.Credential {
		return notify.Credential{"url": good.Credential["url"], "hmacKey": secret.New(value)}
	}
	return []notifytest.BadAccount{
		{Name: "unknown format", Config: []byte(`{"format":"XML"}`), Credential: good.Credential, Says: "JSON or CloudEvents"},
		{Name: "only a key", Config: good.Config, Credential: with("hmacKey", "whsec_"+base64.StdEncoding.EncodeToString(make([]byte, 32))), Says: "url"},
		{Name: "no scheme", Config: good.Config, Credential: with("url", "example.com"+pathSecret), Says: "https://"},
		{Name: "another scheme", Config: good.Config, Credential: with("url", "ftp://example.com"+pathSecret), Says: "https://"},
		{Name: "no host", Config: good.Config, Credential: with("url", "https://:443"+pathSecret), Says: "url"},
		{Name: "broken URL", Config: good.Config, Credential: with("url", "https://example.com"+pathSecret+"/%zz"), Says: "url"},
		{Name: "short signing key", Config: good.Config, Credential: key("c2hvcnQ="), Says: "openssl rand -base64 32"},
		{Name: "signing key that is not base64", Config: good.Config, Credential: key("whsec_!!"), Says: "hmacKey"},
		{Name: "blank signing key", Config: good.Config, Credential: key(" \n"), Says: "hmacKey"},
	}
}

// BadAddresses implements notifytest.Harness.
func (Harness) BadAddresses() []string {
	return []string{"no-such-key", "hmacKey", "https://example.com/", "URL"}
}

// CheckShown implements notifytest.Harness: data arrives unchanged, within its limits, and the text is
// safe to show.
func (h Harness) CheckShown(sent notify.Message, got notifytest.Received) error {
	if len(got.Raw) > 128<<10 {
		return fmt.Errorf("the body has %d bytes", len(got.Raw))
	}
	for _, r := range got.Text {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return fmt.Errorf("%U is in the text", r)
		}
	}
	contentType := map[string]string{"JSON": "application/json", "CloudEvents": event.ApplicationCloudEventsJSON}[h.Format]
	_, d, err := h.decode(contentType, got.Raw)
	if err != nil {
		return err
	}
	for name, pair := range map[string][2]string{
		"branch":  {sent.Event.Build.Branch, d.Build.Branch},
		"message": {sent.Event.Commit.Message, d.Commit.Message},
		"author":  {sent.Event.Commit.Author, d.Commit.Author},
		"title":   {sent.Event.PullRequest.Title, d.PullRequest.Title},
	} {
		want, got := asJSON(pair[0]), pair[1]
		if cut, ok := strings.CutSuffix(got, "…"); ok && len(want) > 1000 {
			want, got = want[:len(cut)], cut
		}
		if got != want {
			return fmt.Errorf("%s is %.80q, want %.80q", name, got, want)
		}
	}
	return nil
}

// asJSON returns s as JSON can represent it: each byte that is not UTF-8 becomes U+FFFD.
func asJSON(s string) string {
	var out string
	raw, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	if err != nil {
		return err.Error()
	}
	return out
}
