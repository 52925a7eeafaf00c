package dispatch

import (
	"context"

	"github.com/travishook/travishook/internal/queue"
)

// Peers are the other replicas, where there are some, and what of the accounts that are logged in all
// the time is this one's. See routing.Account.Home.
type Peers interface {
	// Holds reports whether this replica may speak as the account at this moment.
	Holds(home string) bool
	// OnLeave has fn called when accounts are no longer this replica's; quiet is closed when nothing
	// is connected as one of them.
	OnLeave(fn func(gone func(home string) bool) (quiet <-chan struct{}))
	// Ask has the replica that holds the account answer; the error is queue.ErrNoOwner where none
	// is known to.
	Ask(ctx context.Context, home string, question []byte) ([]byte, error)
	// Answer has fn answer what other replicas ask this one.
	Answer(fn func(ctx context.Context, question []byte) []byte) error
}

// alone is for a store that no other replica shares.
type alone struct{}

func (alone) Holds(string) bool { return true }

func (alone) OnLeave(func(func(string) bool) <-chan struct{}) {}

func (alone) Ask(context.Context, string, []byte) ([]byte, error) { return nil, queue.ErrNoOwner }

func (alone) Answer(func(context.Context, []byte) []byte) error { return nil }

// join has the other replicas find this one.
func (d *Dispatcher) join() error {
	d.config.Peers.OnLeave(d.config.Pool.Leave)
	return d.config.Peers.Answer(d.answer)
}
