package rocketchat

import (
	"context"
	"net/http"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/text"
)

// CheckCredential implements notify.CredentialChecker. An incoming integration has no call but that which posts.
func (n *notifier) CheckCredential(ctx context.Context) (string, error) {
	if n.server == "" {
		return "", notify.ErrCannotCheck
	}
	answer, err := n.call(ctx, http.MethodGet, "/api/v1/me", nil)
	if err != nil {
		return "", err
	}
	me, err := read(answer)
	if err != nil {
		return "", err
	}
	if me.UserName == "" {
		return "", errNotRocketChat
	}
	return "@" + text.OneLine(me.UserName, 80), nil
}
