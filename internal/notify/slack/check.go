package slack

import (
	"context"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/text"
)

// CheckCredential implements notify.CredentialChecker. An incoming webhook has no call but that which posts.
func (n *notifier) CheckCredential(ctx context.Context) (string, error) {
	if n.api == nil {
		return "", notify.ErrCannotCheck
	}
	who, err := n.api.AuthTestContext(ctx)
	if err != nil {
		return "", apiError(err)
	}
	if who.User == "" {
		return "", errNotSlack
	}
	return text.OneLine(who.User+" in the workspace "+who.Team, 120), nil
}
