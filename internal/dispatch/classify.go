package dispatch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/record"
	"github.com/travishook/travishook/internal/text"
)

// verdict is the meaning of an attempt's error.
type verdict struct {
	kind       queue.Kind
	reason     record.Reason
	credential bool
}

// judge returns the meaning of an error, independent of the delivery.
func judge(err error) verdict {
	_, limited := notify.RetryAfterOf(err)
	switch {
	case err == nil:
		return verdict{kind: queue.Delivered, reason: record.None}
	case errors.Is(err, ErrRouteDeleted):
		return verdict{kind: queue.Dropped, reason: record.RouteDeleted}
	case errors.Is(err, ErrChannelRemoved):
		return verdict{kind: queue.Dropped, reason: record.ChannelRemoved}
	case errors.As(err, new(*supersededError)):
		return verdict{kind: queue.Dropped, reason: record.Superseded}
	case errors.As(err, new(*missingError)):
		return verdict{kind: queue.Retry, reason: record.AccountMissing, credential: true}
	case notify.IsBadCredential(err):
		return verdict{kind: queue.Dead, reason: record.CredentialRefused, credential: true}
	case notify.IsPermanent(err):
		return verdict{kind: queue.Dead, reason: record.Refused}
	case notify.IsAnswerLost(err):
		return verdict{kind: queue.Retry, reason: record.AnswerLost}
	case limited:
		return verdict{kind: queue.Retry, reason: record.RateLimited}
	case errors.Is(err, context.DeadlineExceeded):
		return verdict{kind: queue.Retry, reason: record.TimedOut}
	default:
		return verdict{kind: queue.Retry, reason: record.Failed}
	}
}

// classify turns an attempt's error into the outcome that is stored. A retry is never due after the
// limit, which counts from d.Since: the last attempt is made then, and if that fails too, the delivery
// is dead. fraction is the backoff's jitter.
func classify(d queue.Delivery, err error, now time.Time, limit time.Duration, fraction float64) (queue.Outcome, record.Reason) {
	v := judge(err)
	o := queue.Outcome{Kind: v.kind, At: now, Credential: v.credential, AnswerLost: notify.IsAnswerLost(err)}
	if err != nil {
		o.Reason = text.OneLine(err.Error(), maxReason)
	}
	if v.kind != queue.Retry {
		return o, v.reason
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
	return o, v.reason
}

// redact removes the account's secrets from an error's text. Services do that themselves; this is for
// one that forgot to, because reasons are stored and shown.
func redact(err error, c notify.Credential) error {
	if err == nil {
		return nil
	}
	original := err.Error()
	shown := original
	for _, v := range c {
		// A shorter value may be an ordinary word.
		if s := strings.TrimSpace(v.Reveal()); len(s) >= 6 {
			shown = strings.ReplaceAll(shown, s, v.String())
		}
	}
	if shown == original {
		return err
	}
	return redactedError{shown, err}
}

// redactedError is an error with a text of its own.
type redactedError struct {
	text string
	err  error
}

func (e redactedError) Error() string { return e.text }
func (e redactedError) Unwrap() error { return e.err }
