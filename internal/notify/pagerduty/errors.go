package pagerduty

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/travishook/travishook/internal/notify"
)

// errNotPagerDuty is an answer that must come from something between the operator and PagerDuty.
var errNotPagerDuty = errors.New("the answer is not PagerDuty's")

// limitWait is how long to wait after too many events: PagerDuty says "a few minutes", and not how many.
const limitWait = 2 * time.Minute

// response is the body of an answer. Its texts are not shown: they may repeat what was sent.
type response struct {
	Status string `json:"status"`
	Errors errs   `json:"errors"`
}

// errs are the reasons of a refusal: a list, or one text.
type errs []string

// UnmarshalJSON implements json.Unmarshaler.
func (e *errs) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*e = errs{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(e))
}

// refusesKey reports whether the integration key is what was refused.
func (r *response) refusesKey() bool {
	for _, reason := range r.Errors {
		reason = strings.ToLower(strings.ReplaceAll(reason, "_", " "))
		if strings.Contains(reason, "routing key") || strings.Contains(reason, "service key") {
			return true
		}
	}
	return false
}

// read classifies an answer: 202, and a body that says so.
func read(a notify.Answer) error {
	var r response
	known := json.Unmarshal(a.Body, &r) == nil && r.Status != ""
	switch {
	case a.Status >= 200 && a.Status < 300:
		if r.Status != "success" {
			return notify.AnswerLost(errNotPagerDuty)
		}
		return nil
	case a.Status == http.StatusTooManyRequests:
		err := notify.StatusError(a.Status, a.Header, "too many events with this integration key")
		if _, told := notify.RetryAfterOf(err); told {
			return err
		}
		return notify.RetryAfter(err, limitWait)
	case a.Status == http.StatusBadRequest && r.refusesKey():
		return notify.BadCredential(errors.New("answered 400: there is no such integration key in this region: copy that of an Events API v2 integration, or set the account's region"))
	case a.Status == http.StatusBadRequest && known:
		return notify.Permanent(errors.New("answered 400: PagerDuty does not accept the event"))
	}
	return notify.StatusError(a.Status, a.Header, "")
}
