package discord

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/text"
)

// CheckCredential implements notify.CredentialChecker: it reads each webhook.
func (n *notifier) CheckCredential(ctx context.Context) (string, error) {
	var names []string
	for _, key := range slices.Sorted(maps.Keys(n.credential)) {
		name, err := n.webhookName(ctx, key)
		if err != nil {
			return "", fmt.Errorf("key %q of the account's Secret: %w", key, err)
		}
		names = append(names, name)
	}
	return "the webhooks " + strings.Join(names, ", "), nil
}

func (n *notifier) webhookName(ctx context.Context, key string) (string, error) {
	target, err := webhookURL(n.credential, key)
	if err != nil {
		return "", notify.Permanent(err)
	}
	answer, err := notify.Send(ctx, n.http, notify.Request{Method: http.MethodGet, URL: target})
	if err != nil {
		return "", err
	}
	if _, err := read(answer, false); err != nil {
		return "", err
	}
	var webhook struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(answer.Body, &webhook); err != nil {
		return "", errNotDiscord
	}
	return text.OneLine(webhook.Name, 80), nil
}
