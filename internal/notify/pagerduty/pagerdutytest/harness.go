// Package pagerdutytest is PagerDuty's harness, with a stand-in for its Events API.
package pagerdutytest

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/internal/notify/pagerduty"
	"github.com/travishook/travishook/internal/secret"
)

// Harness tests integrations of the Events API v2.
type Harness struct {
	EU bool // in the European service region
}

var _ notifytest.Harness = Harness{}

// Service implements notifytest.Harness.
func (Harness) Service() notify.Service { return pagerduty.Service }

// Start implements notifytest.Harness.
func (h Harness) Start(t *testing.T) notifytest.Account {
	s := &standIn{}
	a := h.account(notifytest.Listen(t, s.serve))
	a.Received = s.rec.Wait
	return a
}

func (h Harness) account(server string) notifytest.Account {
	config, host := `{"secretRef":{"name":"pagerduty"}}`, "events.pagerduty.com"
	if h.EU {
		config, host = `{"region":"EU","severity":"critical","secretRef":{"name":"pagerduty"}}`, "events.eu.pagerduty.com"
	}
	return notifytest.Account{
		Config:     json.RawMessage(config),
		Credential: notify.Credential{"routingKey": secret.New(key + "\n"), "release": secret.New(otherKey)},
		Addresses:  []string{"", "release"},
		Secrets:    []string{key, otherKey},
		HTTP:       notifytest.Detour(server, host),
	}
}

// Hang implements notifytest.Harness.
func (h Harness) Hang(t *testing.T) (notifytest.Account, <-chan struct{}) {
	handler, reached := notifytest.Hangs()
	return h.account(notifytest.Listen(t, handler)), reached
}

// Cannot implements notifytest.Harness.
func (Harness) Cannot() map[notifytest.Kind]string { return nil }

// BadAccounts implements notifytest.Harness.
func (Harness) BadAccounts(*testing.T) []notifytest.BadAccount {
	bad := func(name, config, value, says string) notifytest.BadAccount {
		return notifytest.BadAccount{Name: name, Config: []byte(config), Credential: notify.Credential{"routingKey": secret.New(value)}, Says: says}
	}
	return []notifytest.BadAccount{
		{Name: "no key", Config: []byte(`{}`), Says: "under the key routingKey"},
		bad("half a key", `{}`, key[:30], "32 letters and digits"),
		bad("a key of the REST API", `{}`, "y_NbAkKc66ryYTWUXYEu", "REST API"),
		bad("a URL", `{}`, "https://events.pagerduty.com/integration/"+key+"/enqueue", "alone"),
		bad("an e-mail integration", `{}`, "builds@example.pagerduty.com", "an e-mail integration"),
		bad("an unknown region", `{"region":"AU"}`, key, "US or EU"),
		bad("an unknown severity", `{"severity":"high"}`, key, "critical, error, warning, info"),
	}
}

// BadAddresses implements notifytest.Harness.
func (Harness) BadAddresses() []string { return []string{"builds", "#builds", key, "no-such-key"} }

// CheckShown implements notifytest.Harness. PagerDuty's texts have no markup.
func (Harness) CheckShown(_ notify.Message, got notifytest.Received) error {
	var e event
	if err := json.Unmarshal(got.Raw, &e); err != nil {
		return err
	}
	shown := []string{e.Payload.Summary, e.Payload.Source, e.Payload.Component, e.Payload.Group, e.Payload.Class}
	for name, value := range e.Payload.Details {
		shown = append(shown, name, value)
	}
	for _, l := range e.Links {
		shown = append(shown, l.Text)
	}
	for _, s := range shown {
		if err := notifytest.CheckCharacters(s, false); err != nil {
			return err
		}
	}
	return nil
}

// Faults implements notifytest.Harness.
func (h Harness) Faults() []notifytest.Fault {
	return []notifytest.Fault{
		{Name: "rate-limited", Arrange: h.answers(429, nil, ""), Want: notifytest.RetryAfter, Wait: 2 * time.Minute, Says: "too many events"},
		{Name: "rate-limited-with-a-time", Arrange: h.answers(429, http.Header{"Retry-After": {"30"}}, ""), Want: notifytest.RetryAfter, Wait: 30 * time.Second},
		{Name: "server-error", Arrange: h.answers(500, nil, ""), Want: notifytest.Retry, Says: "500"},
		{Name: "redirect", Arrange: h.answers(302, http.Header{"Location": {"https://www.pagerduty.com/"}}, ""), Want: notifytest.Permanent, Says: "redirects are not followed"},
		{Name: "not-pagerduty", Arrange: h.answers(200, nil, "<html>"), Want: notifytest.AnswerLost, Says: "not PagerDuty's"},
		{Name: "answer-lost", Arrange: h.arrange(notifytest.Drops), Want: notifytest.AnswerLost},
		{Name: "connection-refused", Arrange: func(t *testing.T) notifytest.Account {
			return h.account(notifytest.ClosedPort(t))
		}, Want: notifytest.Retry, Says: "connection refused"},
		{Name: "unknown-key", Arrange: func(t *testing.T) notifytest.Account {
			a := h.Start(t)
			a.Credential = notify.Credential{"routingKey": secret.New(key[1:] + "x")}
			return a
		}, Want: notifytest.BadCredential, Says: "no such integration key"},
		{Name: "too-large", Arrange: h.answers(413, nil, ""), Want: notifytest.Permanent, Says: "413"},
		{Name: "refused", Arrange: h.answers(400, nil, `{"status":"invalid event","errors":"of `+key+`"}`), Want: notifytest.Permanent, Says: "does not accept"},
	}
}

func (h Harness) answers(code int, header http.Header, body string) func(*testing.T) notifytest.Account {
	return h.arrange(notifytest.Answers(code, header, body))
}

func (h Harness) arrange(handler http.HandlerFunc) func(*testing.T) notifytest.Account {
	return func(t *testing.T) notifytest.Account { return h.account(notifytest.Listen(t, handler)) }
}
