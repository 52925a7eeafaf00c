package dispatch

import (
	"context"

	"github.com/travishook/travishook/internal/queue/replica"
)

// Peers are the other replicas, where there are some, and what of the accounts that are logged in all
// the time is this one's. See routing.Account.Home.
type Peers interface {
	// Holds reports whether this replica may speak as the account at this moment.
	Holds(home string) bool
	// OnLeave has fn called when accounts are no longer this replica's; quiet is closed when nothing
	// is connected as one of them.
	OnLeave(fn func(gone func(home string) bool) (quiet <-chan struct{}))
	// AskOwner asks the replica that holds the account; the error is queue.ErrNoOwner where none is
	// known to.
	AskOwner(ctx context.Context, accountKey, kind string, payload []byte) ([]byte, error)
	// Handle has fn answer the requests of other replicas.
	Handle(kind string, fn replica.Handler)
}

// testRequest is the kind of the requests to send a test message.
const testRequest = "test"

// join has the other replicas find this one.
func (d *Dispatcher) join() {
	d.config.Peers.OnLeave(d.config.Pool.Leave)
	d.config.Peers.Handle(testRequest, d.answer)
}
