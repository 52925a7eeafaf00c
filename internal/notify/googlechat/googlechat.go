// Package googlechat sends messages to Google Chat's spaces through their webhooks. docs/services/googlechat.md
// is its reference.
package googlechat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/travishook/travishook/internal/notify"
)

// urlKey is the key of the Secret for channels without an address. Any other key holds a webhook's URL too.
const urlKey = "url"

// Service is Google Chat.
var Service = notify.OverHTTP(notify.Service{
	Name:  "googlechat",
	Title: "Google Chat", Summary: "through the webhooks of its spaces",
	Keys: []notify.Key{
		{Name: urlKey, Doc: "A space's webhook URL, for channels without an address. " +
			"Any other key may hold one too, and a channel's address then names the key."},
	},
	Forms:    []notify.Capabilities{{Thread: true, Mention: true, Proof: notify.Shown, Longest: maxText}},
	Check:    check,
	Address:  address,
	Person:   person,
	Endpoint: notify.EndpointOfKey,
	New:      newNotifier,
})

func check(raw json.RawMessage, credential notify.Credential) error {
	if !json.Valid(raw) {
		return errors.New("the googlechat block is not JSON")
	}
	return notify.URLOf(webhookURL).Any(credential, "the account's Secret has no webhook: put the URL of a space's webhook under the key url")
}

var spacePath = regexp.MustCompile(`^/v1/spaces/[A-Za-z0-9_-]{5,60}/messages$`)

// webhookURL returns the URL of a webhook. Its query has the credential.
func webhookURL(credential notify.Credential, key string) (string, error) {
	text, err := notify.KeyedURL(credential, key, "https")
	if err != nil {
		return "", err
	}
	problem := func(what string) error { return fmt.Errorf("key %q of the account's Secret %s", key, what) }
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "", problem("is not a URL")
	case u.Host == "mail.google.com" || u.Host == "chat.google.com":
		return "", problem("has the link to a space: copy a webhook's URL instead, under Apps & integrations in the space's menu")
	case u.Host != "chat.googleapis.com" && notify.ServiceOfURL(text) != "":
		return "", problem("has a URL of " + notify.ServiceOfURL(text) + ", not of Google Chat")
	case u.Host != "chat.googleapis.com" || !spacePath.MatchString(u.Path):
		return "", problem("is not the URL of a Google Chat webhook, which begins with https://chat.googleapis.com/v1/spaces/")
	case u.Query().Get("key") == "" || u.Query().Get("token") == "":
		return "", problem("has a URL without key=… and token=…: copy the whole URL")
	}
	return text, nil
}

// address names a key of the Secret; empty, it is the key url.
func address(_ json.RawMessage, credential notify.Credential, address string) (string, error) {
	return notify.URLOf(webhookURL).Address(credential, address, urlKey)
}

type notifier struct {
	credential notify.Credential
	http       *http.Client
}

func newNotifier(_ json.RawMessage, credential notify.Credential, deps notify.Deps) (notify.Notifier, error) {
	return &notifier{credential, deps.HTTP}, nil
}

// message is the body of a message. A reply names its thread.
type message struct {
	Text   string  `json:"text"`
	Thread *thread `json:"thread,omitempty"`
}

type thread struct {
	Name string `json:"name"`
}

var threadName = regexp.MustCompile(`^spaces/[A-Za-z0-9_-]{1,80}/threads/[A-Za-z0-9_.-]{1,120}$`)

// Notify implements notify.Notifier. A webhook cannot edit: a later state is a reply.
func (n *notifier) Notify(ctx context.Context, m notify.Message) (notify.Receipt, error) {
	body := message{Text: show(m)}
	query := url.Values{}
	if m.Update != nil {
		if !threadName.MatchString(m.Update.Handle) {
			return notify.Receipt{}, notify.Gone(errors.New("the handle of the earlier message is not Google Chat's"))
		}
		body.Thread = &thread{m.Update.Handle}
		query.Set("messageReplyOption", "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD")
	}
	target, err := webhookURL(n.credential, m.Address)
	if err != nil {
		return notify.Receipt{}, notify.Permanent(err)
	}
	if len(query) > 0 {
		target += "&" + query.Encode() // it has a query: key and token
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return notify.Receipt{}, notify.Permanent(fmt.Errorf("encode: %w", err))
	}
	answer, err := notify.Post(ctx, n.http, target, http.Header{"Content-Type": {"application/json; charset=UTF-8"}}, raw)
	if err != nil {
		return notify.Receipt{}, err
	}
	return read(answer)
}

// Close implements notify.Notifier.
func (n *notifier) Close() error { return nil }

// errNotGoogle is an answer that must come from something between the operator and Google Chat.
var errNotGoogle = errors.New("the answer is not Google Chat's")

var statusWord = regexp.MustCompile(`^[A-Z_]{1,60}$`)

// read classifies an answer. Google asks for no delay; the queue backs off.
func read(a notify.Answer) (notify.Receipt, error) {
	var r struct {
		Thread thread `json:"thread"`
		Error  struct {
			Status string `json:"status"`
		} `json:"error"`
	}
	err := json.Unmarshal(a.Body, &r)
	if a.Status >= 200 && a.Status < 300 {
		if err != nil || !threadName.MatchString(r.Thread.Name) {
			return notify.Receipt{}, notify.AnswerLost(errNotGoogle)
		}
		return notify.Receipt{Handle: r.Thread.Name}, nil
	}
	word := r.Error.Status
	if !statusWord.MatchString(word) {
		word = ""
	}
	if a.Status == http.StatusNotFound || a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden {
		advice := "the webhook or its space was deleted, or the administrator forbids webhooks: make a new one and set its URL"
		return notify.Receipt{}, notify.BadCredential(fmt.Errorf("answered %s: %s", strings.TrimSpace(fmt.Sprint(a.Status, " ", word)), advice))
	}
	return notify.Receipt{}, notify.StatusError(a.Status, a.Header, word)
}
