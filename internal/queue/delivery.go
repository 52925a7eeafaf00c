package queue

import (
	"fmt"
	"time"

	"github.com/travishook/travishook/internal/travis"
)

// Target is one channel of one route, by reference. It holds no text of a message and nothing
// secret: both are looked up when the delivery is sent.
type Target struct {
	Namespace string `json:"namespace"`
	Route     string `json:"route"`
	RouteUID  string `json:"routeUID"`
	// Account is the account's name as the route resolved it (its own, or the default).
	Account string `json:"account"`
	// Address is the address as the service normalizes it, or as the route spells it while the
	// account is not known.
	Address string `json:"address"`
	// Channel is the unit of order within a namespace: events of one build are delivered to it in
	// the order in which they were accepted. It is made from the route's text and not from what
	// that resolves to, so that it stays the same while an account or its credential is missing.
	// Routes of a namespace that name the same account and address share it.
	Channel string `json:"channel"`
	// AccountKey names the account, as namespace/name, when its service keeps a connection.
	// Deliveries with the same key are sent by one replica. It and Destination apply to the
	// whole channel: the store takes them over if nothing waits in the channel yet, and reports
	// them as Delivery.AccountKey and Delivery.Destination; the Target that it hands out has
	// neither.
	AccountKey string `json:"accountKey,omitempty"`
	// Destination names the address as the service resolves it; see routing.Account.Destination.
	// Channels of any namespaces that have the same one are sent to one at a time, and share its
	// pace and backoff. Empty while it cannot be resolved: the channel then is on its own.
	Destination string `json:"destination,omitempty"`
}

// Delivery is one event for one target, handed out to be sent.
type Delivery struct {
	// ID is the idempotency key: derived from event and target, so the same after every
	// crash and redrive. 32 lowercase hexadecimal characters.
	ID string
	// Lease distinguishes it from other times that the store handed out the same delivery. Its outcome
	// names it.
	Lease    uint64
	Target   Target
	Event    travis.Event
	Accepted time.Time
	// AccountKey and Destination are the channel's. The holder of the delivery may use only that
	// account, if the service keeps a connection, and may send only to that destination. If the
	// target resolves to something else, the outcome is Reassigned.
	AccountKey  string
	Destination string
	// Reassignments counts how often the channel was reassigned since the last attempt in it.
	Reassignments int
	// Attempt counts from 1; a redrive restarts at 1.
	Attempt int
	// Since is when the attempts began: the acceptance, or the last redrive.
	Since time.Time
	// LastReason is why the previous attempt ended, or empty.
	LastReason string
	// LeaseLost is closed when another replica may send the delivery: the attempt must end then.
	// It is nil where the store has one process only.
	LeaseLost <-chan struct{}
	// Failures counts the failed attempts of the route's channel, for any delivery, since the last
	// that succeeded.
	Failures int
	// Shown is the build's message that the target has; nil if the store knows none.
	Shown *Shown
	// Newer is the result of the latest state of the build that waits for the same target; empty if none
	// does.
	Newer travis.Result
	// Overtaken is set if a later build of the branch, or of the pull request, has passed or failed: the event no
	// longer says how the branch is. It is known for builds that Travis reported to the target's namespace.
	Overtaken bool
}

// Shown is the message that shows a build's state.
type Shown struct {
	Handle      string // opaque to all but the service
	Destination string // where it was sent
	// Copies are the handles of further messages of the build there, the latest last. There are some if two
	// replicas sent a message because the first had lost its lease.
	Copies []string
	// Newer is set if it shows a later state than the delivery's.
	Newer bool
}

// Posted refers to a message that was sent.
type Posted struct {
	Handle string
	Until  time.Time // the store forgets it then
	// Copies are the handles of the copies that were updated as well.
	Copies []string
	// Gone are the handles in the delivery's Shown that refer to nothing any more: the message is gone, or has
	// another handle now.
	Gone []string
}

// SupersededBy is the reason why a state is not sent after a later one.
func SupersededBy(newer travis.Result) string {
	return fmt.Sprintf("superseded by %s of the same build", newer)
}

// Kind is how an attempt ended.
type Kind string

// The kinds of outcomes.
const (
	// Delivered: the service accepted the message.
	Delivered Kind = "delivered"
	// Retry: the delivery is due again at Outcome.Due.
	Retry Kind = "retry"
	// Dead: the delivery became a dead letter, which is kept, shown and can be redriven.
	Dead Kind = "dead"
	// Dropped: the delivery is no longer useful. The route was deleted, or a newer state of the
	// build supersedes it.
	Dropped Kind = "dropped"
	// Reassigned is no attempt: the whole channel, with its waiting deliveries, moves to another
	// account key or destination.
	Reassigned Kind = "reassigned"
)

// Outcome is the result of an attempt.
type Outcome struct {
	// Lease is the Delivery's, so that the outcome of an attempt whose lease was lost does not count as
	// that of the next attempt; zero for the delivery's latest lease. It is not stored.
	Lease uint64 `json:"-"`

	Kind Kind      `json:"kind"`
	At   time.Time `json:"at"`
	// Reason is one short line for people, without secrets; empty when delivered.
	Reason string `json:"reason,omitempty"`
	// Due is when to try again; for Retry and Reassigned only.
	Due time.Time `json:"due,omitzero"`
	// Rest is until when nothing is sent to the destination, because of its pace; zero if it may be
	// sent to at once.
	Rest time.Time `json:"rest,omitzero"`
	// AccountKey and Destination are the channel's new ones; for Reassigned only.
	AccountKey  string `json:"accountKey,omitempty"`
	Destination string `json:"destination,omitempty"`
	// AnswerLost says that the service may have accepted the message although the attempt failed.
	AnswerLost bool `json:"answerLost,omitempty"`
	// Credential says that the cause was a refused or missing credential or account: fixing it
	// wakes a waiting delivery and redrives a dead one.
	Credential bool `json:"credential,omitempty"`
	// Posted is the message that shows the delivery's event now, if it can be updated; for Delivered only.
	// The store keeps it beside the outcome.
	Posted *Posted `json:"-"`
}

// State is the state of a kept delivery.
type State string

// The states of a kept delivery.
const (
	Waiting    State = "waiting" // for its first or next attempt
	Sending    State = "sending"
	DeadLetter State = "dead"
)

// Summary is a kept delivery without its event.
type Summary struct {
	ID         string
	Target     Target
	Repository string
	BuildID    int64
	Build      string // the build's number
	Result     travis.Result
	State      State
	Accepted   time.Time
	Attempts   int       // made so far, since the last redrive
	Due        time.Time // of the next attempt; zero when dead
	Last       Outcome   // zero before the first attempt
}
