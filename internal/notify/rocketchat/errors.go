package rocketchat

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/travishook/travishook/internal/notify"
)

// errNotRocketChat is an answer that must come from something between the operator and Rocket.Chat.
var errNotRocketChat = errors.New("the answer is not Rocket.Chat's")

const (
	// limitWindow is the window of Rocket.Chat's rate limit, for answers that do not say how long to wait.
	limitWindow = time.Minute
	// disabledRetry is how often a disabled integration is tried.
	disabledRetry = 15 * time.Minute
)

// response is the body of every answer.
type response struct {
	Success   *bool  `json:"success"`
	Error     string `json:"error"`
	ErrorType string `json:"errorType"`
	Message   any    `json:"message"` // a post, or the text of some errors
	UserName  string `json:"username"`
	Room      struct {
		ID string `json:"_id"`
	} `json:"room"`
	Details struct {
		TimeToReset float64 `json:"timeToReset"` // milliseconds
		Seconds     float64 `json:"seconds"`
	} `json:"details"`
}

func parse(a notify.Answer) (response, bool) {
	var r response
	err := json.Unmarshal(a.Body, &r)
	return r, err == nil && r.Success != nil
}

var errorWord = regexp.MustCompile(`error-[a-z-]{1,60}`)

// word returns the code of an error. Its text is not shown: administrators' scripts write it.
func (r *response) word() string {
	if w := errorWord.FindString(r.ErrorType); w != "" {
		return w
	}
	return errorWord.FindString(r.Error)
}

// isDuplicate reports whether a message was refused because it was posted already.
func isDuplicate(a notify.Answer) bool {
	r, ok := parse(a)
	return ok && strings.Contains(r.Error, "duplicate key")
}

var advice = map[string]string{
	"error-room-not-found":        "there is no such room, or the bot is not in it",
	"error-invalid-room":          "there is no such room, or the bot is not in it",
	"error-not-allowed":           "the bot may not post in the room: add it, with the permission to post",
	"error-room-archived":         "the room is archived: choose another one",
	"error-message-size-exceeded": "the message is longer than the server's Message_MaxAllowedSize: shorten the route's message",
	"error-invalid-channel":       "there is no such room: correct the address",
}

// read classifies an answer to the bot.
func read(a notify.Answer) (response, error) {
	r, ok := parse(a)
	if a.Status >= 200 && a.Status < 300 {
		switch {
		case !ok:
			return r, notify.AnswerLost(errNotRocketChat)
		case *r.Success:
			return r, nil
		}
		return r, notify.Permanent(r.explain(a))
	}
	switch {
	case a.Status == http.StatusTooManyRequests || r.ErrorType == "error-too-many-requests":
		return r, notify.RetryAfter(errors.New("answered 429: too many messages"), wait(a, r))
	case a.Status == http.StatusUnauthorized:
		return r, notify.BadCredential(errors.New("answered 401: the token or the user ID is not valid: set both from the bot's profile"))
	case a.Status < 500 && (a.Status == http.StatusForbidden && ok || r.word() != ""):
		return r, notify.Permanent(r.explain(a))
	}
	return r, notify.StatusError(a.Status, a.Header, "")
}

func (r *response) explain(a notify.Answer) error {
	says, ok := advice[r.word()]
	if !ok {
		says = "Rocket.Chat does not accept the message"
	}
	return fmt.Errorf("answered %s: %s", strings.TrimSpace(strconv.Itoa(a.Status)+" "+r.word()), says)
}

// readWebhook classifies an answer of an incoming integration. A disabled one answers 503 for good.
func readWebhook(a notify.Answer) (response, error) {
	r, ok := parse(a)
	switch {
	case a.Status == http.StatusServiceUnavailable && ok:
		return r, notify.RetryAfter(errors.New("answered 503: the integration is disabled: enable it"), disabledRetry)
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden && ok, a.Status == http.StatusNotFound,
		a.Status == http.StatusBadRequest && strings.Contains(strings.ToLower(r.Error), "invalid integration id or token"):
		return r, notify.BadCredential(fmt.Errorf("answered %d: the integration was deleted, or its URL is not complete: copy it again", a.Status))
	}
	return read(a)
}

var mustWait = regexp.MustCompile(`wait ([0-9]{1,6}) seconds`)

// wait returns the delay that a 429 asks for: in the body in milliseconds or seconds, in a header as the time in
// milliseconds, or in the text. There is no Retry-After.
func wait(a notify.Answer, r response) time.Duration {
	if r.Details.TimeToReset > 0 {
		return notify.Seconds(r.Details.TimeToReset / 1000)
	}
	if r.Details.Seconds > 0 {
		return notify.Seconds(r.Details.Seconds)
	}
	if at, err := strconv.ParseInt(a.Header.Get("X-RateLimit-Reset"), 10, 64); err == nil {
		if left := time.Until(time.UnixMilli(at)); left > 0 {
			return notify.ClampWait(left)
		}
	}
	if told := mustWait.FindStringSubmatch(r.Error); told != nil {
		seconds, _ := strconv.ParseFloat(told[1], 64) // of digits
		return notify.Seconds(seconds)
	}
	return limitWindow
}
