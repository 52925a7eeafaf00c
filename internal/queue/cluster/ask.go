package cluster

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/travishook/travishook/internal/queue"
)

// A replica can ask the one that holds a home for something that only that one can do. The question
// goes to a subject of the replica's own, and is not stored.

// maxQuestions bounds the questions of others that are answered at once.
const maxQuestions = 64

// answering is what a replica needs to be asked.
type answering struct {
	subscription *nats.Subscription
	ctx          context.Context
	stop         context.CancelFunc
	places       chan struct{} // each question that is being answered has one
}

// Ask asks the replica that holds a home, and returns what it answers. queue.ErrNoOwner says that
// nobody is known to hold it, or only this one: it may be on its way to another.
func (r *Replica) Ask(ctx context.Context, home string, question []byte) ([]byte, error) {
	l := r.log
	holder := r.keeper.holder(queue.AccountShard(home))
	if holder == "" || holder == r.keeper.id {
		return nil, queue.ErrNoOwner
	}
	answer, err := l.conn.RequestWithContext(ctx, l.names.ask+holder, question)
	switch {
	case errors.Is(err, nats.ErrNoResponders): // it has died, and its lease has not run out
		return nil, queue.ErrNoOwner
	case err != nil:
		return nil, fmt.Errorf("ask the replica that holds %s: %w", home, err)
	}
	return answer.Data, nil
}

// Answer has fn answer what other replicas ask this one, until Close.
func (r *Replica) Answer(fn func(ctx context.Context, question []byte) (answer []byte)) error {
	l := r.log
	a := &answering{places: make(chan struct{}, maxQuestions)}
	a.ctx, a.stop = context.WithCancel(context.Background())
	var err error
	if a.subscription, err = l.conn.Subscribe(l.names.ask+r.keeper.id, func(m *nats.Msg) { a.answer(m, fn) }); err != nil {
		return fmt.Errorf("answer other replicas: %w", err)
	}
	r.answering = a
	return nil
}

// answer runs in the subscription's own goroutine. When there is no place, who asks is left to wait.
func (a *answering) answer(m *nats.Msg, fn func(context.Context, []byte) []byte) {
	select {
	case a.places <- struct{}{}:
	case <-a.ctx.Done():
		return
	}
	go func() {
		defer func() { <-a.places }()
		_ = m.Respond(fn(a.ctx, m.Data)) // who asked gives up by himself
	}()
}

// end refuses questions, and waits for those that are being answered.
func (a *answering) end(ctx context.Context) {
	if a == nil {
		return
	}
	_ = a.subscription.Unsubscribe()
	a.stop()
	for range cap(a.places) {
		select {
		case a.places <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}
