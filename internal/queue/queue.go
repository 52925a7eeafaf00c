// Package queue is the contract of the store: what is accepted is kept, synced to disk, until
// every delivery of it has ended. Its engine is in the folders below; what every engine must do
// is tested by queue/queuetest.
package queue

import (
	"context"
	"errors"
	"time"

	"github.com/travishook/travishook/internal/travis"
)

// The bounds of what is stored of an event for one namespace.
const (
	// MaxTargets is how many targets of a namespace an event is delivered to. The receiver drops
	// the others and reports them.
	MaxTargets = 512
	// MaxEntry is how many bytes the event takes in the store, with its targets. Beyond that the
	// namespace's part is refused with ErrTooLarge.
	MaxEntry = 1 << 20
)

// Offer is the targets of one namespace that match an event.
type Offer struct {
	Namespace string
	Targets   []Target // at least one
}

// Acceptance is a verified event, with the namespaces that it is offered to.
type Acceptance struct {
	Event    travis.Event
	Received time.Time
	Offers   []Offer
}

// Receipt is the result of an acceptance, by namespace. Each namespace of the acceptance is in
// exactly one of the three.
type Receipt struct {
	// Stored: on disk and synced.
	Stored []string
	// Seen: stored for the namespace before, or older than what was stored of the same build.
	Seen []string
	// Refused holds ErrFull, ErrShare or ErrTooLarge.
	Refused map[string]error
}

// Change is what has become of a target's account or destination.
type Change int

// The changes.
const (
	// Unchanged wakes nothing.
	Unchanged Change = iota
	// Fixed: the account or its credential may work now. It wakes what waits because of that,
	// and redrives what became a dead letter of it.
	Fixed
	// Replaced: the target resolves to another account or address. Beside what Fixed does, it
	// wakes whatever waits for another attempt.
	Replaced
)

// Queue is the store, from the acceptance of an event to the end of its last delivery. All
// methods may be called from many goroutines. A method that stores returns when what it
// stored is synced; if it returns an error, it may or may not have been stored, and doing it
// again is safe.
type Queue interface {
	// Accept stores an event for each namespace that did not have it yet, and that has room for
	// it: namespaces do not affect each other. The fan-out to deliveries is part of it. The
	// error, ErrUnavailable, means that nothing could be decided.
	//
	// A namespace has had an event if it was stored before; if a later state of the same run of
	// the build was, as a result comes later than pending; or if a later run of the build was,
	// which has another start. Copies of one result of one run are the same event.
	Accept(ctx context.Context, a Acceptance) (Receipt, error)

	// Take waits for a delivery of the lane that is due and whose destination is free, and marks
	// the destination busy until the delivery is settled.
	//
	// Within a channel, deliveries of one build are handed out in the order in which they were
	// accepted; one that waits for its retry holds back only the later ones of its own build. A
	// destination whose last attempt failed is handed out in the Probation lane, one attempt each
	// time its own backoff ends, the others in Healthy: so no number of dead destinations delays
	// a live one. What is late already and superseded by a newer state of its build is dropped
	// and not handed out.
	//
	// Of the namespaces that have something due, the one with the fewest attempts under way goes
	// first; see SetSlots. Namespaces that share a destination take turns in it.
	Take(ctx context.Context, lane Lane) (Delivery, error)

	// SetSlots sets how many attempts of a lane are made at once. A namespace may have as many of
	// them under way as are left free, so that one that needs more than there are gets half, two
	// a third each. Zero, the default, sets no bound.
	SetSlots(lane Lane, attempts int)

	// Settle stores the outcome of a delivery that Take handed out, and frees its destination.
	// While the store does not answer it waits, as long as ctx lets it: until it is settled, a
	// delivery stays under way. Settling it again does nothing.
	Settle(ctx context.Context, id string, o Outcome) error

	// Wake makes deliveries due at once for which change returns Fixed or Replaced; it is called
	// once for each target that has a delivery. An attempt that is under way is made again if
	// it fails for a reason that was fixed meanwhile. It returns how many deliveries it woke or
	// redrove.
	Wake(ctx context.Context, change func(Target) Change) (int, error)

	// Drop ends all deliveries of the targets that gone returns true for, and forgets their
	// status. Attempts under way finish, and are not made again. It returns how many deliveries
	// there were.
	Drop(ctx context.Context, gone func(Target) bool, reason string) (int, error)

	// Redrive begins the selected dead letters again, with the same ID. It returns how many.
	Redrive(ctx context.Context, q Query) (int, error)

	// Deliveries lists the kept deliveries that q selects, oldest first.
	Deliveries(q Query) []Summary

	// Counts counts what is kept, in constant time.
	Counts() Counts

	// Usage returns what the store holds for a namespace.
	Usage(namespace string) Usage

	// Channels describes every channel of a route that an event was accepted for in the last
	// 30 days.
	Channels(namespace, route string) []ChannelStatus

	// OnChange has a function called when the outcome of a route's delivery is stored. It is
	// called without locks held, before Settle returns, and must not block.
	OnChange(func(namespace, route string))

	// OnEnd has a function called for each delivery that was delivered or dropped, once that
	// is stored: its Last is the outcome, and Deliveries no longer lists it. It is called
	// without locks held and must not block.
	OnEnd(func(Summary))

	// Get returns a value of the small key-value store beside the deliveries: repository ids,
	// fetched keys.
	Get(bucket, key string) ([]byte, bool)
	// Put stores a value, whatever was there.
	Put(ctx context.Context, bucket, key string, value []byte) error
	// Update replaces a value by what next makes of it. If another process stores the same key
	// meanwhile, next is called again with the other's value. If next returns nil, or an error,
	// which Update returns, nothing is stored. next must not block or use the store.
	Update(ctx context.Context, bucket, key string, next func(old []byte, ok bool) ([]byte, error)) error

	// Ready is nil when the store can take an event now.
	Ready() error
}

// Lane separates destinations that work from those that do not.
type Lane int

// The lanes.
const (
	Healthy Lane = iota
	Probation
)

// Why an acceptance could not be stored.
var (
	// ErrFull: the store's limit is reached. It recovers when deliveries end.
	ErrFull = errors.New("store is full")
	// ErrShare: the namespace's share of the store is used up. It recovers when deliveries of
	// the namespace end.
	ErrShare = errors.New("namespace has used its share of the store")
	// ErrTooLarge: the event takes more than MaxEntry with the namespace's targets.
	ErrTooLarge = errors.New("event is too large to be stored for the namespace")
	// ErrUnavailable: the engine does not answer, or has been closed.
	ErrUnavailable = errors.New("store is unavailable")
)

// ErrNoOwner means that no replica is known to own the shard in question at this moment.
var ErrNoOwner = errors.New("no replica is known to own it")
