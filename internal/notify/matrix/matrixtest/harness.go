// Package matrixtest is Matrix's harness, with a stand-in for a homeserver.
package matrixtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/matrix"
	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/internal/secret"
)

// Harness tests a bot.
type Harness struct{}

var _ notifytest.Harness = Harness{}

// Service implements notifytest.Harness.
func (Harness) Service() notify.Service { return matrix.Service }

// Start implements notifytest.Harness.
func (Harness) Start(t *testing.T) notifytest.Account {
	s := newStandIn()
	a := account(notifytest.Serve(t, s.handler()))
	a.Received, a.Forget, a.LockThreads = s.rec.Wait, s.forget, s.lockThreads
	return a
}

func account(base string) notifytest.Account {
	return notifytest.Account{
		Config:     json.RawMessage(fmt.Sprintf(`{"server":%q,"secretRef":{"name":"matrix"}}`, base)),
		Credential: notify.Credential{"token": secret.New(token + "\n")},
		Addresses:  []string{Builds, release},
		Secrets:    []string{token},
		Handle:     buildsID + " " + earlier,
		Person:     person,
	}
}

// Hang implements notifytest.Harness.
func (Harness) Hang(t *testing.T) (notifytest.Account, <-chan struct{}) {
	handler, reached := notifytest.Hangs()
	return account(notifytest.Serve(t, handler)), reached
}

// Cannot implements notifytest.Harness.
func (Harness) Cannot() map[notifytest.Kind]string { return nil }

// BadAccounts implements notifytest.Harness.
func (Harness) BadAccounts(*testing.T) []notifytest.BadAccount {
	bad := func(name, config, value, says string) notifytest.BadAccount {
		return notifytest.BadAccount{Name: name, Config: []byte(config), Credential: notify.Credential{"token": secret.New(value)}, Says: says}
	}
	const good = `{"server":"https://matrix.example.com"}`
	return []notifytest.BadAccount{
		bad("no server", `{}`, token, "key server of its Secret"),
		bad("a server's name", `{"server":"example.com"}`, token, "write it as https://"),
		bad("the API's URL", `{"server":"https://matrix.example.com/_matrix/client/v3"}`, token, "write it without"),
		bad("a header", good, "Bearer "+token, "begins with Bearer"),
		bad("a URL", good, "https://matrix.example.com?access_token="+token, "has a URL"),
		bad("a refresh token", good, "syr_"+token, "a refresh token"),
		bad("Slack's token", good, "xoxb-"+token, "a token of Slack"),
		bad("a password", good, "correct horse battery staple", "a password is none"),
		bad("a user", good, bot, "a password is none"),
	}
}

// BadAddresses implements notifytest.Harness.
func (Harness) BadAddresses() []string {
	return []string{
		"", "builds", "#builds", "#", "!", "#:example.com", "@ann:example.com", "#two words:example.com", "#a:b:c", "#builds:exa mple.com",
		"https://matrix.to/#/#builds:example.com", "matrix:r/builds:example.com", "!a/../b c", "#builds:example.com/x", "#" + strings.Repeat("a", 250) + ":example.com",
	}
}

// CheckShown implements notifytest.Harness.
func (Harness) CheckShown(_ notify.Message, got notifytest.Received) error {
	var c Content
	if err := json.Unmarshal(got.Raw, &c); err != nil {
		return err
	}
	return checkContent(c)
}

// Faults implements notifytest.Harness.
func (Harness) Faults() []notifytest.Fault {
	refused := func(status int, code, more string) func(*testing.T) notifytest.Account {
		return posts(notifytest.Answers(status, nil, fmt.Sprintf(`{"errcode":%q,"error":"of %s"%s}`, code, token, more)))
	}
	room := func(address string) func(*testing.T) notifytest.Account {
		return with(func(a *notifytest.Account) { a.Addresses = []string{address} })
	}
	return []notifytest.Fault{
		{Name: "rate-limited", Want: notifytest.RetryAfter, Wait: 2 * time.Second, Says: "429",
			Arrange: posts(notifytest.Answers(429, http.Header{"Retry-After": {"2"}}, `{"errcode":"M_LIMIT_EXCEEDED","error":"x","retry_after_ms":1500}`))},
		{Name: "rate-limited-by-an-older-homeserver", Want: notifytest.RetryAfter, Wait: 1500 * time.Millisecond, Says: "429",
			Arrange: refused(429, "M_LIMIT_EXCEEDED", `,"retry_after_ms":1500`)},
		{Name: "rate-limited-without-a-time", Want: notifytest.Retry, Says: "429", Arrange: refused(429, "M_LIMIT_EXCEEDED", "")},
		{Name: "limit-of-the-server", Want: notifytest.Retry, Says: "ask its administrator", Arrange: refused(403, "M_RESOURCE_LIMIT_EXCEEDED", `,"admin_contact":"mailto:a@example.com"`)},
		{Name: "server-error", Want: notifytest.Retry, Says: "500", Arrange: refused(500, "M_UNKNOWN", "")},
		{Name: "bad-gateway", Want: notifytest.Retry, Says: "502", Arrange: posts(notifytest.Answers(502, nil, "<html>"))},
		{Name: "connection-refused", Want: notifytest.Retry, Says: "connection refused", Arrange: func(t *testing.T) notifytest.Account {
			return account("http://" + notifytest.ClosedPort(t))
		}},
		{Name: "a-portal", Want: notifytest.Retry, Says: "not a homeserver's", Arrange: arrange(notifytest.Answers(200, nil, "<html>"))},
		{Name: "answer-lost", Want: notifytest.AnswerLost, Arrange: posts(notifytest.Drops)},
		{Name: "not-matrix", Want: notifytest.AnswerLost, Says: "not a homeserver's", Arrange: posts(notifytest.Answers(200, nil, "<html>"))},
		{Name: "no-event", Want: notifytest.AnswerLost, Says: "not a homeserver's", Arrange: posts(notifytest.Answers(200, nil, "{}"))},
		{Name: "redirect", Want: notifytest.Permanent, Says: "redirects are not followed", Arrange: arrange(notifytest.Answers(302, http.Header{"Location": {"/"}}, ""))},
		{Name: "not-a-homeserver", Want: notifytest.Permanent, Says: "the homeserver's URL", Arrange: arrange(notifytest.Answers(404, nil, "<html>"))},
		{Name: "wrong-token", Want: notifytest.BadCredential, Says: "log in again", Arrange: with(func(a *notifytest.Account) {
			a.Credential = notify.Credential{"token": secret.New(token + "x")}
		})},
		{Name: "logged-out", Want: notifytest.BadCredential, Says: "log in again", Arrange: refused(401, "M_UNKNOWN_TOKEN", `,"soft_logout":true`)},
		{Name: "deactivated", Want: notifytest.BadCredential, Says: "use another one", Arrange: refused(403, "M_USER_DEACTIVATED", "")},
		{Name: "suspended", Want: notifytest.Permanent, Says: "suspended", Arrange: refused(403, "M_USER_SUSPENDED", "")},
		{Name: "too-large", Want: notifytest.Permanent, Says: "shorten", Arrange: refused(413, "M_TOO_LARGE", "")},
		{Name: "a-code-of-tomorrow", Want: notifytest.Permanent, Says: "400", Arrange: refused(400, "ORG.EXAMPLE_NO", "")},
		{Name: "unknown-alias", Want: notifytest.Permanent, Says: "correct the address", Arrange: room("#nowhere:example.com")},
		{Name: "not-invited", Want: notifytest.Permanent, Says: "invite it", Arrange: room(private)},
		{Name: "unknown-room", Want: notifytest.Permanent, Says: "invite it", Arrange: room("!nowhere:example.com")},
		{Name: "removed", Want: notifytest.Permanent, Says: "invite " + bot + " again", Arrange: room(removed)},
		{Name: "banned", Want: notifytest.Permanent, Says: "unban and invite " + bot, Arrange: room(banned)},
		{Name: "muted", Want: notifytest.Permanent, Says: "raise its power level", Arrange: room(muted)},
		{Name: "encrypted", Want: notifytest.Permanent, Says: "the room is encrypted", Arrange: room(encrypted)},
		{Name: "closed", Want: notifytest.Permanent, Says: "choose another one", Arrange: room(closed)},
		{Name: "redirected", Want: notifytest.Permanent, Says: "change the address to the room that is meant", Arrange: room(Redirected)},
	}
}

// posts answers messages with handler, and everything else as the stand-in does.
func posts(handler http.HandlerFunc) func(*testing.T) notifytest.Account {
	server := newStandIn().handler()
	return arrange(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			handler(w, r)
			return
		}
		server(w, r)
	})
}

func with(change func(*notifytest.Account)) func(*testing.T) notifytest.Account {
	return func(t *testing.T) notifytest.Account {
		a := Harness{}.Start(t)
		change(&a)
		return a
	}
}

func arrange(handler http.HandlerFunc) func(*testing.T) notifytest.Account {
	return func(t *testing.T) notifytest.Account { return account(notifytest.Serve(t, handler)) }
}
