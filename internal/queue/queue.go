// Package queue is the contract of the store: it keeps accepted events, synced to disk, until all of
// their deliveries have ended. The packages below it implement the contract; queue/queuetest tests it.
package queue

import (
	"context"
	"errors"
	"time"

	"github.com/travishook/travishook/internal/queue/keyvalue"
	"github.com/travishook/travishook/internal/travis"
)

// The limits of an event for one namespace.
const (
	// MaxTargets is how many targets of a namespace an event is delivered to. The receiver drops
	// the others and reports them.
	MaxTargets = 512
	// MaxEntry is how many bytes the event takes in the store, with its targets. Beyond that the
	// namespace's part is refused with ErrTooLarge.
	MaxEntry = 1 << 20
)

// Offer is one namespace's part of an event.
type Offer struct {
	Namespace string
	// Targets are those that match the event. They are not used if Match is set.
	Targets []Target
	// Match returns the targets that match the event, with its transition. It is called again if the
	// transition turns out to be another one. It must not use the store.
	Match func(e *travis.Event) []Target
	// Computed has the event's result decided by its transition, and not by Travis.
	Computed bool
}

// Acceptance is a verified event, with the namespaces that it is offered to.
type Acceptance struct {
	Event    travis.Event
	Received time.Time
	Offers   []Offer
}

// Receipt is the result of an acceptance, by namespace. Each namespace of the acceptance is in
// exactly one of the four.
type Receipt struct {
	// Stored: on disk and synced.
	Stored []string
	// Seen: stored for the namespace before, or older than what was stored of the same build.
	Seen []string
	// Refused holds ErrFull, ErrShare or ErrTooLarge.
	Refused map[string]error
	// Unmatched: no target matches. How the build ended is remembered all the same.
	Unmatched []string
	// Transitions compare the event's build with the one before it, by what the namespace had of the
	// branch or pull request; without those that know none.
	Transitions map[string]*travis.Transition
}

// Change is a change of a target's account or destination.
type Change int

// The changes.
const (
	// Unchanged has no effect.
	Unchanged Change = iota
	// Fixed: the account or its credential may work now. It wakes the deliveries that wait because of
	// it, and redrives those that became dead letters because of it.
	Fixed
	// Replaced: the target resolves to another account or address. In addition to the effects of
	// Fixed, it wakes all deliveries that wait for a retry.
	Replaced
)

// Queue is the store, from the acceptance of an event to the end of its last delivery. All methods may
// be called concurrently. A method that stores returns when that is synced to disk; after an error, it
// may or may not have been stored, and repeating the call is safe.
type Queue interface {
	// Accept stores an event, with its deliveries, for each namespace that did not have it yet and has
	// room for it. Namespaces do not affect each other. The error, ErrUnavailable, means that nothing
	// could be decided.
	//
	// A namespace has had an event if it was stored before; if a later state of the same run of
	// the build was, as a result comes later than pending; or if a later run of the build was,
	// which has another start. Copies of one result of one run are the same event.
	Accept(ctx context.Context, a Acceptance) (Receipt, error)

	// Take waits for a delivery of the lane that is due and whose destination is free, and marks
	// the destination busy until the delivery is settled.
	//
	// Within a channel, deliveries of one build are handed out in the order in which they were
	// accepted; one that waits for its retry delays only the later ones of its own build. Deliveries
	// for a destination whose last attempt failed are handed out in the Probation lane, one attempt
	// each time its backoff ends, the others in Healthy: so failing destinations never delay working
	// ones. A late delivery that a newer state of its build supersedes is dropped.
	//
	// Of the namespaces with due deliveries, the one with the fewest attempts under way comes
	// first; see SetSlots. Namespaces that share a destination take turns.
	Take(ctx context.Context, lane Lane) (Delivery, error)

	// SetSlots sets how many attempts of a lane are made at once. A namespace may have at most as
	// many under way as are left free: one with unlimited work gets half, two get a third each.
	// Zero, the default, means no limit.
	SetSlots(lane Lane, attempts int)

	// Settle stores the outcome of a delivery that Take handed out, and frees its destination.
	// While the store does not answer, it waits until ctx ends; the delivery stays under way until
	// it is settled. Settling it again has no effect.
	Settle(ctx context.Context, id string, o Outcome) error

	// Wake applies the change that change returns for each target with a delivery. An attempt that
	// is under way is repeated if it fails for a reason that was fixed meanwhile. Wake returns how
	// many deliveries it woke or redrove.
	Wake(ctx context.Context, change func(Target) Change) (int, error)

	// Drop ends all deliveries of the targets for which gone returns true, and forgets their
	// status. Attempts under way finish, and are not repeated. It returns how many deliveries it
	// ended.
	Drop(ctx context.Context, gone func(Target) bool, reason string) (int, error)

	// Redrive makes the selected dead letters due again, with the same ID. It returns how many.
	Redrive(ctx context.Context, q Query) (int, error)

	// Deliveries lists the kept deliveries that q selects, oldest first.
	Deliveries(q Query) []Summary

	// Counts counts the kept deliveries, in constant time.
	Counts() Counts

	// Usage returns what the store keeps for a namespace.
	Usage(namespace string) Usage

	// Channels describes every channel of a route for which an event was accepted in the last
	// 30 days.
	Channels(namespace, route string) []ChannelStatus

	// OnChange has a function called when the outcome of a route's delivery is stored. It is
	// called without locks held, before Settle returns, and must not block.
	OnChange(func(namespace, route string))

	// OnEnd registers a function that is called for each delivery that was delivered or dropped, once the outcome
	// is stored: Summary.Last is the outcome, and Deliveries no longer lists the delivery. It is
	// called without locks held and must not block.
	OnEnd(func(Summary))

	// The small key-value store beside the deliveries.
	keyvalue.Store

	// Ready returns nil if the store can accept an event now.
	Ready() error
}

// Lane separates working destinations from failing ones.
type Lane int

// The lanes.
const (
	Healthy Lane = iota
	Probation
)

// The reasons why an acceptance could not be stored.
var (
	// ErrFull: the store's limit is reached. Space is freed when deliveries end.
	ErrFull = errors.New("store is full")
	// ErrShare: the namespace's share of the store is used up. Space is freed when deliveries of the
	// namespace end.
	ErrShare = errors.New("namespace has used its share of the store")
	// ErrTooLarge: the event takes more than MaxEntry with the namespace's targets.
	ErrTooLarge = errors.New("event is too large to be stored for the namespace")
	// ErrUnavailable: the engine does not answer, or has been closed.
	ErrUnavailable = errors.New("store is unavailable")
)

// ErrNoOwner means that no replica is known to own the shard in question at this moment.
var ErrNoOwner = errors.New("no replica is known to own it")
