// Package queue is the contract of the store: what is accepted is kept, synced to disk, until
// every delivery of it has ended. The engine is queue/jetstream; what every engine must do is
// tested by queue/queuetest.
package queue

import (
	"context"
	"errors"
	"time"

	"github.com/travishook/travishook/internal/travis"
)

// Target is one channel of one route, by reference: no text of a message and nothing secret,
// for both are looked up when the delivery is sent.
type Target struct {
	Namespace string `json:"namespace"`
	Route     string `json:"route"`
	RouteUID  string `json:"routeUID"`
	// Account is the account's name as the route resolved it (its own, or the default).
	Account string `json:"account"`
	// Address is the room as the service spells it; as the route spells it where the
	// account could not be found yet.
	Address string `json:"address"`
	// Channel names the worker: deliveries of one channel are sent one at a time, in order. It is
	// made of what the route says, not of what that resolves to, so that it is the same while an
	// account or its credential is missing as when it is there. Routes of a namespace that name
	// the same account and address share it.
	Channel string `json:"channel"`
	// Home is what must be sent for by one replica, as far as it is known when the event is
	// accepted: the account, as namespace/name, where its service keeps a connection; else empty.
	// The store takes it for the channel's if nothing waits in that, and tells it as Delivery.Home:
	// a target that it hands out is without.
	Home string `json:"home,omitempty"`
}

// Offer is what one namespace wants of an event.
type Offer struct {
	Namespace string   `json:"namespace"`
	Targets   []Target `json:"targets"` // at least one
}

// Acceptance is one event that was verified, with everyone who wants it.
type Acceptance struct {
	Event    travis.Event
	Received time.Time
	Offers   []Offer
}

// Receipt tells what became of an acceptance, by namespace.
type Receipt struct {
	Stored []string // stored now: on disk, and synced
	Seen   []string // this very build event was stored for the namespace before: a replay
}

// Delivery is one event for one target, handed out to be sent.
type Delivery struct {
	// ID is the idempotency key: derived from event and target, so the same after every
	// crash and redrive. 32 lowercase hexadecimal characters.
	ID       string
	Target   Target
	Event    travis.Event
	Accepted time.Time
	// Home is the channel's: whoever has the delivery may speak as that account, and as no other
	// whose service keeps a connection. Where that is not right, the outcome is Moved.
	Home string
	// Moves counts how often the channel was moved since the last attempt in it.
	Moves int
	// Attempt counts from 1; a redrive begins again at 1.
	Attempt int
	// Since is when the attempts began: the acceptance, or the last redrive.
	Since time.Time
	// LastReason is why the attempt before this one ended, or empty.
	LastReason string
	// Lost is closed when another replica may send the delivery: the attempt must end then. It is
	// nil where the store has one process only.
	Lost <-chan struct{}
	// Failures counts the attempts of the route's channel that failed since the last that
	// arrived, whichever delivery they were for.
	Failures int
}

// Kind says how an attempt ended.
type Kind string

// The kinds. Dropped needs no one's attention: the route is gone, or a newer state of the build
// is on its way. Dead does: it is kept, shown and can be redriven. Moved is no attempt: the whole
// channel is another replica's to send for, and its deliveries wait there as they did here.
const (
	Delivered Kind = "delivered"
	Retry     Kind = "retry"
	Dead      Kind = "dead"
	Dropped   Kind = "dropped"
	Moved     Kind = "moved"
)

// Outcome is what came of an attempt.
type Outcome struct {
	Kind Kind      `json:"kind"`
	At   time.Time `json:"at"`
	// Reason is one bounded line for people, never secret; empty when delivered.
	Reason string `json:"reason,omitempty"`
	// Due is when to try again; for Retry and Moved only.
	Due time.Time `json:"due,omitzero"`
	// Home is where the channel is moved to; for Moved only. See Target.Home.
	Home string `json:"home,omitempty"`
	// AnswerLost says that the service may have taken the message all the same.
	AnswerLost bool `json:"answerLost,omitempty"`
	// Credential says that a refused or missing credential or account was at fault: mending
	// it wakes a waiting delivery and redrives a dead one.
	Credential bool `json:"credential,omitempty"`
}

// State is where a delivery that is still kept stands.
type State string

// The states of a kept delivery.
const (
	Waiting State = "waiting" // for its first or next attempt
	Sending State = "sending"
	Died    State = "dead"
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

// ChannelStatus is what a route's status tells of one of its channels.
type ChannelStatus struct {
	Target        Target
	Waiting, Dead int
	// Delivered is the last delivery that arrived, zero if none.
	Delivered Mark
	// Failure is the last attempt that did not, zero if none.
	Failure Mark
	// Failures counts the attempts that failed since the last that arrived.
	Failures int
}

// Mark is a moment in a channel's life.
type Mark struct {
	At     time.Time     `json:"at"`
	Build  string        `json:"build"`
	Result travis.Result `json:"result"`
	Reason string        `json:"reason,omitempty"`
}

// Queue is the store, from the acceptance of an event to the end of its last delivery. All
// methods may be called from many goroutines. A method that stores returns when what it
// stored is synced; if it returns an error, it may or may not have been stored, and doing it
// again is safe.
type Queue interface {
	// Accept stores an event for each namespace that did not have it yet. The fan-out to
	// deliveries is part of it. ErrFull and ErrUnavailable tell why it could not.
	Accept(ctx context.Context, a Acceptance) (Receipt, error)

	// Take waits for a delivery of lane that is due and whose channel is free, and marks the
	// channel busy until the delivery is settled. Within a channel, deliveries of one
	// build are handed out in the order in which they were accepted; a delivery that waits
	// for its retry holds back only the later ones of its own build. A channel whose last
	// attempt failed is handed out in the Probation lane, one attempt each time its own backoff
	// ends, the others in Healthy: so no number of dead channels delays a live one. What is
	// late already and overtaken by a newer state of its build is dropped and not handed out.
	Take(ctx context.Context, lane Lane) (Delivery, error)

	// Settle stores what came of a delivery that Take handed out, and frees its channel. While
	// the store does not answer it waits, as long as ctx lets it: until it is settled, a
	// delivery stays under way. To settle what is settled is nothing.
	Settle(ctx context.Context, id string, o Outcome) error

	// Wake makes due at once what waits because of a credential or an account, and redrives
	// what died of it, where heals says so of its target. An attempt that is under way begins
	// again if it fails of that. It returns how many were not under way.
	Wake(ctx context.Context, heals func(Target) bool) (int, error)

	// Redrive begins the chosen dead deliveries again, with the same ID. It returns how many.
	Redrive(ctx context.Context, chosen func(Summary) bool) (int, error)

	// Deliveries lists what is kept, oldest first, as far as wanted says so.
	Deliveries(wanted func(Summary) bool) []Summary

	// Channels tells of every channel of a route that an event was accepted for in the last
	// 30 days.
	Channels(namespace, route string) []ChannelStatus

	// OnChange has a function called when the outcome of a route's delivery is stored. It is
	// called without locks held, before the one who settled is told, and must not block.
	OnChange(func(namespace, route string))

	// OnEnd has a function called for each delivery that was delivered or dropped, once that
	// is stored: its Last tells what came of it, and Deliveries no longer lists it. It is
	// called without locks held and must not block.
	OnEnd(func(Summary))

	// Get and Put are a small memory beside the deliveries: repository ids, fetched keys.
	Get(bucket, key string) ([]byte, bool)
	Put(ctx context.Context, bucket, key string, value []byte) error

	// Ready is nil when the store can take an event now.
	Ready() error
}

// Lane separates channels that work from channels that do not.
type Lane int

// The lanes.
const (
	Healthy Lane = iota
	Probation
)

// Why an acceptance could not be stored.
var (
	// ErrFull: the store's limit is reached. It heals when deliveries end.
	ErrFull = errors.New("store is full")
	// ErrUnavailable: the engine does not answer, or has been closed.
	ErrUnavailable = errors.New("store is unavailable")
)

// ErrElsewhere is that what is asked for can be done by another replica only, or by none at this moment.
var ErrElsewhere = errors.New("no replica is known to hold it")
