package dispatch

import (
	"context"

	"github.com/travishook/travishook/internal/queue/replica"
)

// Peers are the other replicas that share the store. See routing.Account.Key for account keys, and
// replica.Replicas.
type Peers interface {
	// Holds reports whether this replica may use the account now.
	Holds(accountKey string) bool
	// OnLeave has fn called when this replica may no longer use accounts; quiet is closed when none of
	// their connections is left.
	OnLeave(fn func(gone func(accountKey string) bool) (quiet <-chan struct{}))
	// AskOwner returns the answer of the replica that holds the account, or queue.ErrNoOwner if none is
	// known to hold it.
	AskOwner(ctx context.Context, accountKey, kind string, payload []byte) ([]byte, error)
	// Handle has fn answer the requests of other replicas.
	Handle(kind string, fn replica.Handler)
}

// testKind is the kind of the requests to send a test message.
const testKind = "test"

// join connects the dispatcher with the other replicas.
func (d *Dispatcher) join() {
	d.config.Peers.OnLeave(d.config.Pool.Leave)
	d.config.Peers.Handle(testKind, d.answerTest)
	d.config.Peers.Handle(testPaceKind, d.answerTestPace)
}
