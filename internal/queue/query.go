package queue

import (
	"slices"
	"strings"
	"time"

	"github.com/travishook/travishook/internal/travis"
)

// Query selects kept deliveries. An empty field matches everything. If Namespace, Repository or IDs is
// set, the store uses an index and reads only those deliveries.
type Query struct {
	IDs        []string
	Namespace  string
	Route      string
	Repository string // owner/name, in any case
	BuildID    int64
	Build      string // the build's number
	States     []State
	// Allow, if set, is asked for each delivery that the other fields select. It may block.
	Allow func(Target) bool
	// Limit bounds the number of deliveries that are listed, those that were accepted first, or with
	// Newest last; zero for all. Beyond, if set, is increased by the number of the others. A namespace may
	// have hundreds of thousands.
	Limit  int
	Newest bool
	Beyond *int
}

// Matches reports whether the query selects the delivery.
func (q *Query) Matches(s *Summary) bool {
	return (len(q.IDs) == 0 || slices.Contains(q.IDs, s.ID)) &&
		(q.Namespace == "" || q.Namespace == s.Target.Namespace) &&
		(q.Route == "" || q.Route == s.Target.Route) &&
		(q.Repository == "" || strings.EqualFold(q.Repository, s.Repository)) &&
		(q.BuildID == 0 || q.BuildID == s.BuildID) &&
		(q.Build == "" || q.Build == s.Build) &&
		(len(q.States) == 0 || slices.Contains(q.States, s.State))
}

// Counts counts the kept deliveries by state.
type Counts struct {
	Waiting, Sending, Dead int
	// Oldest is when the delivery that has waited for longest was accepted; zero if none waits.
	Oldest time.Time
}

// Usage is what the store keeps for one namespace, and how much of its share that is.
type Usage struct {
	Namespace  string
	Deliveries int   // waiting, being sent and dead
	Bytes      int64 // in the store
	Memory     int64 // estimated
	// Share is the used part of what the namespace may use at the moment, from 0 to 1: at 1, nothing
	// more can be stored for it.
	Share float64
	// Full says that an event of usual size would be refused with ErrShare, or that one was just now.
	Full bool
}

// ChannelStatus describes one channel of a route.
type ChannelStatus struct {
	Target        Target
	Waiting, Dead int
	// Delivered is the last delivery that succeeded, zero if none.
	Delivered LastAttempt
	// Failure is the last attempt that failed, zero if none.
	Failure LastAttempt
	// Failures counts the attempts that failed since the last that succeeded.
	Failures int
}

// LastAttempt is the last success or failure of a channel.
type LastAttempt struct {
	At     time.Time     `json:"at"`
	Build  string        `json:"build"`
	Result travis.Result `json:"result"`
	Reason string        `json:"reason,omitempty"`
}
