// Package discordtest is Discord's harness, with a stand-in for Discord's server.
package discordtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/discord"
	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/internal/secret"
)

// Harness tests Discord's webhooks.
type Harness struct{}

var _ notifytest.Harness = Harness{}

// Service implements notifytest.Harness.
func (Harness) Service() notify.Service { return discord.Service }

// Start implements notifytest.Harness.
func (Harness) Start(t *testing.T) notifytest.Account {
	s := &standIn{posts: map[string]int{}}
	a := account(notifytest.Listen(t, s.handler()))
	a.Received, a.Forget = s.rec.Wait, s.forget
	return a
}

func hookURL(id string) string { return "https://discord.com/api/webhooks/" + id + "/" + hookToken }

func account(server string) notifytest.Account {
	return notifytest.Account{
		Config: json.RawMessage(`{"secretRef":{"name":"discord"}}`),
		Credential: notify.Credential{
			"url":     secret.New(hookURL(hookID) + "\n"),
			"release": secret.New("https://discordapp.com/api/v9/webhooks/" + otherID + "/" + hookToken),
		},
		Addresses: []string{"", "release", "release/" + threadID},
		Secrets:   []string{hookToken},
		Handle:    "1300000000000000000",
		Person:    "80351110224678912",
		HTTP:      notifytest.Detour(server, "discord.com"),
	}
}

// Hang implements notifytest.Harness.
func (Harness) Hang(t *testing.T) (notifytest.Account, <-chan struct{}) {
	handler, reached := notifytest.Hangs()
	return account(notifytest.Listen(t, handler)), reached
}

// Cannot implements notifytest.Harness.
func (Harness) Cannot() map[notifytest.Kind]string { return nil }

// BadAccounts implements notifytest.Harness.
func (Harness) BadAccounts(*testing.T) []notifytest.BadAccount {
	bad := func(name, value, says string) notifytest.BadAccount {
		return notifytest.BadAccount{Name: name, Config: []byte(`{}`), Credential: notify.Credential{"url": secret.New(value)}, Says: says}
	}
	return []notifytest.BadAccount{
		bad("a bot's token", "MTAwMDAwMDAwMDAwMDAwMDAwMQ.GabcDE.abcdefghijklmnopqrstuvwxyz0123456789ab", "under Integrations"),
		bad("Slack's webhook", "https://hooks.slack.com/services/T0/B0/"+hookToken, "a URL of Slack"),
		bad("a link to a channel", "https://discord.com/channels/1000000000000000001/1000000000000000002", "under Integrations"),
		bad("for Slack's form", hookURL(hookID)+"/slack", "remove /slack"),
		bad("half a URL", "https://discord.com/api/webhooks/"+hookID, "copy it again"),
		bad("another host", "https://discord.com.example.com/api/webhooks/"+hookID+"/"+hookToken, "https://discord.com/api/webhooks/"),
		bad("plain HTTP", "http://discord.com/api/webhooks/"+hookID+"/"+hookToken, "https://"),
		bad("no URL", hookToken, "https://"),
	}
}

// BadAddresses implements notifytest.Harness.
func (Harness) BadAddresses() []string {
	return []string{"#builds", "no-such-key", "url/", "url/builds", "url/123", "url/" + threadID + "/", "@everyone", threadID}
}

// syntax is Discord's Markdown.
var syntax = notifytest.Syntax{
	Escape: regexp.MustCompile(`^\\([^0-9A-Za-z\s])`),
	Link:   regexp.MustCompile(`^\[((?:\\.|[^\]\\])+)\]\(<(https?://[^<>\s()"|]+)>\)`),
	Acts:   regexp.MustCompile("^([*_~`|<\\[\\]]|@|://|:[\\w+-]|(?i:discord(?:app)?\\.(?:gg|new|com/invite)/[\\w-]))"),
	Begins: regexp.MustCompile(`^([-+>#]|[0-9]+[.)])`),
}

// CheckShown implements notifytest.Harness.
func (Harness) CheckShown(_ notify.Message, got notifytest.Received) error {
	var m message
	if err := json.Unmarshal(got.Raw, &m); err != nil {
		return err
	}
	if m.AllowedMentions == nil || m.AllowedMentions.Parse == nil || len(m.AllowedMentions.Parse)+len(m.AllowedMentions.Users) > 0 {
		return fmt.Errorf("the message may mention: %+v", m.AllowedMentions)
	}
	if _, err := syntax.Read(*m.Content); err != nil {
		return err
	}
	if err := notifytest.CheckCharacters(*m.Content, true); err != nil {
		return err
	}
	for _, e := range m.Embeds {
		for _, f := range e.Fields {
			for _, text := range []string{f.Name, f.Value} {
				if _, err := syntax.Read(text); err != nil {
					return err
				}
				if err := notifytest.CheckCharacters(text, false); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Faults implements notifytest.Harness.
func (Harness) Faults() []notifytest.Fault {
	limited := `{"message":"You are being rate limited.","retry_after":1.337,"global":false}`
	faults := []notifytest.Fault{
		{Name: "rate-limited", Arrange: answers(429, http.Header{"Retry-After": {"1"}}, limited),
			Want: notifytest.RetryAfter, Wait: 1337 * time.Millisecond, Says: "429"},
		{Name: "rate-limited-for-ever", Arrange: answers(429, http.Header{"Retry-After": {"999999999"}}, limited),
			Want: notifytest.RetryAfter, Wait: time.Hour, Says: "429"},
		{Name: "address-blocked", Arrange: answers(403, nil, "<html>error code: 1015"), Want: notifytest.RetryAfter, Wait: 10 * time.Minute, Says: "address"},
		{Name: "server-error", Arrange: answers(502, nil, "<html>"), Want: notifytest.Retry, Says: "502"},
		{Name: "redirect", Arrange: answers(302, http.Header{"Location": {"https://discord.com/login"}}, ""),
			Want: notifytest.Permanent, Says: "redirects are not followed"},
		{Name: "not-discord", Arrange: answers(200, nil, "<html>Welcome to our network</html>"), Want: notifytest.AnswerLost, Says: "not Discord's"},
		{Name: "not-saved", Arrange: answers(204, nil, ""), Want: notifytest.AnswerLost, Says: "not Discord's"},
		{Name: "answer-lost", Arrange: arrange(notifytest.Drops), Want: notifytest.AnswerLost},
		{Name: "connection-refused", Arrange: func(t *testing.T) notifytest.Account {
			return account(notifytest.ClosedPort(t))
		}, Want: notifytest.Retry, Says: "connection refused"},
		{Name: "deleted", Arrange: with(func(a *notifytest.Account) {
			a.Credential = notify.Credential{"url": secret.New(hookURL("1000000000000000009"))}
		}), Want: notifytest.BadCredential, Says: "make a new one"},
		{Name: "wrong-token", Arrange: with(func(a *notifytest.Account) {
			a.Credential = notify.Credential{"url": secret.New(hookURL(hookID) + "x")}
		}), Want: notifytest.BadCredential, Says: "copy its URL again"},
	}
	for _, f := range []struct {
		status, code int
		want         notifytest.Kind
	}{
		{400, 220001, notifytest.Permanent}, {400, 50035, notifytest.Permanent}, {400, 240000, notifytest.Permanent},
		{403, 50013, notifytest.Permanent}, {400, 200000, notifytest.Permanent}, {413, 40005, notifytest.Permanent},
		{400, 9999999, notifytest.Permanent}, {403, 9999999, notifytest.BadCredential}, {403, 40333, notifytest.Retry}, {400, 20028, notifytest.Retry},
	} {
		faults = append(faults, notifytest.Fault{
			Name: fmt.Sprint(f.status, "-", f.code), Want: f.want,
			Arrange: answers(f.status, nil, fmt.Sprintf(`{"message":"x","code":%d}`, f.code)),
		})
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
	return func(t *testing.T) notifytest.Account { return account(notifytest.Listen(t, handler)) }
}
