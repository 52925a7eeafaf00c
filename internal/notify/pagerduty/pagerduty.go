// Package pagerduty opens and resolves PagerDuty's alerts: one for each branch of a repository.
// docs/services/pagerduty.md is its reference.
package pagerduty

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/travishook/travishook/internal/notify"
)

// routingKey is the key of the Secret for channels without an address. Any other key holds a routing key too.
const routingKey = "routingKey"

// Service is PagerDuty.
var Service = notify.OverHTTP(notify.Service{
	Name:  "pagerduty",
	Title: "PagerDuty", Summary: "an alert while a branch is broken, through an Events API v2 integration",
	Keys: []notify.Key{
		{Name: routingKey, Doc: "The integration key of an Events API v2 integration, for channels without an address. " +
			"Any other key may hold one too, and a channel's address then names the key."},
	},
	// A build's state changes the branch's alert, never an earlier message, and PagerDuty decides whom that notifies.
	Forms:    []notify.Capabilities{{Proof: notify.Accepted, Longest: maxSummary}},
	Check:    check,
	Address:  address,
	Endpoint: endpoint,
	New:      newNotifier,
})

// config is the account's block.
type config struct {
	Region   string `json:"region"`
	Severity string `json:"severity"`
}

// hosts are PagerDuty's service regions.
var hosts = map[string]string{"": "https://events.pagerduty.com", "US": "https://events.pagerduty.com", "EU": "https://events.eu.pagerduty.com"}

var severities = []string{"critical", "error", "warning", "info"}

func parse(raw json.RawMessage) (base, severity string, err error) {
	c := config{Severity: "error"}
	if err := json.Unmarshal(raw, &c); err != nil {
		return "", "", fmt.Errorf("pagerduty block: %w", err)
	}
	base, known := hosts[c.Region]
	switch {
	case !known:
		return "", "", fmt.Errorf("pagerduty region %.40q is unknown: set US or EU", c.Region)
	case !slices.Contains(severities, c.Severity):
		return "", "", fmt.Errorf("pagerduty severity %.40q is unknown: set %s", c.Severity, strings.Join(severities, ", "))
	}
	return base, c.Severity, nil
}

func check(raw json.RawMessage, credential notify.Credential) error {
	if _, _, err := parse(raw); err != nil {
		return err
	}
	return notify.URLOf(integrationKey).Any(credential, "the account's Secret has no integration key: put that of an Events API v2 integration under the key routingKey")
}

var keyPattern = regexp.MustCompile(`^[A-Za-z0-9]{32}$`)

// integrationKey returns the integration key under a key of the Secret.
func integrationKey(credential notify.Credential, key string) (string, error) {
	value, ok := credential[key]
	if !ok {
		return "", &notify.NoKeyError{Key: key}
	}
	found := strings.TrimSpace(value.Reveal())
	problem := func(what string) error { return fmt.Errorf("key %q of the account's Secret has %s", key, what) }
	switch {
	case keyPattern.MatchString(found):
		return found, nil
	case strings.HasPrefix(found, "https://"), strings.HasPrefix(found, "http://"):
		return "", problem("a URL: put the integration key there alone")
	case strings.Contains(found, "@"):
		return "", problem("the address of an e-mail integration: add an Events API v2 integration and use its key")
	case len(found) == 20:
		return "", problem("a key of PagerDuty's REST API, by its length: use the integration key of an Events API v2 integration of the service")
	}
	return "", problem("no integration key, which is 32 letters and digits: copy that of an Events API v2 integration")
}

// address names a key of the Secret; empty, it is the key routingKey.
func address(_ json.RawMessage, credential notify.Credential, address string) (string, error) {
	if _, isKey := credential[address]; !isKey && keyPattern.MatchString(address) {
		return "", errors.New("the address is an integration key, which belongs into the account's Secret: write the name of its key there")
	}
	return notify.URLOf(integrationKey).Address(credential, address, routingKey)
}

func endpoint(raw json.RawMessage, credential notify.Credential, address string) []string {
	base, _, _ := parse(raw) // check has accepted it
	return []string{base, strings.TrimSpace(credential[address].Reveal())}
}

type notifier struct {
	credential notify.Credential
	http       *http.Client
	base       string
	severity   string
}

func newNotifier(raw json.RawMessage, credential notify.Credential, deps notify.Deps) (notify.Notifier, error) {
	base, severity, err := parse(raw)
	if err != nil {
		return nil, err
	}
	return &notifier{credential, deps.HTTP, base, severity}, nil
}

// Notify implements notify.Notifier.
func (n *notifier) Notify(ctx context.Context, m notify.Message) (notify.Receipt, error) {
	if m.Update != nil {
		return notify.Receipt{}, notify.Gone(errors.New("an event cannot be updated: a later one changes the alert"))
	}
	key, err := integrationKey(n.credential, m.Address)
	if err != nil {
		return notify.Receipt{}, notify.Permanent(err)
	}
	e, path := show(m, n.severity), "/v2/enqueue"
	if e.Action == "" {
		path = "/v2/change/enqueue"
	}
	e.RoutingKey = key
	body, err := json.Marshal(e)
	if err != nil {
		return notify.Receipt{}, notify.Permanent(fmt.Errorf("encode: %w", err))
	}
	answer, err := notify.Post(ctx, n.http, n.base+path, http.Header{"Content-Type": {"application/json"}}, body)
	if err != nil {
		return notify.Receipt{}, err
	}
	return notify.Receipt{}, read(answer)
}

// Close implements notify.Notifier.
func (n *notifier) Close() error { return nil }
