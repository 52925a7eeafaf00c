package mattermost

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"

	"github.com/travishook/travishook/internal/notify"
)

// errNotMattermost is an answer that must come from something between the operator and Mattermost.
var errNotMattermost = errors.New("the answer is not Mattermost's")

// invalidWebhook is the error of an incoming webhook that does not exist, with the status 400.
const invalidWebhook = "web.incoming_webhook.invalid.app_error"

var errorID = regexp.MustCompile(`^[a-z0-9_.]{1,100}$`)

// refusal returns the id of an error. Its message is not shown: it may contain the webhook's key.
func refusal(a notify.Answer) string {
	var r struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(a.Body, &r) != nil || !errorID.MatchString(r.ID) {
		return ""
	}
	return r.ID
}

func explain(a notify.Answer, advice string) error {
	if word := refusal(a); word != "" {
		return fmt.Errorf("mattermost answered %d, %s: %s", a.Status, word, advice)
	}
	return fmt.Errorf("answered %d %s: %s", a.Status, http.StatusText(a.Status), advice)
}

// webhookError classifies an incoming webhook's refusal.
func webhookError(a notify.Answer) error {
	switch {
	case refusal(a) == invalidWebhook:
		return notify.BadCredential(explain(a, "the webhook was deleted: make a new one and set its URL"))
	case a.Status == http.StatusNotImplemented && refusal(a) != "":
		return notify.Permanent(explain(a, "incoming webhooks are disabled: ask the server's administrator"))
	case a.Status == http.StatusForbidden && refusal(a) != "":
		return notify.Permanent(explain(a, "the webhook may not post to its channel: let its owner join the channel"))
	case a.Status == http.StatusNotFound && refusal(a) != "":
		return notify.Permanent(explain(a, "the webhook's channel was deleted: make a new webhook"))
	}
	return byStatus(a)
}

// apiError classifies an answer to the bot; nil if it is a success.
func apiError(a notify.Answer) error {
	switch a.Status {
	case http.StatusUnauthorized:
		return notify.BadCredential(explain(a, "the token is not valid, or the bot is disabled: set the bot's token"))
	case http.StatusForbidden:
		return notify.Permanent(explain(a, "the bot is not in the channel, or may not post there: add it to the team and the channel"))
	case http.StatusNotFound:
		return notify.Permanent(explain(a, "there is no such team, channel or message"))
	case http.StatusNotImplemented:
		return notify.Permanent(explain(a, "the server has this disabled"))
	}
	return byStatus(a)
}

// byStatus is StatusError with the headers of Mattermost's rate limiter: seconds until it can be tried again.
func byStatus(a notify.Answer) error {
	err := notify.StatusError(a.Status, a.Header, refusal(a))
	if _, told := notify.RetryAfterOf(err); err == nil || told || notify.IsPermanent(err) {
		return err
	}
	if seconds, bad := strconv.ParseFloat(a.Header.Get("X-RateLimit-Reset"), 64); bad == nil && a.Status == http.StatusTooManyRequests {
		return notify.RetryAfter(err, notify.Seconds(seconds))
	}
	return err
}
