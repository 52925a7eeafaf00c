// Package rocketchattest is Rocket.Chat's harness, with a stand-in for its server.
package rocketchattest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/internal/notify/rocketchat"
	"github.com/travishook/travishook/internal/secret"
)

// Harness tests one of the two ways into Rocket.Chat.
type Harness struct {
	Webhooks bool // incoming webhooks instead of a bot
}

var _ notifytest.Harness = Harness{}

// Service implements notifytest.Harness.
func (Harness) Service() notify.Service { return rocketchat.Service }

// Start implements notifytest.Harness.
func (h Harness) Start(t *testing.T) notifytest.Account {
	s := &standIn{posts: map[string]posted{}}
	a := h.account(notifytest.Serve(t, s.handler()))
	a.Received, a.Forget, a.LockThreads = s.rec.Wait, s.forget, s.lockThreads
	return a
}

func (h Harness) account(base string) notifytest.Account {
	a := notifytest.Account{Config: json.RawMessage(fmt.Sprintf(`{"server":%q,"secretRef":{"name":"chat"}}`, base)), Person: person}
	if h.Webhooks {
		a.Credential = notify.Credential{"url": secret.New(base + hookPath + "\n"), "release": secret.New(base + otherPath)}
		a.Addresses, a.Secrets = []string{"", "release"}, []string{hookPath[33:], otherPath[33:]}
		return a
	}
	a.Credential = notify.Credential{"token": secret.New(token + "\n"), "user": secret.New(user)}
	a.Addresses, a.Secrets = []string{"#builds", releaseID}, []string{token}
	a.Handle = buildsID + "/" + strings.Repeat("0", 32)
	return a
}

// Hang implements notifytest.Harness.
func (h Harness) Hang(t *testing.T) (notifytest.Account, <-chan struct{}) {
	handler, reached := notifytest.Hangs()
	return h.account(notifytest.Serve(t, handler)), reached
}

// Cannot implements notifytest.Harness.
func (Harness) Cannot() map[notifytest.Kind]string { return nil }

// BadAccounts implements notifytest.Harness.
func (Harness) BadAccounts(*testing.T) []notifytest.BadAccount {
	bad := func(name, key, value, says string) notifytest.BadAccount {
		return notifytest.BadAccount{
			Name: name, Config: []byte(`{"server":"https://chat.example.com"}`), Says: says,
			Credential: notify.Credential{key: secret.New(value)},
		}
	}
	return []notifytest.BadAccount{
		{Name: "no server", Config: []byte(`{}`), Credential: notify.Credential{"token": secret.New(token)}, Says: "key server of its Secret"},
		bad("no user", "token", token, "under the key user"),
		{
			Name: "a user's name", Config: []byte(`{"server":"https://chat.example.com"}`), Says: "not the user's name",
			Credential: notify.Credential{"token": secret.New(token), "user": secret.New("ci")},
		},
		bad("the user ID as token", "token", user, "belongs under the key user"),
		bad("Slack's token", "token", "xoxb-"+token, "a token of Slack"),
		bad("a URL as token", "token", "https://chat.example.com"+hookPath, "under the key url"),
		bad("a password", "token", "correct horse", "Personal Access Tokens"),
		bad("Slack's webhook", "url", "https://hooks.slack.com/services/T0/B0/"+token, "a URL of Slack"),
		bad("Mattermost's webhook", "url", "https://chat.example.com/hooks/q7zsvw3dgkrthj4mxc8plbny42", "Mattermost's form"),
		bad("a room's link", "url", "https://chat.example.com/channel/builds", "/hooks/ID/TOKEN"),
		bad("no URL", "url", token, "https://"),
	}
}

// BadAddresses implements notifytest.Harness.
func (h Harness) BadAddresses() []string {
	if h.Webhooks {
		return []string{"#builds", releaseID, "no-such-key"}
	}
	return []string{"", "builds", "#", "@ann", "token", "user", "server", "#two words", "#a/b", "#all;x"}
}

// CheckShown implements notifytest.Harness.
func (h Harness) CheckShown(_ notify.Message, got notifytest.Received) error {
	var m hookMessage
	if err := json.Unmarshal(got.Raw, &m); err != nil {
		return err
	}
	if err := notifytest.CheckCharacters(m.Text, true); err != nil {
		return err
	}
	shown := []string{m.Text}
	for _, a := range m.Attachments {
		shown = append(shown, a.Text)
		for _, f := range a.Fields {
			if err := notifytest.CheckCharacters(f.Title+f.Value, false); err != nil {
				return err
			}
			shown = append(shown, f.Title, f.Value)
		}
	}
	for _, s := range shown {
		if _, err := syntax.Read(s); err != nil {
			return err
		}
	}
	return nil
}

// Faults implements notifytest.Harness.
func (h Harness) Faults() []notifytest.Fault {
	faults := []notifytest.Fault{
		{
			Name: "rate-limited", Want: notifytest.RetryAfter, Wait: 1500 * time.Millisecond, Says: "429",
			Arrange: h.answers(429, nil, `{"success":false,"errorType":"error-too-many-requests","details":{"timeToReset":1500}}`),
		},
		{Name: "rate-limited-without-a-time", Arrange: h.answers(429, nil, "limit"), Want: notifytest.RetryAfter, Wait: time.Minute, Says: "429"},
		{Name: "server-error", Arrange: h.answers(502, nil, "<html>"), Want: notifytest.Retry, Says: "502"},
		{Name: "redirect", Arrange: h.answers(302, http.Header{"Location": {"/login"}}, ""), Want: notifytest.Permanent, Says: "redirects are not followed"},
		{Name: "connection-refused", Arrange: func(t *testing.T) notifytest.Account {
			return h.account("http://" + notifytest.ClosedPort(t))
		}, Want: notifytest.Retry, Says: "connection refused"},
	}
	if h.Webhooks {
		return append(faults,
			notifytest.Fault{Name: "not-rocketchat", Arrange: h.answers(200, nil, "<html>"), Want: notifytest.AnswerLost, Says: "not Rocket.Chat's"},
			notifytest.Fault{Name: "answer-lost", Arrange: h.arrange(notifytest.Drops), Want: notifytest.AnswerLost},
			notifytest.Fault{Name: "deleted", Arrange: h.with(func(a *notifytest.Account) {
				a.Credential = notify.Credential{"url": secret.New(strings.Replace(a.Credential["url"].Reveal(), "aa0001", "aa0009", 1))}
			}), Want: notifytest.BadCredential, Says: "copy it again"},
			notifytest.Fault{Name: "disabled", Arrange: h.answers(503, nil, `{"success":false,"error":"disabled"}`),
				Want: notifytest.RetryAfter, Wait: 15 * time.Minute, Says: "enable it"},
			notifytest.Fault{Name: "refused", Arrange: h.answers(400, nil, `{"success":false,"error":"[error-room-archived]"}`), Want: notifytest.Permanent, Says: "archived"})
	}
	return append(faults,
		notifytest.Fault{Name: "answer-lost", Arrange: h.found(notifytest.Drops), Want: notifytest.AnswerLost},
		notifytest.Fault{Name: "not-rocketchat", Arrange: h.found(notifytest.Answers(200, nil, "<html>")), Want: notifytest.AnswerLost, Says: "not Rocket.Chat's"},
		notifytest.Fault{Name: "wrong-token", Arrange: h.with(func(a *notifytest.Account) {
			a.Credential = notify.Credential{"token": secret.New(token + "x"), "user": secret.New(user)}
		}), Want: notifytest.BadCredential, Says: "set both"},
		notifytest.Fault{Name: "no-such-room", Arrange: h.with(func(a *notifytest.Account) { a.Addresses = []string{"#nowhere"} }),
			Want: notifytest.Permanent, Says: "no such room"},
		notifytest.Fault{Name: "not-in-the-room", Arrange: h.with(func(a *notifytest.Account) { a.Addresses = []string{strings.Repeat("y", 17)} }),
			Want: notifytest.Permanent, Says: "add it"},
		notifytest.Fault{Name: "in-a-200", Arrange: h.found(notifytest.Answers(200, nil, `{"success":false,"error":"x"}`)), Want: notifytest.Permanent, Says: "does not accept"})
}

// found answers posts with handler, after it has found the room.
func (h Harness) found(handler http.HandlerFunc) func(*testing.T) notifytest.Account {
	return h.arrange(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			(&standIn{}).handler()(w, r)
			return
		}
		handler(w, r)
	})
}

func (h Harness) with(change func(*notifytest.Account)) func(*testing.T) notifytest.Account {
	return func(t *testing.T) notifytest.Account {
		a := h.Start(t)
		change(&a)
		return a
	}
}

func (h Harness) answers(code int, header http.Header, body string) func(*testing.T) notifytest.Account {
	return h.arrange(notifytest.Answers(code, header, body))
}

func (h Harness) arrange(handler http.HandlerFunc) func(*testing.T) notifytest.Account {
	return func(t *testing.T) notifytest.Account { return h.account(notifytest.Serve(t, handler)) }
}
