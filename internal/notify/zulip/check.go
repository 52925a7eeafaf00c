package zulip

import (
	"context"
	"net/http"

	"github.com/travishook/travishook/internal/text"
)

// CheckCredential implements notify.CredentialChecker.
func (n *notifier) CheckCredential(ctx context.Context) (string, error) {
	r, err := n.call(ctx, http.MethodGet, "/api/v1/users/me", nil)
	if err != nil {
		return "", err
	}
	if r.FullName == "" {
		return "", errNotZulip
	}
	return text.OneLine(r.FullName, 100), nil
}
