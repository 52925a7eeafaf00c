// Package telegramtest is Telegram's harness, with a stand-in for its Bot API.
package telegramtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/internal/notify/telegram"
	"github.com/travishook/travishook/internal/secret"
)

// Harness tests a bot.
type Harness struct{}

var _ notifytest.Harness = Harness{}

// Service implements notifytest.Harness.
func (Harness) Service() notify.Service { return telegram.Service }

// Start implements notifytest.Harness.
func (Harness) Start(t *testing.T) notifytest.Account {
	s := &standIn{posts: map[int]string{}, last: map[int]string{}}
	a := account(notifytest.Serve(t, s.handler()))
	a.Received, a.Forget, a.LockThreads = s.rec.Wait, s.forget, s.lockThreads
	return a
}

func account(base string) notifytest.Account {
	return notifytest.Account{
		Config:     json.RawMessage(fmt.Sprintf(`{"server":%q,"secretRef":{"name":"telegram"}}`, base)),
		Credential: notify.Credential{"token": secret.New(token + "\n")},
		Addresses:  []string{builds, channel, fmt.Sprint(builds, "/", topic)},
		Secrets:    []string{token, token[10:]},
		Handle:     "815",
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
	return []notifytest.BadAccount{
		bad("with bot before it", `{}`, "bot"+token, "begins with bot"),
		bad("a URL", `{}`, "https://api.telegram.org/bot"+token+"/sendMessage", "a URL of Telegram"),
		bad("Slack's token", `{}`, "xoxb-"+token[10:], "@BotFather"),
		bad("half a token", `{}`, token[10:], "@BotFather"),
		bad("no server", `{"server":"telegram"}`, token, "write it as https://"),
	}
}

// BadAddresses implements notifytest.Harness.
func (Harness) BadAddresses() []string {
	return []string{"", "builds", "#builds", "@", "@a", "@two words", "0", "-", "1/", "1/x", "https://t.me/builds", "--1", "99999999999999999999"}
}

// acts matches text that Telegram turns into a link or a command, in a text without a parse mode.
var acts = regexp.MustCompile(`@[\pL\pN_]|#[\pL\pN_]|\$[\pL]|(^|[^\pL\pN_])/[A-Za-z0-9_]|[a-z]://`)

// CheckShown implements notifytest.Harness.
func (Harness) CheckShown(_ notify.Message, got notifytest.Received) error {
	var m message
	if err := json.Unmarshal(got.Raw, &m); err != nil {
		return err
	}
	if !m.LinkPreviewOptions.IsDisabled {
		return errors.New("links have previews")
	}
	if word := acts.FindString(m.Text); word != "" {
		return fmt.Errorf("%q acts in %.200q", word, m.Text)
	}
	for _, e := range m.Entities {
		if !strings.HasPrefix(e.URL, "https://") && !strings.HasPrefix(e.URL, "http://") {
			return fmt.Errorf("a link to %q", e.URL)
		}
	}
	return notifytest.CheckCharacters(m.Text, true)
}

// Faults implements notifytest.Harness.
func (Harness) Faults() []notifytest.Fault {
	refused := func(code int, description, parameters string) func(*testing.T) notifytest.Account {
		return answers(code, nil, fmt.Sprintf(`{"ok":false,"error_code":%d,"description":%q%s}`, code, description, parameters))
	}
	faults := []notifytest.Fault{
		{Name: "rate-limited", Arrange: refused(429, "Too Many Requests: retry after 35", `,"parameters":{"retry_after":35}`),
			Want: notifytest.RetryAfter, Wait: 35 * time.Second, Says: "429"},
		{Name: "rate-limited-for-ever", Arrange: refused(429, "Too Many Requests", `,"parameters":{"retry_after":86400}`),
			Want: notifytest.RetryAfter, Wait: time.Hour},
		{Name: "rate-limited-in-words", Arrange: refused(429, "Too Many Requests", ``), Want: notifytest.Retry},
		{Name: "server-error", Arrange: refused(500, "Internal Server Error", ``), Want: notifytest.Retry, Says: "500"},
		{Name: "bad-gateway", Arrange: answers(502, nil, "<html>"), Want: notifytest.Retry, Says: "502"},
		{Name: "redirect", Arrange: answers(302, http.Header{"Location": {"https://core.telegram.org/"}}, ""),
			Want: notifytest.Permanent, Says: "redirects are not followed"},
		{Name: "not-telegram", Arrange: answers(200, nil, "<html>Welcome to our network</html>"), Want: notifytest.AnswerLost, Says: "not Telegram's"},
		{Name: "nothing", Arrange: answers(200, nil, `{"ok":true}`), Want: notifytest.AnswerLost, Says: "not Telegram's"},
		{Name: "answer-lost", Arrange: arrange(notifytest.Drops), Want: notifytest.AnswerLost},
		{Name: "connection-refused", Arrange: func(t *testing.T) notifytest.Account {
			return account("http://" + notifytest.ClosedPort(t))
		}, Want: notifytest.Retry, Says: "connection refused"},
		{Name: "wrong-token", Arrange: with(func(a *notifytest.Account) {
			a.Credential = notify.Credential{"token": secret.New(token + "x")}
		}), Want: notifytest.BadCredential, Says: "@BotFather"},
		{Name: "unknown-chat", Arrange: with(func(a *notifytest.Account) { a.Addresses = []string{"-100999"} }),
			Want: notifytest.Permanent, Says: "add the bot to the chat"},
		{Name: "unknown-topic", Arrange: with(func(a *notifytest.Account) { a.Addresses = []string{builds + "/7"} }),
			Want: notifytest.Permanent, Says: "the topic was deleted"},
		{Name: "blocked", Arrange: refused(403, "Forbidden: bot was kicked from the supergroup chat", ``), Want: notifytest.Permanent, Says: "add the bot"},
		{Name: "not-found", Arrange: refused(404, "Not Found", ``), Want: notifytest.BadCredential, Says: "@BotFather"},
		{Name: "closed", Arrange: refused(400, "Bad Request: TOPIC_CLOSED", ``), Want: notifytest.Permanent, Says: "open it"},
		{Name: "a-word-of-tomorrow", Arrange: refused(400, "Bad Request: no\nword\x00", ``), Want: notifytest.Permanent, Says: "400"},
	}
	return faults
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
