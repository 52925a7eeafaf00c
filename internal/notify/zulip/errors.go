package zulip

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/text"
)

// errNotZulip is an answer that must come from something between the operator and Zulip.
var errNotZulip = errors.New("the answer is not Zulip's")

// response is the body of every answer.
type response struct {
	Result     string  `json:"result"`
	Code       string  `json:"code"`
	Msg        string  `json:"msg"` // in the language of the organization
	ID         int64   `json:"id"`
	FullName   string  `json:"full_name"`   // of a user
	RetryAfter float64 `json:"retry-after"` // in seconds
}

// credentials are the codes of refusals of the bot or its server.
var credentials = map[string]string{
	"INVALID_API_KEY":       "the API key is not valid: copy it from the bot's card again",
	"UNAUTHORIZED":          "the e-mail address or the API key is not the bot's: set both",
	"UNAUTHENTICATED_USER":  "the e-mail address or the API key is not the bot's: set both",
	"USER_DEACTIVATED":      "the bot is deactivated: reactivate it, or make another one",
	"REALM_DEACTIVATED":     "the organization is deactivated",
	"NONEXISTENT_SUBDOMAIN": "there is no organization at this URL: correct the server",
}

// advice is what to do about other refusals, by their codes.
var advice = map[string]string{
	"STREAM_DOES_NOT_EXIST": "there is no such channel, or it is private: correct the address, or subscribe the bot",
	"BAD_REQUEST":           "see what Zulip says",
}

// read classifies an answer. Zulip's own code decides: its text is translated.
func read(a notify.Answer) (response, error) {
	var r response
	if json.Unmarshal(a.Body, &r) != nil || r.Result == "" {
		if err := notify.StatusError(a.Status, a.Header, ""); err != nil {
			return r, waits(err, a, r)
		}
		return r, notify.AnswerLost(errNotZulip)
	}
	if r.Result == "success" && a.Status < 300 {
		return r, nil
	}
	says := fmt.Sprintf("zulip answered %d", a.Status)
	if r.Code != "" {
		says += " " + text.OneLine(r.Code, 50)
	}
	if r.Msg != "" {
		says += ", " + text.OneLine(r.Msg, 120)
	}
	switch {
	case a.Status == http.StatusTooManyRequests || r.Code == "RATE_LIMIT_HIT":
		return r, waits(errors.New(says), a, r)
	case a.Status >= 500:
		return r, errors.New(says)
	case credentials[r.Code] != "":
		return r, notify.BadCredential(errors.New(says + ": " + credentials[r.Code]))
	case a.Status == http.StatusUnauthorized:
		return r, notify.BadCredential(errors.New(says + ": " + credentials["UNAUTHORIZED"]))
	}
	if what := advice[r.Code]; what != "" {
		says += ": " + what
	}
	return r, notify.Permanent(errors.New(says))
}

// waits adds to err the delay that the answer asks for: the longest of the body, the header Retry-After, which
// may have a fraction, and else the time at which the limit ends.
func waits(err error, a notify.Answer, r response) error {
	if a.Status != http.StatusTooManyRequests && r.Code != "RATE_LIMIT_HIT" {
		return err
	}
	header, headerErr := strconv.ParseFloat(a.Header.Get("Retry-After"), 64)
	if headerErr != nil {
		header = 0
	}
	wait := max(notify.Seconds(header), notify.Seconds(r.RetryAfter))
	if at, err := strconv.ParseInt(a.Header.Get("X-RateLimit-Reset"), 10, 64); wait == 0 && err == nil {
		wait = notify.ClampWait(time.Until(time.Unix(at, 0)))
	}
	if wait > 0 {
		return notify.RetryAfter(err, wait)
	}
	return err
}
