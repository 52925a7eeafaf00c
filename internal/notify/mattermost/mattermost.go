// Package mattermost sends messages to Mattermost channels, as a bot or through incoming webhooks.
// docs/services/mattermost.md is its reference.
package mattermost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/secret"
)

// The keys of the Secret with a fixed meaning. Any other key holds the URL of an incoming webhook.
const (
	tokenKey = "token"
	urlKey   = "url"
)

// Service is Mattermost.
var Service = notify.OverHTTP(notify.Service{
	Name:  "mattermost",
	Title: "Mattermost", Summary: "as a bot, or through incoming webhooks",
	Keys: []notify.Key{
		{Name: tokenKey, Doc: "The bot's access token. With it, a channel's address is a Mattermost channel: team/channel, or its ID."},
		{Name: notify.KeyServer, Doc: "The bot's server as a URL; takes precedence over the account's field server."},
		{Name: urlKey, Doc: "An incoming webhook's URL, for channels without an address. " +
			"Any other key may hold one too, and a channel's address then names the key."},
	},
	Forms: []notify.Capabilities{
		{Form: "bot", Edit: true, Thread: true, Mention: true, Proof: notify.Shown, Longest: maxText},
		{Form: "incoming webhook", Silent: true, Mention: true, Proof: notify.Shown, Longest: maxText},
	},
	Form:     notify.FormOfKey,
	Check:    check,
	Address:  address,
	Person:   person,
	Endpoint: endpoint,
	New:      newNotifier,
})

// config is the account's block.
type config struct {
	Server string `json:"server"`
}

func check(raw json.RawMessage, credential notify.Credential) error {
	var c config
	if err := json.Unmarshal(raw, &c); err != nil {
		return fmt.Errorf("mattermost block: %w", err)
	}
	if token, ok := credential[tokenKey]; ok {
		if _, err := notify.ServerURL(c.Server, credential); err != nil {
			return err
		}
		return checkToken(token)
	}
	return notify.URLOf(webhookURL).Any(credential, "the account's Secret has neither a bot's token under the key token "+
		"nor an incoming webhook's URL under the key url", notify.KeyServer)
}

// id is the form of all of Mattermost's identifiers, and of its tokens.
var id = regexp.MustCompile(`^[a-z0-9]{26}$`)

// checkToken refuses what is easily mistaken for a bot's token.
func checkToken(value secret.Value) error {
	token := strings.TrimSpace(value.Reveal())
	switch {
	case id.MatchString(token):
		return nil
	case strings.HasPrefix(token, "https://"), strings.HasPrefix(token, "http://"):
		return errors.New("the key token of the account's Secret has a URL: put an incoming webhook's URL under the key url")
	case strings.HasPrefix(token, "xox"):
		return errors.New("the key token of the account's Secret has a token of Slack, not of a Mattermost bot")
	}
	return errors.New("the key token of the account's Secret has no bot's token, which has 26 lower-case letters and digits: " +
		"it is shown once, when the bot or the token is made under Integrations, Bot Accounts")
}

var webhookPath = regexp.MustCompile(`/hooks/([^/]*)(/[^/]+)?/?$`)

// webhookURL returns the URL of an incoming webhook.
func webhookURL(credential notify.Credential, key string) (string, error) {
	text, err := notify.KeyedURL(credential, key, "https", "http")
	if err != nil {
		return "", err
	}
	if other := notify.ServiceOfURL(text); other != "" {
		return "", fmt.Errorf("key %q of the account's Secret has a URL of %s, not of Mattermost", key, other)
	}
	u, err := url.Parse(text)
	if err != nil {
		return "", fmt.Errorf("key %q of the account's Secret is not a URL", key)
	}
	parts := webhookPath.FindStringSubmatch(u.Path)
	switch {
	case parts != nil && parts[2] == "" && id.MatchString(parts[1]):
		return text, nil
	case parts != nil && parts[2] != "":
		return "", fmt.Errorf("key %q of the account's Secret has a URL of Rocket.Chat's form: Mattermost's ends in /hooks/ and the webhook's ID", key)
	}
	return "", fmt.Errorf("key %q of the account's Secret is not the URL of an incoming webhook, which ends in /hooks/ and the webhook's ID: copy it again", key)
}

var channelPath = regexp.MustCompile(`^([a-z0-9][a-z0-9-]*)/~?([a-z0-9_-]+)$`)

// address normalizes a channel's address: a key of the Secret with a webhook's URL, or with a token a
// channel.
func address(_ json.RawMessage, credential notify.Credential, address string) (string, error) {
	_, hasToken := credential[tokenKey]
	_, isKey := credential[address]
	if isKey && address != tokenKey && address != notify.KeyServer || !hasToken || address == "" && !credential[urlKey].Empty() {
		return notify.URLOf(webhookURL).Address(credential, address, urlKey)
	}
	if id.MatchString(address) {
		return address, nil
	}
	parts := channelPath.FindStringSubmatch(strings.ToLower(address))
	if parts == nil || len(address) > 200 {
		return "", fmt.Errorf("%.100q is not a Mattermost channel: write the names of its team and of the channel "+
			"as in its link, such as engineering/builds, or its ID", address)
	}
	return parts[1] + "/" + parts[2], nil
}

// endpoint is an incoming webhook's URL, or a channel of the server and bot.
func endpoint(raw json.RawMessage, credential notify.Credential, address string) []string {
	if _, isKey := credential[address]; isKey {
		return []string{notify.SameURL(credential[address].Reveal())}
	}
	var c config
	_ = json.Unmarshal(raw, &c) // check has accepted it
	server, err := notify.ServerURL(c.Server, credential)
	if err != nil {
		server = c.Server
	}
	return []string{notify.SameURL(server), strings.TrimSpace(credential[tokenKey].Reveal()), address}
}

type notifier struct {
	credential notify.Credential
	http       *http.Client
	server     string // empty without a token
	token      secret.Value
	channels   sync.Map // IDs by team/channel
}

func newNotifier(raw json.RawMessage, credential notify.Credential, deps notify.Deps) (notify.Notifier, error) {
	n := &notifier{credential: credential, http: deps.HTTP}
	token, ok := credential[tokenKey]
	if !ok {
		return n, nil
	}
	var c config
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, fmt.Errorf("mattermost block: %w", err)
	}
	var err error
	n.token = secret.New(strings.TrimSpace(token.Reveal()))
	n.server, err = notify.ServerURL(c.Server, credential)
	return n, err
}

// Notify implements notify.Notifier.
func (n *notifier) Notify(ctx context.Context, m notify.Message) (notify.Receipt, error) {
	if _, isKey := n.credential[m.Address]; isKey {
		if m.Update != nil {
			return notify.Receipt{}, notify.Gone(errors.New("an incoming webhook cannot update a message"))
		}
		return notify.Receipt{}, n.postWebhook(ctx, m)
	}
	if n.server == "" {
		return notify.Receipt{}, notify.Permanent(&notify.NoKeyError{Key: m.Address})
	}
	if m.Update != nil {
		return n.update(ctx, m)
	}
	return n.post(ctx, m.Address, "", m.ID, show(m))
}

// postWebhook posts through an incoming webhook, which confirms with the word ok.
func (n *notifier) postWebhook(ctx context.Context, m notify.Message) error {
	target, err := webhookURL(n.credential, m.Address)
	if err != nil {
		return notify.Permanent(err)
	}
	s := show(m)
	body, err := json.Marshal(webhookMessage{Text: s.text, Attachments: s.attachments, Silent: m.Silent})
	if err != nil {
		return notify.Permanent(fmt.Errorf("encode: %w", err))
	}
	answer, err := notify.Post(ctx, n.http, target, http.Header{"Content-Type": {"application/json"}}, body)
	if err != nil {
		return err
	}
	if answer.Status == http.StatusOK {
		if strings.TrimSpace(string(answer.Body)) != "ok" {
			return notify.AnswerLost(errNotMattermost)
		}
		return nil
	}
	return webhookError(answer)
}

// Close implements notify.Notifier.
func (n *notifier) Close() error { return nil }
