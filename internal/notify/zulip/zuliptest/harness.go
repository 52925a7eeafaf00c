// Package zuliptest is Zulip's harness, with a stand-in for its server.
package zuliptest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/internal/notify/zulip"
	"github.com/travishook/travishook/internal/secret"
)

// repository is the repository of the contract's messages, and so their topic.
const repository = "example/widget"

// Harness tests a bot.
type Harness struct{}

var _ notifytest.Harness = Harness{}

// Service implements notifytest.Harness.
func (Harness) Service() notify.Service { return zulip.Service }

// Start implements notifytest.Harness.
func (Harness) Start(t *testing.T) notifytest.Account {
	s := &standIn{posts: map[string]posted{}}
	a := account(notifytest.Serve(t, s.handler()))
	a.Received, a.Forget = s.rec.Wait, s.forget
	return a
}

func account(base string) notifytest.Account {
	return notifytest.Account{
		Config:     json.RawMessage(fmt.Sprintf(`{"server":%q,"secretRef":{"name":"zulip"}}`, base)),
		Credential: notify.Credential{"key": secret.New(key + "\n"), "email": secret.New(email)},
		Addresses:  []string{"#Builds", other, builds + " > " + topic},
		Secrets:    []string{key},
		Handle:     "815",
		Person:     someone,
		Left:       departed,
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
	const server = `{"server":"https://example.zulipchat.com"}`
	bad := func(name, config, keyValue, emailValue, says string) notifytest.BadAccount {
		return notifytest.BadAccount{Name: name, Config: []byte(config), Says: says, Credential: notify.Credential{
			"key": secret.New(keyValue), "email": secret.New(emailValue),
		}}
	}
	site := bad("no URL as site", `{}`, key, email, "key site")
	site.Credential["site"] = secret.New("example.zulipchat.com")
	return []notifytest.BadAccount{
		bad("no server", `{}`, key, email, "key server of its Secret"),
		bad("no URL as server", `{"server":"zulip"}`, key, email, "write it as https://"),
		site,
		bad("half a key", server, key[:20], email, "32 letters and digits"),
		bad("a whole zuliprc", server, "[api]\nemail="+email+"\nkey="+key, email, "a whole zuliprc"),
		bad("an integration's URL", server, "https://example.zulipchat.com/api/v1/external/travis?api_key="+key, email, "alone"),
		bad("the address as key", server, email, email, "belongs under the key email"),
		bad("Slack's token", server, "xoxb-"+key, email, "a token of Slack"),
		bad("the bot's name", server, key, "ci-bot", "not its name"),
	}
}

// BadAddresses implements notifytest.Harness.
func (Harness) BadAddresses() []string {
	return []string{
		"", "#", " ", ">", "> topic", "builds>", "builds> ", "builds\n", "bui\x00lds", "\xff", "a\u202eb", strings.Repeat("a", 61),
		"builds>" + strings.Repeat("a", 61), "https://example.zulipchat.com/#narrow/channel/17",
	}
}

// CheckShown implements notifytest.Harness.
func (Harness) CheckShown(_ notify.Message, got notifytest.Received) error {
	content := string(got.Raw)
	if _, err := read(content); err != nil {
		return err
	}
	return notifytest.CheckCharacters(content, true)
}

// Faults implements notifytest.Harness.
func (Harness) Faults() []notifytest.Fault {
	refused := func(status int, code, more string) func(*testing.T) notifytest.Account {
		return answers(status, nil, fmt.Sprintf(`{"result":"error","msg":"Refusé","code":%q%s}`, code, more))
	}
	return []notifytest.Fault{
		{Name: "rate-limited", Arrange: refused(429, "RATE_LIMIT_HIT", `,"retry-after":28.5`), Want: notifytest.RetryAfter, Wait: 28500 * time.Millisecond, Says: "429"},
		{Name: "rate-limited-for-ever", Arrange: refused(429, "RATE_LIMIT_HIT", `,"retry-after":1e300`), Want: notifytest.RetryAfter, Wait: time.Hour},
		{Name: "rate-limited-in-words", Arrange: answers(429, nil, "slow down"), Want: notifytest.Retry, Says: "429"},
		{Name: "server-error", Arrange: refused(500, "INTERNAL_SERVER_ERROR", ``), Want: notifytest.Retry, Says: "500"},
		{Name: "restarting", Arrange: answers(502, nil, "<html>"), Want: notifytest.Retry, Says: "502"},
		{Name: "redirect", Arrange: answers(302, http.Header{"Location": {"https://zulip.com/"}}, ""), Want: notifytest.Permanent, Says: "redirects are not followed"},
		{Name: "not-zulip", Arrange: answers(200, nil, "<html>"), Want: notifytest.AnswerLost, Says: "not Zulip's"},
		{Name: "answer-lost", Arrange: arrange(notifytest.Drops), Want: notifytest.AnswerLost},
		{Name: "connection-refused", Arrange: func(t *testing.T) notifytest.Account {
			return account("http://" + notifytest.ClosedPort(t))
		}, Want: notifytest.Retry, Says: "connection refused"},
		{Name: "wrong-key", Arrange: with(func(a *notifytest.Account) {
			a.Credential["key"] = secret.New(strings.Repeat("a", 32))
		}), Want: notifytest.BadCredential, Says: "copy it"},
		{Name: "deactivated", Arrange: refused(401, "USER_DEACTIVATED", ``), Want: notifytest.BadCredential, Says: "reactivate"},
		{Name: "a-word-of-tomorrow-for-the-key", Arrange: refused(401, "KEY_EXPIRED", ``), Want: notifytest.BadCredential, Says: "set both"},
		{Name: "no-organization", Arrange: refused(404, "NONEXISTENT_SUBDOMAIN", ``), Want: notifytest.BadCredential, Says: "correct the server"},
		{Name: "unknown-channel", Arrange: with(func(a *notifytest.Account) { a.Addresses = []string{"nowhere"} }),
			Want: notifytest.Permanent, Says: "correct the address"},
		{Name: "not-authorized", Arrange: refused(400, "BAD_REQUEST", ``), Want: notifytest.Permanent, Says: "Refusé"},
		{Name: "a-word-of-tomorrow", Arrange: refused(400, "NO\nWORD\x00", ``), Want: notifytest.Permanent, Says: "400"},
	}
}

func with(change func(*notifytest.Account)) func(*testing.T) notifytest.Account {
	return func(t *testing.T) notifytest.Account {
		a := Harness{}.Start(t)
		change(&a)
		return a
	}
}

func answers(code int, header http.Header, body string) func(*testing.T) notifytest.Account {
	return arrange(notifytest.Answers(code, header, body))
}

func arrange(handler http.HandlerFunc) func(*testing.T) notifytest.Account {
	return func(t *testing.T) notifytest.Account { return account(notifytest.Serve(t, handler)) }
}
