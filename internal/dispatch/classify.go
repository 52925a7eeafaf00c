package dispatch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/record"
)

// verdict is what an attempt's error means.
type verdict struct {
	kind       queue.Kind
	reason     record.Reason
	credential bool
}

// judge tells what an error means by itself, whatever the delivery.
func judge(err error) verdict {
	_, limited := notify.RetryAfterOf(err)
	switch {
	case err == nil:
		return verdict{kind: queue.Delivered, reason: record.None}
	case errors.Is(err, ErrRouteDeleted):
		return verdict{kind: queue.Dropped, reason: record.RouteDeleted}
	case errors.Is(err, ErrChannelRemoved):
		return verdict{kind: queue.Dropped, reason: record.ChannelRemoved}
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

// classify turns an attempt's error into the outcome that is stored. A retry never lies beyond
// the limit, which counts from d.Since: the last attempt is made there, and if it fails too, the
// delivery is dead. fraction is the backoff's jitter.
func classify(d queue.Delivery, err error, now time.Time, limit time.Duration, fraction float64) (queue.Outcome, record.Reason) {
	v := judge(err)
	o := queue.Outcome{Kind: v.kind, At: now, Credential: v.credential, AnswerLost: notify.IsAnswerLost(err)}
	if err != nil {
		o.Reason = oneLine(err.Error())
	}
	if v.kind != queue.Retry {
		return o, v.reason
	}
	tried := now.Sub(d.Since)
	if tried >= limit {
		o.Kind, o.Reason = queue.Dead, oneLine(fmt.Sprintf("gave up after %s: %s", limit, err))
		return o, record.GaveUp
	}
	// A room that is down is left alone for longer each time, also where each attempt is for
	// another message.
	wait := backoff(max(d.Attempt, d.Failures+1), tried, fraction)
	if asked, ok := notify.RetryAfterOf(err); ok {
		wait = max(wait, asked)
	}
	o.Due = now.Add(min(wait, limit-tried))
	return o, v.reason
}

// oneLine makes s fit where people read it: a status, a log, a table.
func oneLine(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
	}), " ")
	if r := []rune(s); len(r) > maxReason {
		return string(r[:maxReason-1]) + "…"
	}
	return s
}

// hide takes the account's secrets out of an error's text. Services keep them out themselves;
// this is for the one that forgot, because reasons are stored and shown.
func hide(err error, c notify.Credential) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	shown := text
	for _, v := range c {
		// A value shorter than this cannot be told from an ordinary word.
		if s := strings.TrimSpace(v.Reveal()); len(s) >= 6 {
			shown = strings.ReplaceAll(shown, s, v.String())
		}
	}
	if shown == text {
		return err
	}
	return hiddenError{shown, err}
}

// hiddenError is an error with a text of its own.
type hiddenError struct {
	text string
	err  error
}

func (e hiddenError) Error() string { return e.text }
func (e hiddenError) Unwrap() error { return e.err }
