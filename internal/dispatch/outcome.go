package dispatch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/record"
	"github.com/travishook/travishook/internal/text"
)

// errorClass is the meaning of an attempt's error.
type errorClass struct {
	kind       queue.Kind
	reason     record.Reason
	credential bool
}

// classifyError returns the meaning of an error, independent of the delivery.
func classifyError(err error) errorClass {
	_, limited := notify.RetryAfterOf(err)
	switch {
	case err == nil:
		return errorClass{kind: queue.Delivered, reason: record.None}
	case errors.Is(err, ErrRouteDeleted):
		return errorClass{kind: queue.Dropped, reason: record.RouteDeleted}
	case errors.Is(err, ErrChannelRemoved):
		return errorClass{kind: queue.Dropped, reason: record.ChannelRemoved}
	case errors.As(err, new(*supersededError)):
		return errorClass{kind: queue.Dropped, reason: record.Superseded}
	case errors.As(err, new(*missingError)):
		return errorClass{kind: queue.Retry, reason: record.AccountMissing, credential: true}
	case notify.IsBadCredential(err):
		return errorClass{kind: queue.Dead, reason: record.CredentialRefused, credential: true}
	case notify.IsPermanent(err):
		return errorClass{kind: queue.Dead, reason: record.Refused}
	case notify.IsAnswerLost(err):
		return errorClass{kind: queue.Retry, reason: record.AnswerLost}
	case limited:
		return errorClass{kind: queue.Retry, reason: record.RateLimited}
	case errors.Is(err, context.DeadlineExceeded):
		return errorClass{kind: queue.Retry, reason: record.TimedOut}
	default:
		return errorClass{kind: queue.Retry, reason: record.Failed}
	}
}

// classify turns an attempt's error into the outcome that is stored. A retry is never due after the
// limit, which counts from d.Since: the last attempt is made then, and if that fails too, the delivery
// is dead. fraction is the backoff's jitter.
func classify(d queue.Delivery, err error, now time.Time, limit time.Duration, fraction float64) (queue.Outcome, record.Reason) {
	class := classifyError(err)
	o := queue.Outcome{Kind: class.kind, At: now, Credential: class.credential, AnswerLost: notify.IsAnswerLost(err)}
	if err != nil {
		o.Reason = text.OneLine(err.Error(), maxReason)
	}
	if class.kind != queue.Retry {
		return o, class.reason
	}
	tried := now.Sub(d.Since)
	if tried >= limit {
		o.Kind, o.Reason = queue.Dead, text.OneLine(fmt.Sprintf("retry limit of %s reached: %s", limit, err), maxReason)
		return o, record.LimitReached
	}
	// The delay also grows if each attempt to a channel is for another message.
	wait := backoff(max(d.Attempt, d.Failures+1), tried, fraction)
	if asked, ok := notify.RetryAfterOf(err); ok {
		wait = max(wait, asked)
	}
	o.Due = now.Add(min(wait, limit-tried))
	return o, class.reason
}

// backoff returns the delay after a failed attempt: up to retryBase after the first, doubling with each
// one up to a cap. Any delay from 0 to that is equally likely (full jitter), so that deliveries that
// failed together are not retried together.
//
// attempt counts from 1; tried is for how long the delivery has been tried; fraction is in [0, 1).
func backoff(attempt int, tried time.Duration, fraction float64) time.Duration {
	limit := retryCapLate
	if tried < retryEarly {
		limit = retryCapEarly
	}
	wait := limit
	if doublings := attempt - 1; doublings < 16 { // larger ones exceed every cap
		wait = min(limit, retryBase<<max(doublings, 0))
	}
	return time.Duration(fraction * float64(wait))
}

// jitter returns the random fraction of a delay.
func jitter() float64 { return rand.Float64() } //nolint:gosec // nothing secret depends on it
