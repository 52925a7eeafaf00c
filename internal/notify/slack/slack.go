// Package slack sends messages to Slack channels, as an app with a bot token or through incoming
// webhooks. docs/services/slack.md is its reference.
package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/secret"
)

// The keys of the Secret with a fixed meaning. Any other key holds the URL of an incoming webhook.
const (
	tokenKey = "token"
	urlKey   = "url"
)

// Service is Slack.
var Service = notify.OverHTTP(notify.Service{
	Name:  "slack",
	Title: "Slack", Summary: "as an app with a bot token, or through incoming webhooks",
	Keys: []notify.Key{
		{Name: tokenKey, Doc: "The app's bot token (xoxb-…). With it, a channel's address is a Slack channel: #builds, or its ID."},
		{Name: urlKey, Doc: "An incoming webhook's URL, for channels without an address. " +
			"Any other key may hold one too, and a channel's address then names the key."},
	},
	Forms: []notify.Capabilities{
		{Form: "bot token", Edit: true, Thread: true, Mention: true, Proof: notify.Shown, Longest: maxLine},
		{Form: "incoming webhook", Mention: true, Proof: notify.Accepted, Longest: maxLine},
	},
	Form:     notify.FormOfKey,
	Check:    check,
	Address:  address,
	Person:   person,
	Endpoint: endpoint,
	New:      newNotifier,
})

func check(raw json.RawMessage, credential notify.Credential) error {
	if !json.Valid(raw) {
		return errors.New("the slack block is not JSON")
	}
	if token, ok := credential[tokenKey]; ok {
		return checkToken(token)
	}
	return notify.URLOf(webhookURL).Any(credential, "the account's Secret has neither a bot token under the key token "+
		"nor an incoming webhook's URL under the key url")
}

// checkToken refuses tokens of other kinds, which are easily mistaken for a bot token.
func checkToken(value secret.Value) error {
	token := strings.TrimSpace(value.Reveal())
	switch {
	case strings.HasPrefix(token, "xoxe"):
		return errors.New("the key token of the account's Secret has a rotating token, which expires: " +
			"disable token rotation in the Slack app's settings and use its bot token (xoxb-…)")
	case strings.HasPrefix(token, "xoxb-"), strings.HasPrefix(token, "xoxp-"):
		return nil
	}
	return errors.New("the key token of the account's Secret has no bot token: " +
		"it begins with xoxb- and is shown in the Slack app's settings under OAuth & Permissions")
}

// webhookURL returns the URL of an incoming webhook. Its host is Slack's, or that of a server that takes Slack's
// messages.
func webhookURL(credential notify.Credential, key string) (string, error) {
	text, err := notify.KeyedURL(credential, key, "https")
	if other := notify.ServiceOfURL(text); err == nil && other != "" && other != "Slack" {
		return "", fmt.Errorf("key %q of the account's Secret has a URL of %s, not of a Slack webhook", key, other)
	}
	return text, err
}

var channelID = regexp.MustCompile(`^[CGD][A-Z0-9]{6,20}$`)

// address normalizes a channel's address: a key of the Secret with a webhook's URL, or with a token a
// Slack channel.
func address(_ json.RawMessage, credential notify.Credential, address string) (string, error) {
	_, hasToken := credential[tokenKey]
	if _, isKey := credential[address]; isKey && address != tokenKey || !hasToken {
		return notify.URLOf(webhookURL).Address(credential, address, urlKey)
	}
	if address == "" {
		if _, ok := credential[urlKey]; ok {
			return notify.SameURLKey(credential, urlKey), nil
		}
	}
	if channelID.MatchString(address) {
		return address, nil
	}
	return channelName(address)
}

// endpoint is an incoming webhook's URL, or a channel of the workspace and app that the token is for.
func endpoint(_ json.RawMessage, credential notify.Credential, address string) []string {
	if _, isKey := credential[address]; isKey {
		return []string{notify.SameURL(credential[address].Reveal())}
	}
	return []string{strings.TrimSpace(credential[tokenKey].Reveal()), address}
}

// channelName validates the name of a Slack channel: lower-case letters of any script, digits, dashes and
// underscores.
func channelName(address string) (string, error) {
	name, ok := strings.CutPrefix(address, "#")
	valid := ok && name != "" && utf8.ValidString(name) && utf8.RuneCountInString(name) <= 80 &&
		!strings.ContainsFunc(name, func(r rune) bool {
			return !unicode.In(r, unicode.L, unicode.M, unicode.Nd) && r != '-' && r != '_'
		})
	if !valid {
		return "", fmt.Errorf("%.100q is not a Slack channel: write its name as #builds, or its ID as C0123456789", address)
	}
	return "#" + strings.ToLower(name), nil
}

type notifier struct {
	credential notify.Credential
	http       *http.Client
	api        *slack.Client // nil without a token
	members    members
}

func newNotifier(_ json.RawMessage, credential notify.Credential, deps notify.Deps) (notify.Notifier, error) {
	n := &notifier{credential: credential, http: deps.HTTP}
	if token, ok := credential[tokenKey]; ok {
		// The library does not retry by default; the queue does.
		n.api = slack.New(strings.TrimSpace(token.Reveal()), slack.OptionHTTPClient(deps.HTTP))
	}
	return n, nil
}

// Notify implements notify.Notifier.
func (n *notifier) Notify(ctx context.Context, m notify.Message) (notify.Receipt, error) {
	if _, isKey := n.credential[m.Address]; isKey {
		if m.Update != nil {
			return notify.Receipt{}, notify.Gone(errors.New("an incoming webhook cannot update a message"))
		}
		return notify.Receipt{}, n.postWebhook(ctx, m)
	}
	if n.api == nil {
		return notify.Receipt{}, notify.Permanent(fmt.Errorf("the account's Secret has no key %.100q", m.Address))
	}
	if err := n.checkMember(ctx, m.Mention); err != nil {
		return notify.Receipt{}, err
	}
	if m.Update != nil {
		return n.update(ctx, m)
	}
	receipt, err := n.postMessage(ctx, m.Address, show(m))
	if err != nil {
		return notify.Receipt{}, apiError(err)
	}
	return receipt, nil
}

// postMessage calls chat.postMessage. Slack confirms with the message's timestamp: the library reports
// success for an answer that has neither success nor an error in it.
func (n *notifier) postMessage(ctx context.Context, channel string, s shown, more ...slack.MsgOption) (notify.Receipt, error) {
	channel, timestamp, _, err := n.api.SendMessageContext(ctx, channel, append(s.options(), more...)...)
	if err != nil {
		return notify.Receipt{}, err
	}
	if timestamp == "" {
		return notify.Receipt{}, notify.AnswerLost(errNotSlack)
	}
	return notify.Receipt{Handle: posted{channel, timestamp}.handle()}, nil
}

// postWebhook does not use the library's call, which drops the error code in the body.
func (n *notifier) postWebhook(ctx context.Context, m notify.Message) error {
	target, err := webhookURL(n.credential, m.Address)
	if err != nil {
		return notify.Permanent(err)
	}
	s, no := show(m), false
	body, err := json.Marshal(slack.WebhookMessage{
		Text: s.text, Blocks: &slack.Blocks{BlockSet: s.blocks}, Attachments: []slack.Attachment{s.attachment},
		Parse: "none", UnfurlLinks: &no, UnfurlMedia: &no,
	})
	if err != nil {
		return notify.Permanent(fmt.Errorf("encode: %w", err))
	}
	answer, err := notify.Post(ctx, n.http, target, http.Header{"Content-Type": {"application/json"}}, body)
	if err != nil {
		return err
	}
	return webhookError(answer)
}

// Close implements notify.Notifier.
func (n *notifier) Close() error { return nil }
