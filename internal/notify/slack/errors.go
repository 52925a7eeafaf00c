package slack

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/slack-go/slack"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/text"
)

var (
	// errNotSlack is a response that must come from something between the operator and Slack.
	errNotSlack = errors.New("the answer is not Slack's")
	errTooMany  = errors.New("slack answered 429: too many messages")
)

// meaning is the explanation of one of Slack's error codes.
type meaning struct {
	mark   func(error) error
	advice string
}

func retry(err error) error { return err }

// meanings are the error codes that chat.postMessage and incoming webhooks document, with what to do
// about each. Other codes are permanent.
var meanings = map[string]meaning{
	// The token.
	"not_authed":              {notify.BadCredential, "the token is missing: set the key token of the account's Secret"},
	"invalid_auth":            {notify.BadCredential, "the token is not valid here: set the app's bot token"},
	"account_inactive":        {notify.BadCredential, "the token's bot or workspace was deleted: install the app again and set its token"},
	"token_revoked":           {notify.BadCredential, "the token was revoked: install the app again and set its token"},
	"token_expired":           {notify.BadCredential, "the token expired: disable token rotation in the app's settings and set its token"},
	"not_allowed_token_type":  {notify.BadCredential, "the token is of the wrong kind: set the app's bot token"},
	"missing_scope":           {notify.BadCredential, "the app lacks a scope: give it chat:write and install it again"},
	"no_permission":           {notify.BadCredential, "the token may not post: give the app chat:write and install it again"},
	"team_access_not_granted": {notify.BadCredential, "the token does not reach this workspace: install the app there"},

	// The webhook's URL.
	"no_service":      {notify.BadCredential, "the webhook was removed or disabled: make a new one and set its URL"},
	"no_service_id":   {notify.BadCredential, "the webhook's URL is incomplete: copy it again"},
	"no_active_hooks": {notify.BadCredential, "the webhook is disabled: enable it or make a new one and set its URL"},
	"no_team":         {notify.BadCredential, "the webhook's workspace is unknown: copy the URL again"},
	"team_disabled":   {notify.BadCredential, "the webhook's workspace is disabled: use one of another workspace"},
	"invalid_token":   {notify.BadCredential, "the webhook's URL is not valid: copy it again or make a new one"},
	"user_not_found":  {notify.Permanent, "the webhook's user is unknown: make a new webhook"},

	// The channel.
	"channel_not_found":                     {notify.Permanent, "no such channel, or a private one that the app is not in: correct the address or invite the app"},
	"not_in_channel":                        {notify.Permanent, "the app is not in the channel: invite it, or give it chat:write.public"},
	"is_archived":                           {notify.Permanent, "the channel is archived: choose another one"},
	"channel_is_archived":                   {notify.Permanent, "the webhook's channel is archived: choose another one"},
	"action_prohibited":                     {notify.Permanent, "the workspace does not let the webhook post there: ask its administrator"},
	"posting_to_general_channel_denied":     {notify.Permanent, "only some members may post in this channel: choose another one or ask the workspace's administrator"},
	"restricted_action":                     {notify.Permanent, "the workspace does not let the app post there: ask its administrator"},
	"restricted_action_read_only_channel":   {notify.Permanent, "the channel is read-only: choose another one"},
	"restricted_action_thread_only_channel": {notify.Permanent, "the channel accepts only replies: choose another one"},
	"access_denied":                         {notify.Permanent, "the app may not use this channel: ask the workspace's administrator"},
	"ekm_access_denied":                     {notify.Permanent, "the organization's administrator suspended posting"},
	"enterprise_is_restricted":              {notify.Permanent, "an enterprise's token cannot post: use a workspace's"},

	// The message.
	"msg_too_long":         {notify.Permanent, "the message is too long: shorten the route's message"},
	"msg_blocks_too_long":  {notify.Permanent, "the message is too long: shorten the route's message"},
	"no_text":              {notify.Permanent, "the message is empty: fix the route's message"},
	"invalid_payload":      {notify.Permanent, "Slack does not understand the message"},
	"invalid_blocks":       {notify.Permanent, "Slack does not understand the message"},
	"invalid_attachments":  {notify.Permanent, "Slack does not understand the message"},
	"too_many_attachments": {notify.Permanent, "Slack does not understand the message"},

	// Temporary errors.
	"ratelimited":            {retry, "too many messages"},
	"rate_limited":           {retry, "too many messages"},
	"message_limit_exceeded": {retry, "the workspace sends too many messages"},
	"request_timeout":        {retry, "the request arrived incomplete"},
	"service_unavailable":    {retry, "Slack is not available"},
	"team_added_to_org":      {retry, "the workspace is being moved"},
	"org_login_required":     {retry, "the workspace is being moved"},
	"rollup_error":           {retry, "an error in Slack"},
	// Slack documents that the message may have been posted before these two.
	"internal_error": {notify.AnswerLost, "an error in Slack"},
	"fatal_error":    {notify.AnswerLost, "an error in Slack"},
}

// explain returns the error for one of Slack's error codes.
func explain(code string) error {
	m, ok := meanings[code]
	if !ok {
		return notify.Permanent(fmt.Errorf("slack answered %.100q", text.Line(code)))
	}
	return m.mark(fmt.Errorf("slack answered %s: %s", code, m.advice))
}

// apiError classifies an error of the library.
func apiError(err error) error {
	var limited *slack.RateLimitedError
	if errors.As(err, &limited) {
		return notify.RetryAfter(errTooMany, notify.ClampWait(limited.RetryAfter))
	}
	var header *strconv.NumError
	if errors.As(err, &header) { // of a Retry-After that is not a number
		if wait, ok := notify.ParseRetryAfter(header.Num); ok {
			return notify.RetryAfter(errTooMany, wait)
		}
		return errTooMany
	}
	var status slack.StatusCodeError
	if errors.As(err, &status) {
		return notify.StatusError(status.Code, http.Header{}, "")
	}
	var refused slack.SlackErrorResponse
	if errors.As(err, &refused) {
		return explain(refused.Err)
	}
	switch {
	case errors.As(err, new(*url.Error)):
		return notify.Redact(err)
	case isNotJSON(err) && !notify.IsAnswerLost(err):
		return notify.AnswerLost(errNotSlack)
	}
	return notify.RedactHost(err) // also of an answer that broke off
}

// isNotJSON reports whether a complete answer could not be decoded.
func isNotJSON(err error) bool {
	return errors.As(err, new(*json.SyntaxError)) || errors.As(err, new(*json.UnmarshalTypeError)) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// webhookError classifies an incoming webhook's response: 200 and "ok", or a status and an error code.
func webhookError(answer notify.Answer) error {
	code := strings.TrimSpace(string(answer.Body))
	if answer.Status == http.StatusOK && code == "ok" {
		return nil
	}
	if _, ok := meanings[code]; ok && answer.Status != http.StatusTooManyRequests {
		return explain(code)
	}
	if err := notify.StatusError(answer.Status, answer.Header, ""); err != nil {
		return err
	}
	return notify.AnswerLost(errNotSlack)
}
