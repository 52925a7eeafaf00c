// Package replica defines how the rest of the operator talks to other replicas. queue/cluster implements
// it; Single is for an operator with a store of its own.
package replica

import (
	"context"

	"github.com/travishook/travishook/internal/queue"
)

// Handler answers a request of another replica.
type Handler func(ctx context.Context, payload []byte) (answer []byte, err error)

// Reply is one replica's answer to a request to all.
type Reply struct {
	Replica string
	Data    []byte
	Err     error
}

// Replicas are this replica and the others on the same store.
type Replicas interface {
	// Leads reports whether this replica does the work that one replica does for all. For a moment, two
	// may.
	Leads() bool
	// Holds reports whether this replica may be logged in as the account now.
	Holds(accountKey string) bool
	// OnLeave has fn called when this replica may no longer use accounts: those for which gone returns
	// true and Holds returns false. fn must not block; quiet is closed when none of them is connected.
	OnLeave(fn func(gone func(accountKey string) bool) (quiet <-chan struct{}))
	// Handle has fn answer requests of that kind, from other replicas and from AskAll.
	Handle(kind string, fn Handler)
	// Ask asks one replica, as it is named in a Reply.
	Ask(ctx context.Context, replica, kind string, payload []byte) ([]byte, error)
	// AskOwner asks the replica that holds an account. queue.ErrNoOwner means that no other replica is
	// known to hold it.
	AskOwner(ctx context.Context, accountKey, kind string, payload []byte) ([]byte, error)
	// AskAll asks every replica, this one included, and returns when all have answered or ctx ends.
	AskAll(ctx context.Context, kind string, payload []byte) []Reply
}

// Self is the name of the only replica.
const Self = "self"

// Single is the only replica of an operator with a store of its own. The zero value is ready to use, but
// must not be copied.
type Single struct{ Handlers }

var _ Replicas = (*Single)(nil)

// Leads implements Replicas.
func (*Single) Leads() bool { return true }

// Holds implements Replicas.
func (*Single) Holds(string) bool { return true }

// OnLeave implements Replicas.
func (*Single) OnLeave(func(func(string) bool) <-chan struct{}) {}

// Ask implements Replicas.
func (s *Single) Ask(ctx context.Context, replica, kind string, payload []byte) ([]byte, error) {
	if replica != Self {
		return nil, queue.ErrNoOwner
	}
	return s.Answer(ctx, kind, payload)
}

// AskOwner implements Replicas.
func (*Single) AskOwner(context.Context, string, string, []byte) ([]byte, error) {
	return nil, queue.ErrNoOwner
}

// AskAll implements Replicas.
func (s *Single) AskAll(ctx context.Context, kind string, payload []byte) []Reply {
	data, err := s.Answer(ctx, kind, payload)
	return []Reply{{Replica: Self, Data: data, Err: err}}
}
