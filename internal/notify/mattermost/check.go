package mattermost

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/text"
)

// CheckCredential implements notify.CredentialChecker. An incoming webhook has no call but that which posts.
func (n *notifier) CheckCredential(ctx context.Context) (string, error) {
	if n.server == "" {
		return "", notify.ErrCannotCheck
	}
	answer, err := n.call(ctx, http.MethodGet, "/api/v4/users/me", nil)
	if err != nil {
		return "", err
	}
	if err := apiError(answer); err != nil {
		return "", err
	}
	var me struct {
		UserName string `json:"username"`
	}
	if json.Unmarshal(answer.Body, &me) != nil || me.UserName == "" {
		return "", errNotMattermost
	}
	return "@" + text.OneLine(me.UserName, 80), nil
}
