// Package mattermosttest is Mattermost's harness, with a stand-in for its server.
package mattermosttest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/mattermost"
	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/internal/secret"
)

// Harness tests one of the two ways into Mattermost.
type Harness struct {
	Webhooks bool // incoming webhooks instead of a bot
}

var _ notifytest.Harness = Harness{}

// Service implements notifytest.Harness.
func (Harness) Service() notify.Service { return mattermost.Service }

// Start implements notifytest.Harness.
func (h Harness) Start(t *testing.T) notifytest.Account {
	s := &standIn{posts: map[string]posted{}}
	a := h.account(notifytest.Serve(t, s.handler()))
	a.Received, a.Forget, a.LockThreads = s.rec.Wait, s.forget, s.lockThreads
	return a
}

// account is one of a server below a path.
func (h Harness) account(base string) notifytest.Account {
	a := notifytest.Account{Config: json.RawMessage(fmt.Sprintf(`{"server":%q,"secretRef":{"name":"chat"}}`, base+"/chat")), Person: person}
	if h.Webhooks {
		a.Credential = notify.Credential{
			"url": secret.New(base + "/chat/hooks/" + hookKey + "\n"), "release": secret.New(base + "/chat/hooks/" + otherKey),
		}
		a.Addresses, a.Secrets = []string{"", "release"}, []string{hookKey, otherKey}
		return a
	}
	a.Credential = notify.Credential{"token": secret.New(token + "\n")}
	a.Addresses, a.Secrets = []string{"Eng/~builds", releaseID}, []string{token}
	a.Handle = strings.Repeat("x", 26)
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
	bad := func(name, config, key, value, says string) notifytest.BadAccount {
		return notifytest.BadAccount{Name: name, Config: []byte(config), Credential: notify.Credential{key: secret.New(value)}, Says: says}
	}
	const server = `{"server":"https://chat.example.com"}`
	return []notifytest.BadAccount{
		bad("no server", `{}`, "token", token, "key server of its Secret"),
		bad("no URL as server", `{"server":"chat.example.com"}`, "token", token, "write it as https://"),
		bad("a server with a user", `{"server":"https://a:b@chat.example.com"}`, "token", token, "without a user"),
		bad("Slack's token", server, "token", "xoxb-"+token, "a token of Slack"),
		bad("a URL as token", server, "token", "https://chat.example.com/hooks/"+hookKey, "under the key url"),
		bad("a password", server, "token", "correct horse", "26 lower-case letters"),
		bad("Slack's webhook", `{}`, "url", "https://hooks.slack.com/services/T0/B0/"+hookKey, "a URL of Slack"),
		bad("Rocket.Chat's webhook", `{}`, "url", "https://chat.example.com/hooks/abc/"+hookKey, "Rocket.Chat"),
		bad("a channel's link", `{}`, "url", "https://chat.example.com/eng/channels/builds", "/hooks/"),
		bad("no URL", `{}`, "url", hookKey, "https://"),
	}
}

// BadAddresses implements notifytest.Harness.
func (h Harness) BadAddresses() []string {
	if h.Webhooks {
		return []string{"#builds", "eng/builds", "no-such-key"}
	}
	return []string{"", "builds", "~builds", "#builds", "@ann", "token", "server", "eng/", "/builds", "eng/two words", "a/b/c", "eng/../x"}
}

// CheckShown implements notifytest.Harness.
func (h Harness) CheckShown(_ notify.Message, got notifytest.Received) error {
	var m message
	if err := json.Unmarshal(got.Raw, &m); err != nil {
		return err
	}
	text, attachments := m.Message, m.Props.Attachments
	if h.Webhooks {
		text, attachments = m.Text, m.Attachments
	}
	if len(attachments) != 1 || !regexp.MustCompile(`^#[0-9a-f]{6}$`).MatchString(attachments[0].Color) {
		return fmt.Errorf("%d attachments", len(attachments))
	}
	if err := notifytest.CheckCharacters(text, true); err != nil {
		return err
	}
	shown := []string{text, attachments[0].Fallback}
	for _, f := range attachments[0].Fields {
		if err := notifytest.CheckCharacters(f.Title+f.Value, false); err != nil {
			return err
		}
		shown = append(shown, f.Title, f.Value)
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
		{Name: "rate-limited", Arrange: h.answers(429, http.Header{"Retry-After": {"30"}}, "limit exceeded"),
			Want: notifytest.RetryAfter, Wait: 30 * time.Second, Says: "429"},
		{Name: "rate-limited-by-another-header", Arrange: h.answers(429, http.Header{"X-Ratelimit-Reset": {"7"}}, "limit exceeded"),
			Want: notifytest.RetryAfter, Wait: 7 * time.Second, Says: "429"},
		{Name: "rate-limited-in-words", Arrange: h.answers(429, nil, "limit exceeded"), Want: notifytest.Retry},
		{Name: "server-error", Arrange: h.answers(502, nil, "<html>"), Want: notifytest.Retry, Says: "502"},
		{Name: "redirect", Arrange: h.answers(302, http.Header{"Location": {"/login"}}, ""),
			Want: notifytest.Permanent, Says: "redirects are not followed"},
		{Name: "connection-refused", Arrange: func(t *testing.T) notifytest.Account {
			return h.account("http://" + notifytest.ClosedPort(t))
		}, Want: notifytest.Retry, Says: "connection refused"},
	}
	if h.Webhooks {
		return append(faults, h.webhookFaults()...)
	}
	return append(faults, h.botFaults()...)
}

func (h Harness) webhookFaults() []notifytest.Fault {
	return []notifytest.Fault{
		{Name: "not-mattermost", Arrange: h.answers(200, nil, "<html>"), Want: notifytest.AnswerLost, Says: "not Mattermost's"},
		{Name: "answer-lost", Arrange: h.arrange(notifytest.Drops), Want: notifytest.AnswerLost},
		{Name: "deleted", Arrange: h.with(func(a *notifytest.Account) {
			a.Credential = notify.Credential{"url": secret.New(strings.Replace(a.Credential["url"].Reveal(), hookKey, strings.Repeat("x", 26), 1))}
		}), Want: notifytest.BadCredential, Says: "make a new one"},
		{Name: "disabled", Arrange: h.answers(501, nil, `{"id":"web.incoming_webhook.disabled.app_error"}`), Want: notifytest.Permanent, Says: "disabled"},
		{Name: "locked", Arrange: h.answers(403, nil, `{"id":"web.incoming_webhook.channel_locked.app_error"}`), Want: notifytest.Permanent, Says: "channel_locked"},
		{Name: "no-channel", Arrange: h.answers(404, nil, `{"id":"web.incoming_webhook.channel.app_error"}`), Want: notifytest.Permanent, Says: "was deleted"},
		{Name: "proxy", Arrange: h.answers(403, nil, `<html>`), Want: notifytest.BadCredential, Says: "403"},
	}
}

func (h Harness) botFaults() []notifytest.Fault {
	return []notifytest.Fault{
		{Name: "answer-lost", Arrange: h.found(notifytest.Drops), Want: notifytest.AnswerLost},
		{Name: "not-mattermost", Arrange: h.found(notifytest.Answers(200, nil, "<html>")), Want: notifytest.AnswerLost, Says: "not Mattermost's"},
		{Name: "wrong-token", Arrange: h.with(func(a *notifytest.Account) {
			a.Credential = notify.Credential{"token": secret.New(hookKey)}
		}), Want: notifytest.BadCredential, Says: "set the bot's token"},
		{Name: "no-such-channel", Arrange: h.with(func(a *notifytest.Account) { a.Addresses = []string{"eng/nowhere"} }),
			Want: notifytest.Permanent, Says: "not in the team"},
		{Name: "not-in-the-channel", Arrange: h.with(func(a *notifytest.Account) { a.Addresses = []string{strings.Repeat("y", 26)} }),
			Want: notifytest.Permanent, Says: "add it to the team"},
		{Name: "too-long", Arrange: h.found(notifytest.Answers(400, nil, `{"id":"model.post.is_valid.msg.app_error"}`)), Want: notifytest.Permanent, Says: "is_valid.msg"},
		{Name: "being-posted", Arrange: h.found(notifytest.Answers(500, nil, `{"id":"api.post.deduplicate_create_post.pending"}`)), Want: notifytest.Retry, Says: "pending"},
	}
}

// found answers posts with handler, after it has found the channel.
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
