// Package record tells what came of things: metrics with bounded labels, and log lines that
// carry route, channel, build and delivery. Nothing secret reaches it.
package record

import (
	"time"

	"github.com/travishook/travishook/internal/queue"
)

// Attempt is one attempt to send a delivery, with what came of it.
type Attempt struct {
	Delivery queue.Delivery
	Service  string // of the account; empty where the account could not be found
	Outcome  queue.Outcome
	Reason   Reason
	Took     time.Duration // of the attempt itself, without waiting for its turn
}

// Reason is why an attempt ended as it did, in one of few words: a metric's label.
// Outcome.Reason says it to people.
type Reason string

// The reasons.
const (
	None              Reason = "none"
	RouteDeleted      Reason = "route_deleted"
	ChannelRemoved    Reason = "channel_removed"
	AccountMissing    Reason = "account_missing"
	CredentialRefused Reason = "credential_refused"
	Refused           Reason = "refused"
	RateLimited       Reason = "rate_limited"
	AnswerLost        Reason = "answer_lost"
	TimedOut          Reason = "timed_out"
	Failed            Reason = "failed"
	GaveUp            Reason = "gave_up"
)

// Reasons are all of them, explained.
var Reasons = []struct {
	Reason Reason
	Doc    string
}{
	{None, "the message arrived"},
	{RouteDeleted, "the route is no longer there"},
	{ChannelRemoved, "the route is there, but no longer has the channel"},
	{AccountMissing, "the account, its Secret or the room's place in it is missing or wrong; what waits for it goes out when it is mended"},
	{CredentialRefused, "the service refused the credential; what died of it is sent again when the credential changes"},
	{Refused, "the service refused the message or does not know the room, and trying again cannot heal that"},
	{RateLimited, "the service asked to be left alone for a while"},
	{AnswerLost, "the message went out, but no answer came back: the next attempt may be a duplicate"},
	{TimedOut, "the service did not answer in time"},
	{Failed, "anything else that may heal: the service cannot be reached, or is at fault"},
	{GaveUp, "the retry limit is reached; the last attempt's own reason is in the delivery"},
}
