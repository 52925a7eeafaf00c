// Package webhook posts each event to any HTTP server, as JSON or as a CloudEvent, signed as in
// Standard Webhooks. docs/services/webhook.md is its reference.
package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/text"
)

// The keys of the Secret with a fixed meaning. Any other key holds a URL.
const (
	urlKey  = "url"
	hmacKey = "hmacKey"
)

// Service is the generic webhook.
var Service = notify.OverHTTP(notify.Service{
	Name:  "webhook",
	Title: "Webhook", Summary: "any HTTP endpoint, JSON or CloudEvents, signed",
	Keys: []notify.Key{
		{Name: urlKey, Doc: "The URL for channels without an address. " +
			"Any other key may hold a URL too, and a channel's address then names the key."},
		{Name: hmacKey, Doc: "The key that signs the requests: base64 of 24 to 64 random bytes, optionally with the prefix whsec_. " +
			"To rotate it, set both keys, separated by white space."},
	},
	Forms: []notify.Capabilities{
		{Edit: true, Notifies: true, Silent: true, Mention: true, Idempotent: true, Proof: notify.Accepted, Longest: maxText},
	},
	Check:    check,
	Address:  address,
	Person:   person,
	Endpoint: endpoint,
	New:      newNotifier,
})

// config is the account's block.
type config struct {
	Format string `json:"format"`
}

func parse(raw json.RawMessage) (encode, error) {
	var c config
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, fmt.Errorf("webhook block: %w", err)
	}
	switch c.Format {
	case "", "JSON":
		return encodeJSON, nil
	case "CloudEvents":
		return encodeCloudEvent, nil
	}
	return nil, fmt.Errorf("webhook format %.40q is unknown: set JSON or CloudEvents", c.Format)
}

func check(raw json.RawMessage, credential notify.Credential) error {
	if _, err := parse(raw); err != nil {
		return err
	}
	if _, err := parseKeys(credential[hmacKey]); err != nil {
		return err
	}
	if name := misnamedKey(credential); name != "" {
		return fmt.Errorf("the key %q of the account's Secret is a key to sign with, not a URL: name it %s", name, hmacKey)
	}
	problem := errors.New("the account's Secret has no URL: put it under the key url")
	for _, key := range slices.Sorted(maps.Keys(credential)) {
		if key == hmacKey {
			continue
		}
		_, err := targetURL(credential, key)
		if err == nil {
			return nil
		}
		problem = err
	}
	return problem
}

// misnamedKey returns the name of a signing key that is not under hmacKey, where requests would not be signed
// with it.
func misnamedKey(credential notify.Credential) string {
	for _, name := range slices.Sorted(maps.Keys(credential)) {
		if name != hmacKey && strings.HasPrefix(strings.TrimSpace(credential[name].Reveal()), keyPrefix) {
			return name
		}
	}
	return ""
}

func targetURL(credential notify.Credential, key string) (string, error) {
	return notify.KeyedURL(credential, key, "https", "http")
}

// address names a key of the Secret; empty, it is the key url.
func address(_ json.RawMessage, credential notify.Credential, address string) (string, error) {
	switch address {
	case "":
		address = urlKey
	case hmacKey:
		return "", errors.New("the key hmacKey has no URL: name another key of the account's Secret")
	}
	if _, err := targetURL(credential, address); err != nil {
		return "", err
	}
	return notify.SameURLKey(credential, address), nil
}

// maxPerson is how many characters an id of a person may have.
const maxPerson = 128

// person accepts any id: what it means is the receiver's.
func person(id string) (string, error) {
	if id == "" || id != text.Line(id) || strings.TrimSpace(id) != id || strings.ContainsAny(id, "@<>") && !isMail(id) ||
		utf8.RuneCountInString(id) > maxPerson {
		return "", fmt.Errorf("%.40q is not an id that a webhook can carry: "+
			"write a name or an e-mail address of at most %d characters", id, maxPerson)
	}
	return id, nil
}

func isMail(id string) bool {
	name, host, ok := strings.Cut(id, "@")
	return ok && name != "" && host != "" && !strings.ContainsAny(host, "@<>") && !strings.ContainsAny(name, "<>")
}

// endpoint is the URL with what the server judges a request by: a message with a wrong signature must not
// count against those with the right one.
func endpoint(raw json.RawMessage, credential notify.Credential, address string) []string {
	var c config
	_ = json.Unmarshal(raw, &c) // check has accepted it
	return []string{notify.SameURL(credential[address].Reveal()), c.Format, credential[hmacKey].Reveal()}
}

type notifier struct {
	credential notify.Credential
	encode     encode
	keys       []signingKey
	http       *http.Client
}

func newNotifier(raw json.RawMessage, credential notify.Credential, deps notify.Deps) (notify.Notifier, error) {
	encode, err := parse(raw)
	if err != nil {
		return nil, err
	}
	keys, err := parseKeys(credential[hmacKey])
	if err != nil {
		return nil, err
	}
	return &notifier{credential: credential, encode: encode, keys: keys, http: deps.HTTP}, nil
}

// Notify implements notify.Notifier: any 2xx confirms.
func (n *notifier) Notify(ctx context.Context, m notify.Message) (notify.Receipt, error) {
	target, err := targetURL(n.credential, m.Address)
	if err != nil {
		return notify.Receipt{}, notify.Permanent(err)
	}
	of, err := lineageOf(m)
	if err != nil {
		return notify.Receipt{}, err
	}
	contentType, body, err := n.encode(m)
	if err != nil {
		return notify.Receipt{}, notify.Permanent(fmt.Errorf("encode: %w", err))
	}
	answer, err := notify.PostForStatus(ctx, n.http, target, n.header(m.ID, contentType, body), body)
	if err != nil {
		return notify.Receipt{}, err
	}
	// The response's body may repeat the URL or the signature, so no error shows it.
	if err := notify.StatusError(answer.Status, answer.Header, ""); err != nil {
		return notify.Receipt{}, err
	}
	return notify.Receipt{Handle: of.Message + "/" + m.ID}, nil
}

// Close implements notify.Notifier.
func (n *notifier) Close() error { return nil }

// header writes its names in lower case, as Standard Webhooks does, and not in http.Header's canonical
// form: net/http retries a request by itself if it has an Idempotency-Key, and duplicates must be
// counted.
func (n *notifier) header(id, contentType string, body []byte) http.Header {
	h := http.Header{"Content-Type": {contentType}, "idempotency-key": {id}, "webhook-id": {id}}
	timestamp := strconv.FormatInt(time.Now().Unix(), 10)
	h["webhook-timestamp"] = []string{timestamp}
	if len(n.keys) > 0 {
		h["webhook-signature"] = []string{sign(n.keys, id, timestamp, body)}
	}
	return h
}
