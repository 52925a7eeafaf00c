// Package slacktest is Slack's harness, with a stand-in for Slack's server.
package slacktest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/internal/notify/slack"
	"github.com/travishook/travishook/internal/secret"
)

// Harness tests one of the two ways into Slack.
type Harness struct {
	Webhooks bool // incoming webhooks instead of a bot token
}

var _ notifytest.Harness = Harness{}

// Service implements notifytest.Harness.
func (Harness) Service() notify.Service { return slack.Service }

// Start implements notifytest.Harness.
func (h Harness) Start(t *testing.T) notifytest.Account {
	s := &standIn{posts: map[string]int{}}
	account := h.account(client(t, s.handler()))
	account.Received, account.Forget, account.LockThreads = s.rec.Wait, s.forget, s.lockThreads
	return account
}

func (h Harness) account(client *http.Client) notifytest.Account {
	a := notifytest.Account{Config: json.RawMessage(`{"secretRef":{"name":"slack"}}`), HTTP: client, Person: member}
	if h.Webhooks {
		a.Credential = notify.Credential{
			"url":     secret.New("https://hooks.slack.com" + webhookPath + "\n"),
			"release": secret.New("https://hooks.slack.com" + otherPath),
		}
		a.Addresses = []string{"", "release"}
		a.Secrets = []string{webhookPath, otherPath, "q7ZsVw3dGkRt", "hJ4mXc8pLbNy"}
		return a
	}
	a.Credential = notify.Credential{"token": secret.New(token + "\n")}
	a.Left = left
	a.Handle = "C0000BUILDS/1503435956.000247"
	a.Addresses = []string{"#Builds", "C00RELEASE0"}
	a.Secrets = []string{token}
	return a
}

// Hang implements notifytest.Harness.
func (h Harness) Hang(t *testing.T) (notifytest.Account, <-chan struct{}) {
	handler, reached := notifytest.Hangs()
	return h.account(client(t, handler)), reached
}

// Cannot implements notifytest.Harness.
func (Harness) Cannot() map[notifytest.Kind]string { return nil }

// BadAccounts implements notifytest.Harness.
func (Harness) BadAccounts(*testing.T) []notifytest.BadAccount {
	bad := func(name, key, value, says string) notifytest.BadAccount {
		return notifytest.BadAccount{Name: name, Config: []byte(`{}`), Credential: notify.Credential{key: secret.New(value)}, Says: says}
	}
	return []notifytest.BadAccount{
		bad("app-level token", "token", "xapp-1-"+token, "xoxb-"),
		bad("rotating token", "token", "xoxe.xoxb-1-"+token, "token rotation"),
		bad("empty token", "token", " ", "xoxb-"),
		bad("webhook as token", "token", "https://hooks.slack.com"+webhookPath, "xoxb-"),
		bad("plain HTTP", "url", "http://hooks.slack.com"+webhookPath, "https://"),
		bad("another service's webhook", "url", "https://discord.com/api/webhooks/1/x", "of Discord, not of a Slack webhook"),
		bad("no URL", "url", "hooks.slack.com"+webhookPath, "https://"),
	}
}

// BadAddresses implements notifytest.Harness.
func (h Harness) BadAddresses() []string {
	if h.Webhooks {
		return []string{"#builds", "C0000BUILDS", "no-such-key"}
	}
	return []string{"", "builds", "#", "#two words", "#a,b", "#<!channel>", "@someone", "U0123456789", "token", "#" + strings.Repeat("a", 81)}
}

// field is the only permitted markup: a label, and a link with its text.
var field = regexp.MustCompile("^[^<>*_~`]*: <https?://[^<>|\"\\s]+\\|[^<>*_~`]*>$")

// CheckShown implements notifytest.Harness. Rich text and plain text never contain markup; the stand-in
// checks the form.
func (Harness) CheckShown(_ notify.Message, got notifytest.Received) error {
	var m payload
	if err := json.Unmarshal(got.Raw, &m); err != nil {
		return err
	}
	if strings.ContainsAny(m.Text, "<>") || m.LinkNames || m.Parse == "full" {
		return fmt.Errorf("the notification's text may mention: %.100q", m.Text)
	}
	shown := []string{got.Text, m.Text}
	for _, a := range m.Attachments {
		for _, b := range a.blocks() {
			for _, f := range b.Fields {
				if f.Type == "mrkdwn" && (!f.Verbatim || !field.MatchString(f.Text)) || f.Type == "plain_text" && (f.Emoji == nil || *f.Emoji) {
					return fmt.Errorf("a field may hold markup: %.100q", f.Text)
				}
				if strings.Contains(f.Text, "\n") {
					return fmt.Errorf("a field has two lines: %.100q", f.Text)
				}
				shown = append(shown, f.Text)
			}
		}
	}
	for _, s := range shown {
		if err := notifytest.CheckCharacters(s, true); err != nil {
			return err
		}
	}
	return nil
}
