// Package discord sends messages to Discord channels through their webhooks. docs/services/discord.md is its
// reference.
package discord

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
)

// urlKey is the key of the Secret for channels without an address. Any other key holds a webhook's URL too.
const urlKey = "url"

// Service is Discord.
var Service = notify.OverHTTP(notify.Service{
	Name:  "discord",
	Title: "Discord", Summary: "through the webhooks of its channels",
	Keys: []notify.Key{
		{Name: urlKey, Doc: "A channel's webhook URL, for channels without an address. " +
			"Any other key may hold one too, and a channel's address then names the key."},
	},
	Forms:    []notify.Capabilities{{Edit: true, Silent: true, Mention: true, Proof: notify.Shown, Longest: maxContent}},
	Check:    check,
	Address:  address,
	Person:   person,
	Endpoint: endpoint,
	New:      newNotifier,
})

func check(raw json.RawMessage, credential notify.Credential) error {
	if !json.Valid(raw) {
		return errors.New("the discord block is not JSON")
	}
	return notify.URLOf(webhookURL).Any(credential, "the account's Secret has no webhook: put the URL of a channel's webhook under the key url")
}

var (
	hosts       = []string{"discord.com", "discordapp.com", "ptb.discord.com", "canary.discord.com"}
	webhookPath = regexp.MustCompile(`^/api(?:/v[0-9]{1,2})?/webhooks/([0-9]{15,20})/([A-Za-z0-9_-]{20,200})(/slack|/github)?/?$`)
	botToken    = regexp.MustCompile(`^(Bot )?[A-Za-z0-9_-]{20,30}\.[A-Za-z0-9_-]{5,8}\.[A-Za-z0-9_-]{25,45}$`)
)

// webhookURL returns the URL of a webhook in the API's version that is used here.
func webhookURL(credential notify.Credential, key string) (string, error) {
	problem := func(what string) error { return fmt.Errorf("key %q of the account's Secret %s", key, what) }
	value, ok := credential[key]
	switch {
	case !ok:
		return "", &notify.NoKeyError{Key: key}
	case botToken.MatchString(strings.TrimSpace(value.Reveal())):
		return "", problem("has a bot's token: copy a webhook's URL instead, from the channel's settings under Integrations")
	}
	text, err := notify.KeyedURL(credential, key, "https")
	if err != nil {
		return "", err
	}
	u, err := url.Parse(text)
	if err != nil || !slices.Contains(hosts, strings.ToLower(u.Host)) {
		if other := notify.ServiceOfURL(text); other != "" {
			return "", problem("has a URL of " + other + ", not of a Discord webhook")
		}
		return "", problem("is not a Discord webhook: its URL begins with https://discord.com/api/webhooks/")
	}
	parts := webhookPath.FindStringSubmatch(u.Path)
	switch {
	case parts == nil && (strings.HasPrefix(u.Path, "/channels/") || strings.HasPrefix(u.Path, "/invite/")):
		return "", problem("has the link to a channel: copy a webhook's URL instead, from the channel's settings under Integrations")
	case parts == nil:
		return "", problem("is not the whole URL of a Discord webhook: copy it again")
	case parts[3] != "":
		return "", problem("has a webhook's URL for messages in another form: remove " + parts[3] + " from its end")
	}
	return "https://discord.com/api/v10/webhooks/" + parts[1] + "/" + parts[2], nil
}

var threadID = regexp.MustCompile(`^[0-9]{15,20}$`)

// split returns the key and the thread of a channel's address.
func split(address string) (key, thread string) {
	key, thread, _ = strings.Cut(address, "/")
	if key == "" {
		key = urlKey
	}
	return key, thread
}

// address normalizes KEY, or KEY/THREAD with the id of a thread or of a forum's post.
func address(_ json.RawMessage, credential notify.Credential, address string) (string, error) {
	key, thread := split(address)
	if thread != "" && !threadID.MatchString(thread) || strings.HasSuffix(address, "/") {
		return "", fmt.Errorf("%.100q is not an address in Discord: write a key of the account's Secret, "+
			"and for a thread its ID after a slash, as builds/1234567890123456789", address)
	}
	if _, err := webhookURL(credential, key); err != nil {
		return "", err
	}
	key = sameKey(credential, key)
	if thread != "" {
		return key + "/" + thread, nil
	}
	return key, nil
}

// sameKey returns the alphabetically first key with the same webhook, whatever the spelling of its URL.
func sameKey(credential notify.Credential, key string) string {
	wanted, err := webhookURL(credential, key)
	for other := range credential {
		if u, otherErr := webhookURL(credential, other); err == nil && otherErr == nil && other < key && u == wanted {
			key = other
		}
	}
	return key
}

// endpoint is the webhook's URL with the thread.
func endpoint(_ json.RawMessage, credential notify.Credential, address string) []string {
	key, thread := split(address)
	target, err := webhookURL(credential, key)
	if err != nil {
		target = address
	}
	return []string{target, thread}
}

type notifier struct {
	credential notify.Credential
	http       *http.Client
	tally      *tally
	namespace  string
	// deleted are the URLs of webhooks that Discord does not know any more. They are never called again:
	// Discord restricts who keeps calling them. A new URL comes with a new notifier.
	deleted sync.Map
}

func newNotifier(_ json.RawMessage, credential notify.Credential, deps notify.Deps) (notify.Notifier, error) {
	n := &notifier{credential: credential, http: deps.HTTP, tally: &ofProcess, namespace: deps.Namespace}
	if notify.HasOwnProxy(deps.HTTP) { // Discord sees the proxy's address, and the account's owner may write its answers
		n.tally, n.namespace = &tally{}, ""
	}
	return n, nil
}

var handlePattern = regexp.MustCompile(`^[0-9]{15,20}$`)

// Notify implements notify.Notifier.
func (n *notifier) Notify(ctx context.Context, m notify.Message) (notify.Receipt, error) {
	if m.Update == nil {
		return n.post(ctx, m.Address, show(m))
	}
	if !handlePattern.MatchString(m.Update.Handle) {
		return notify.Receipt{}, notify.Gone(errors.New("the handle of the earlier message is not Discord's"))
	}
	edited := m
	edited.Mention = "" // an edit notifies nobody
	receipt, err := n.edit(ctx, m.Address, m.Update.Handle, show(edited))
	if err != nil {
		return notify.Receipt{}, notify.Refused(err)
	}
	if len(m.Update.Reply) == 0 {
		return receipt, nil
	}
	if _, err := n.post(ctx, m.Address, showReply(m.Update.Reply, m.Mention)); err != nil {
		return notify.Receipt{}, err
	}
	return receipt, nil
}

// post sends a message and waits until Discord has saved it.
func (n *notifier) post(ctx context.Context, address string, p payload) (notify.Receipt, error) {
	return n.call(ctx, http.MethodPost, address, "", url.Values{"wait": {"true"}}, p)
}

func (n *notifier) edit(ctx context.Context, address, message string, p payload) (notify.Receipt, error) {
	p.Flags = 0 // an edit notifies nobody
	return n.call(ctx, http.MethodPatch, address, "/messages/"+message, url.Values{}, p)
}

func (n *notifier) call(ctx context.Context, method, address, path string, query url.Values, p payload) (notify.Receipt, error) {
	key, thread := split(address)
	target, err := webhookURL(n.credential, key)
	if err != nil {
		return notify.Receipt{}, notify.Permanent(err)
	}
	if _, deleted := n.deleted.Load(target); deleted {
		return notify.Receipt{}, explain(unknownWebhook, "")
	}
	if err := n.tally.check(n.namespace); err != nil {
		return notify.Receipt{}, err
	}
	if thread != "" {
		query.Set("thread_id", thread)
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	body, err := json.Marshal(p)
	if err != nil {
		return notify.Receipt{}, notify.Permanent(fmt.Errorf("encode: %w", err))
	}
	answer, err := notify.Send(ctx, n.http, notify.Request{
		Method: method, URL: target + path, Header: http.Header{"Content-Type": {"application/json"}}, Body: body,
	})
	if err != nil {
		return notify.Receipt{}, err
	}
	n.tally.count(n.namespace, answer)
	id, err := read(answer, method == http.MethodPatch)
	if err != nil {
		if refusal(answer).Code == unknownWebhook {
			n.deleted.Store(target, struct{}{})
		}
		return notify.Receipt{}, err
	}
	return notify.Receipt{Handle: id}, nil
}

// Close implements notify.Notifier.
func (n *notifier) Close() error { return nil }
