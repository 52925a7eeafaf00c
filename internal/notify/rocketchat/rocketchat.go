// Package rocketchat sends messages to Rocket.Chat's rooms, as a bot or through incoming integrations.
// docs/services/rocketchat.md is its reference.
package rocketchat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/secret"
)

// The keys of the Secret with a fixed meaning. Any other key holds the URL of an incoming integration.
const (
	tokenKey = "token"
	userKey  = "user"
	urlKey   = "url"
)

// Service is Rocket.Chat.
var Service = notify.OverHTTP(notify.Service{
	Name:  "rocketchat",
	Title: "Rocket.Chat", Summary: "as a bot, or through incoming integrations",
	Keys: []notify.Key{
		{Name: tokenKey, Doc: "The bot's personal access token. With it, a channel's address is a room: #builds, or its ID."},
		{Name: userKey, Doc: "The bot's user ID, which is shown with its token; required with token."},
		{Name: notify.KeyServer, Doc: "The bot's server as a URL; takes precedence over the account's field server."},
		{Name: urlKey, Doc: "An incoming integration's URL, for channels without an address. " +
			"Any other key may hold one too, and a channel's address then names the key."},
	},
	Forms: []notify.Capabilities{
		{Form: "bot", Edit: true, Thread: true, Mention: true, Idempotent: true, Proof: notify.Shown, Longest: maxText},
		{Form: "incoming integration", Mention: true, Proof: notify.Accepted, Longest: maxText},
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
		return fmt.Errorf("rocketchat block: %w", err)
	}
	if _, ok := credential[tokenKey]; ok {
		if _, err := notify.ServerURL(c.Server, credential); err != nil {
			return err
		}
		return checkToken(trimmed(credential, tokenKey), trimmed(credential, userKey))
	}
	return notify.URLOf(webhookURL).Any(credential, "the account's Secret has neither a bot's token under the key token "+
		"nor an incoming integration's URL under the key url", fixedKeys...)
}

// fixedKeys are the keys that have no integration's URL.
var fixedKeys = []string{tokenKey, userKey, notify.KeyServer}

func trimmed(credential notify.Credential, key string) string {
	return strings.TrimSpace(credential[key].Reveal())
}

var (
	tokenPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{40,64}$`)
	roomID       = regexp.MustCompile(`^[A-Za-z0-9]{17,64}$`)
	roomName     = regexp.MustCompile(`^#[\pL\pN][\pL\pN._-]{0,99}$`)
)

// checkToken refuses what is easily mistaken for a bot's token or user ID.
func checkToken(token, user string) error {
	switch {
	case strings.HasPrefix(token, "https://"), strings.HasPrefix(token, "http://"):
		return errors.New("the key token of the account's Secret has a URL: put an incoming integration's URL under the key url")
	case strings.HasPrefix(token, "xox"):
		return errors.New("the key token of the account's Secret has a token of Slack, not of Rocket.Chat")
	case roomID.MatchString(token) && len(token) < 25:
		return errors.New("the key token of the account's Secret looks like a user ID, which belongs under the key user")
	case !tokenPattern.MatchString(token):
		return errors.New("the key token of the account's Secret has no personal access token: make one in the bot's profile under Personal Access Tokens")
	case user == "":
		return errors.New("the account's Secret has a token and no user: put the user ID, which is shown with the token, under the key user")
	case !roomID.MatchString(user):
		return errors.New("the key user of the account's Secret has no user ID, which is shown with the token; it is not the user's name")
	}
	return nil
}

var webhookPath = regexp.MustCompile(`/hooks/([A-Za-z0-9]{17,64})(/[A-Za-z0-9_-]{16,128})?/?$`)

// webhookURL returns the URL of an incoming integration.
func webhookURL(credential notify.Credential, key string) (string, error) {
	text, err := notify.KeyedURL(credential, key, "https", "http")
	if err != nil {
		return "", err
	}
	if other := notify.ServiceOfURL(text); other != "" {
		return "", fmt.Errorf("key %q of the account's Secret has a URL of %s, not of Rocket.Chat", key, other)
	}
	u, err := url.Parse(text)
	if err != nil {
		return "", fmt.Errorf("key %q of the account's Secret is not a URL", key)
	}
	parts := webhookPath.FindStringSubmatch(u.Path)
	switch {
	case parts == nil:
		return "", fmt.Errorf("key %q of the account's Secret is not the URL of an incoming integration, which ends in /hooks/ID/TOKEN: copy it again", key)
	case parts[2] == "":
		return "", fmt.Errorf("key %q of the account's Secret has a URL of Mattermost's form: Rocket.Chat's ends in /hooks/ID/TOKEN", key)
	}
	return text, nil
}

// address normalizes a channel's address: a key of the Secret with an integration's URL, or with a token a room.
func address(_ json.RawMessage, credential notify.Credential, address string) (string, error) {
	_, hasToken := credential[tokenKey]
	_, isKey := credential[address]
	if isKey && !slices.Contains(fixedKeys, address) || !hasToken || address == "" && !credential[urlKey].Empty() {
		return notify.URLOf(webhookURL).Address(credential, address, urlKey)
	}
	if !roomName.MatchString(address) && !roomID.MatchString(address) {
		return "", fmt.Errorf("%.100q is not a Rocket.Chat room: write its name as #builds, or its ID", address)
	}
	return address, nil
}

// endpoint is an incoming integration's URL, or a room of the server and bot.
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
	return []string{notify.SameURL(server), trimmed(credential, userKey), trimmed(credential, tokenKey), address}
}

type notifier struct {
	credential notify.Credential
	http       *http.Client
	server     string // empty without a token
	token      secret.Value
	user       string
	rooms      sync.Map // IDs by name
}

func newNotifier(raw json.RawMessage, credential notify.Credential, deps notify.Deps) (notify.Notifier, error) {
	n := &notifier{credential: credential, http: deps.HTTP}
	if _, ok := credential[tokenKey]; !ok {
		return n, nil
	}
	var c config
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, fmt.Errorf("rocketchat block: %w", err)
	}
	var err error
	n.token, n.user = secret.New(trimmed(credential, tokenKey)), trimmed(credential, userKey)
	n.server, err = notify.ServerURL(c.Server, credential)
	return n, err
}

// Notify implements notify.Notifier.
func (n *notifier) Notify(ctx context.Context, m notify.Message) (notify.Receipt, error) {
	if _, isKey := n.credential[m.Address]; isKey {
		if m.Update != nil {
			return notify.Receipt{}, notify.Gone(errors.New("an incoming integration cannot update a message"))
		}
		return notify.Receipt{}, n.postWebhook(ctx, m)
	}
	if n.server == "" {
		return notify.Receipt{}, notify.Permanent(&notify.NoKeyError{Key: m.Address})
	}
	if m.Update != nil {
		return n.update(ctx, m)
	}
	return n.send(ctx, m.Address, message{ID: m.ID, Text: showText(m)})
}

// postWebhook posts through an incoming integration.
func (n *notifier) postWebhook(ctx context.Context, m notify.Message) error {
	target, err := webhookURL(n.credential, m.Address)
	if err != nil {
		return notify.Permanent(err)
	}
	body, err := json.Marshal(show(m))
	if err != nil {
		return notify.Permanent(fmt.Errorf("encode: %w", err))
	}
	answer, err := notify.Post(ctx, n.http, target, http.Header{"Content-Type": {"application/json"}}, body)
	if err != nil {
		return err
	}
	_, err = readWebhook(answer)
	return err
}

// Close implements notify.Notifier.
func (n *notifier) Close() error { return nil }
