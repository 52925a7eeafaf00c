package dispatch

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/record"
)

func TestClassify(t *testing.T) {
	now := time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)
	fault := errors.New("x")
	tests := []struct {
		name    string
		err     error
		attempt int
		tried   time.Duration
		want    queue.Outcome
		reason  record.Reason
	}{
		{"arrived", nil, 1, 0, queue.Outcome{Kind: queue.Delivered}, record.None},
		{"route gone", ErrRouteDeleted, 1, 0, queue.Outcome{Kind: queue.Dropped, Reason: "route deleted"}, record.RouteDeleted},
		{"channel gone", ErrChannelRemoved, 1, 0, queue.Outcome{Kind: queue.Dropped, Reason: "channel removed from the route"}, record.ChannelRemoved},
		{"account missing", &missingError{fault}, 1, 0, queue.Outcome{Kind: queue.Retry, Reason: "x", Credential: true, Due: now.Add(500 * time.Millisecond)}, record.AccountMissing},
		{"account missing too long", &missingError{fault}, 90, 24 * time.Hour, queue.Outcome{Kind: queue.Dead, Reason: "retry limit of 24h0m0s reached: x", Credential: true}, record.LimitReached},
		{"permanent", fmt.Errorf("send: %w", notify.Permanent(fault)), 1, 0, queue.Outcome{Kind: queue.Dead, Reason: "send: x"}, record.Refused},
		{"credential", notify.BadCredential(fault), 1, 0, queue.Outcome{Kind: queue.Dead, Reason: "x", Credential: true}, record.CredentialRefused},
		{"answer lost", notify.AnswerLost(fault), 3, 5 * time.Second, queue.Outcome{Kind: queue.Retry, Reason: "x", AnswerLost: true, Due: now.Add(2 * time.Second)}, record.AnswerLost},
		{"timed out", fmt.Errorf("post: %w", context.DeadlineExceeded), 1, 0, queue.Outcome{Kind: queue.Retry, Reason: "post: context deadline exceeded", Due: now.Add(500 * time.Millisecond)}, record.TimedOut},
		{"asked to wait", notify.RetryAfter(fault, time.Minute), 1, 0, queue.Outcome{Kind: queue.Retry, Reason: "x", Due: now.Add(time.Minute)}, record.RateLimited},
		{"asked to wait less than the backoff", notify.RetryAfter(fault, time.Millisecond), 1, 0, queue.Outcome{Kind: queue.Retry, Reason: "x", Due: now.Add(500 * time.Millisecond)}, record.RateLimited},
		{"asked to wait beyond the limit", notify.RetryAfter(fault, 100*time.Hour), 1, time.Hour, queue.Outcome{Kind: queue.Retry, Reason: "x", Due: now.Add(23 * time.Hour)}, record.RateLimited},
		{"early cap", fault, 30, 9 * time.Minute, queue.Outcome{Kind: queue.Retry, Reason: "x", Due: now.Add(30 * time.Second)}, record.Failed},
		{"late cap", fault, 30, 11 * time.Minute, queue.Outcome{Kind: queue.Retry, Reason: "x", Due: now.Add(7*time.Minute + 30*time.Second)}, record.Failed},
		{"the limit reached", notify.AnswerLost(fault), 90, 24 * time.Hour, queue.Outcome{Kind: queue.Dead, Reason: "retry limit of 24h0m0s reached: x", AnswerLost: true}, record.LimitReached},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := queue.Delivery{Attempt: tt.attempt, Since: now.Add(-tt.tried)}
			tt.want.At = now
			got, reason := classify(d, tt.err, now, 24*time.Hour, 0.5)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if reason != tt.reason {
				t.Errorf("reason %s, want %s", reason, tt.reason)
			}
		})
	}
}

func TestBackoffKeepsItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		attempt := rapid.IntRange(1, 1<<40).Draw(t, "attempt")
		tried := time.Duration(rapid.Int64Range(0, int64(100*time.Hour)).Draw(t, "tried"))
		fraction := rapid.Float64Range(0, 0.999999).Draw(t, "fraction")
		wait := backoff(attempt, tried, fraction)
		limit := retryCapLate
		if tried < retryEarly {
			limit = retryCapEarly
		}
		if wait < 0 || wait >= limit {
			t.Fatalf("waits %s, which is not within the cap of %s", wait, limit)
		}
		if next := backoff(attempt+1, tried, fraction); next < wait {
			t.Fatalf("the wait falls from %s to %s", wait, next)
		}
		if wait > backoff(attempt, tried, 1) {
			t.Fatalf("the jitter adds to the wait instead of taking from it")
		}
	})
}

func TestARetryIsNeverDueBeyondTheLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)
		limit := time.Duration(rapid.Int64Range(0, int64(100*time.Hour)).Draw(t, "limit"))
		tried := time.Duration(rapid.Int64Range(-int64(time.Hour), int64(100*time.Hour)).Draw(t, "tried"))
		asked := time.Duration(rapid.Int64().Draw(t, "asked"))
		d := queue.Delivery{Attempt: rapid.IntRange(1, 1000).Draw(t, "attempt"), Since: now.Add(-tried)}
		o, _ := classify(d, notify.RetryAfter(errors.New("x"), asked), now, limit, rapid.Float64Range(0, 0.99).Draw(t, "fraction"))
		switch {
		case tried >= limit && o.Kind != queue.Dead:
			t.Fatalf("past the limit, but %s", o.Kind)
		case tried < limit && (o.Kind != queue.Retry || o.Due.Before(now) || o.Due.After(d.Since.Add(limit))):
			t.Fatalf("%s, due %s after now", o.Kind, o.Due.Sub(now))
		}
	})
}

func TestTheDelayGrowsWithTheChannelsFailures(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	var last time.Duration
	for failures := range 6 { // each attempt is the first of another message
		d := queue.Delivery{Attempt: 1, Failures: failures, Since: now}
		o, _ := classify(d, errors.New("down"), now, retryLimit, 0.99)
		wait := o.Due.Sub(now)
		if wait <= last {
			t.Errorf("after %d failures in a row the wait is %s, not longer than %s before", failures+1, wait, last)
		}
		last = wait
	}
}
