// Package teams sends messages to Microsoft Teams through the webhooks of its Workflows. docs/services/teams.md
// is its reference.
package teams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/travishook/travishook/internal/notify"
)

// urlKey is the key of the Secret for channels without an address. Any other key holds a webhook's URL too.
const urlKey = "url"

// Service is Microsoft Teams.
var Service = notify.OverHTTP(notify.Service{
	Name:  "teams",
	Title: "Microsoft Teams", Summary: "through the webhooks of Workflows",
	Keys: []notify.Key{
		{Name: urlKey, Doc: "The URL of a workflow's webhook, for channels without an address. " +
			"Any other key may hold one too, and a channel's address then names the key."},
	},
	Forms:    []notify.Capabilities{{Proof: notify.Accepted, Longest: maxLine}},
	Check:    check,
	Address:  address,
	Endpoint: notify.EndpointOfKey,
	New:      newNotifier,
})

func check(raw json.RawMessage, credential notify.Credential) error {
	if !json.Valid(raw) {
		return errors.New("the teams block is not JSON")
	}
	return notify.URLOf(webhookURL).Any(credential, "the account's Secret has no webhook: put the URL of a workflow's webhook under the key url")
}

// workflowHosts are the ends of the hosts of workflows, in all of Microsoft's clouds.
var workflowHosts = []string{
	".logic.azure.com", ".logic.azure.us", ".logic.azure.cn", ".api.powerplatform.com", ".api.powerplatform.us",
	".api.powerautomate.com", ".flow.microsoft.com", ".flow.microsoft.us",
}

// connectorHosts are the ends of the hosts of Office 365 connectors, which Microsoft retired.
var connectorHosts = []string{".webhook.office.com", ".outlook.office.com", ".outlook.office365.com"}

// webhookURL returns the URL of a workflow's webhook. Its query has the signature, which is the credential.
func webhookURL(credential notify.Credential, key string) (string, error) {
	text, err := notify.KeyedURL(credential, key, "https")
	if err != nil {
		return "", err
	}
	problem := func(what string) error { return fmt.Errorf("key %q of the account's Secret %s", key, what) }
	u, err := url.Parse(text)
	if err != nil {
		return "", problem("is not a URL")
	}
	has := func(ends []string) bool {
		return slices.ContainsFunc(ends, func(end string) bool { return strings.HasSuffix("."+strings.ToLower(u.Hostname()), end) })
	}
	switch {
	case has(connectorHosts):
		return "", problem("has the URL of an Office 365 connector, which Microsoft retired: " +
			"in Teams, add the workflow \"Send webhook alerts to a channel\" and use its URL")
	case !has(workflowHosts):
		if other := notify.ServiceOfURL(text); other != "" {
			return "", problem("has a URL of " + other + ", not of a workflow")
		}
		return "", problem("is not the URL of a workflow's webhook, whose host ends in logic.azure.com or api.powerplatform.com")
	case u.Query().Get("sig") == "":
		return "", problem("has a URL without a signature (sig=…): copy the whole URL, of a workflow that anyone can trigger")
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

// Notify implements notify.Notifier. The workflow answers before it runs.
func (n *notifier) Notify(ctx context.Context, m notify.Message) (notify.Receipt, error) {
	if m.Update != nil {
		return notify.Receipt{}, notify.Gone(errors.New("a workflow cannot update a message"))
	}
	target, err := webhookURL(n.credential, m.Address)
	if err != nil {
		return notify.Receipt{}, notify.Permanent(err)
	}
	body, err := show(m)
	if err != nil {
		return notify.Receipt{}, notify.Permanent(fmt.Errorf("encode: %w", err))
	}
	answer, err := notify.Post(ctx, n.http, target, http.Header{"Content-Type": {"application/json"}}, body)
	if err != nil {
		return notify.Receipt{}, err
	}
	return notify.Receipt{}, read(answer)
}

// Close implements notify.Notifier.
func (n *notifier) Close() error { return nil }
