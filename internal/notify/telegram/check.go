package telegram

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/text"
)

// CheckCredential implements notify.CredentialChecker.
func (n *notifier) CheckCredential(ctx context.Context) (string, error) {
	answer, err := notify.Send(ctx, n.http, notify.Request{Method: http.MethodGet, URL: n.base + "/bot" + n.token.Reveal() + "/getMe"})
	if err != nil {
		return "", err
	}
	var r struct {
		response
		Result struct {
			UserName string `json:"username"`
		} `json:"result"`
	}
	if json.Unmarshal(answer.Body, &r) != nil || !r.OK || r.Result.UserName == "" {
		_, _, err := read(answer)
		if err == nil {
			err = errNotTelegram
		}
		return "", err
	}
	return "@" + text.OneLine(r.Result.UserName, 40), nil
}
