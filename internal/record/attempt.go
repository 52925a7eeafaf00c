// Package record counts and logs what the operator does: metrics with bounded labels, and log lines with
// route, channel, build and delivery. It receives nothing secret.
package record

import (
	"time"

	"github.com/travishook/travishook/internal/queue"
)

// Attempt is one attempt to send a delivery, and its outcome.
type Attempt struct {
	Delivery queue.Delivery
	Service  string // of the account; empty if nothing was sent
	Outcome  queue.Outcome
	Reason   Reason
	Took     time.Duration
}

// Reason is why an attempt ended: a metric's label. Outcome.Reason is for people.
type Reason string

// The reasons. docs/operations/metrics.md explains them in the same words.
const (
	// None: the message was delivered.
	None Reason = "none"
	// RouteDeleted: the route was deleted.
	RouteDeleted Reason = "route_deleted"
	// ChannelRemoved: the channel was removed from the route.
	ChannelRemoved Reason = "channel_removed"
	// Superseded: the build's message shows a later state, or is about to.
	Superseded Reason = "superseded"
	// AccountMissing: the account, its Secret or a key in it is missing or invalid; the delivery is retried as
	// soon as that is fixed.
	AccountMissing Reason = "account_missing"
	// CredentialRefused: the service refused the credential; the dead letter is redriven when the credential changes.
	CredentialRefused Reason = "credential_refused"
	// Refused: the service refused the message or does not know the channel, which a retry cannot fix.
	Refused Reason = "refused"
	// RateLimited: the service asked to retry later.
	RateLimited Reason = "rate_limited"
	// AnswerLost: the message was sent, but the answer was lost: the next attempt may be a duplicate.
	AnswerLost Reason = "answer_lost"
	// TimedOut: the service did not answer in time.
	TimedOut Reason = "timed_out"
	// Failed: any other temporary error: the service cannot be reached, or failed.
	Failed Reason = "failed"
	// LimitReached: the retry limit was reached; the delivery shows the reason of the last attempt.
	LimitReached Reason = "limit_reached"
)

// TestResult is the result of a test message to one channel.
type TestResult struct {
	Target queue.Target
	// Failure is why it was not delivered, in one line; empty if it was.
	Failure string
	// Note is what is wrong although it was delivered.
	Note string
}
