package cluster

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"
)

// maxServed bounds the requests of others that are answered at once.
const maxServed = 64

// natsTransport carries requests over core NATS: a subject for each replica.
type natsTransport struct {
	conn   *nats.Conn
	prefix string // of the subjects
}

var _ Transport = (*natsTransport)(nil)

// Serve implements Transport.
func (t *natsTransport) Serve(address string, fn func(ctx context.Context, request []byte) []byte) (func(context.Context), error) {
	ctx, cancel := context.WithCancel(context.Background())
	slots := make(chan struct{}, maxServed)
	subscription, err := t.conn.Subscribe(t.prefix+address, func(m *nats.Msg) {
		select { // while there is no slot, requests wait
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		go func() {
			defer func() { <-slots }()
			_ = m.Respond(fn(ctx, m.Data)) // who asks gives up by itself
		}()
	})
	if err != nil {
		cancel()
		return nil, err
	}
	return func(until context.Context) {
		_ = subscription.Unsubscribe()
		cancel()
		for range maxServed {
			select {
			case slots <- struct{}{}:
			case <-until.Done():
				return
			}
		}
	}, nil
}

// Request implements Transport.
func (t *natsTransport) Request(ctx context.Context, address string, request []byte) ([]byte, error) {
	answer, err := t.conn.RequestWithContext(ctx, t.prefix+address, request)
	if errors.Is(err, nats.ErrNoResponders) {
		return nil, ErrNoReplica
	}
	if err != nil {
		return nil, err
	}
	return answer.Data, nil
}
