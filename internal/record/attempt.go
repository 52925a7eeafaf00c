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

// The reasons.
const (
	None              Reason = "none"
	RouteDeleted      Reason = "route_deleted"
	ChannelRemoved    Reason = "channel_removed"
	Superseded        Reason = "superseded"
	AccountMissing    Reason = "account_missing"
	CredentialRefused Reason = "credential_refused"
	Refused           Reason = "refused"
	RateLimited       Reason = "rate_limited"
	AnswerLost        Reason = "answer_lost"
	TimedOut          Reason = "timed_out"
	Failed            Reason = "failed"
	LimitReached      Reason = "limit_reached"
)

// Reasons documents all reasons.
var Reasons = []struct {
	Reason Reason
	Doc    string
}{
	{None, "the message was delivered"},
	{RouteDeleted, "the route was deleted"},
	{ChannelRemoved, "the channel was removed from the route"},
	{Superseded, "the build's message shows a later state, or is about to"},
	{AccountMissing, "the account, its Secret or a key in it is missing or invalid; the delivery is retried as soon as that is fixed"},
	{CredentialRefused, "the service refused the credential; the dead letter is redriven when the credential changes"},
	{Refused, "the service refused the message or does not know the channel, which a retry cannot fix"},
	{RateLimited, "the service asked to retry later"},
	{AnswerLost, "the message was sent, but the answer was lost: the next attempt may be a duplicate"},
	{TimedOut, "the service did not answer in time"},
	{Failed, "any other temporary error: the service cannot be reached, or failed"},
	{LimitReached, "the retry limit was reached; the delivery has the last attempt's own reason"},
}

// TestResult is the result of a test message to one channel.
type TestResult struct {
	Target queue.Target
	// Failure is why it was not delivered, in one line; empty if it was.
	Failure string
	// Note is what is wrong although it was delivered.
	Note string
}
