package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/travishook/travishook/internal/queue/replica"
)

// requests are what replicas ask each other. A request is its kind, a line break and the payload; an
// answer is a byte and the data, or the error's text.
type requests struct {
	replica.Handlers
	name      string // of this replica
	shards    *shards
	transport Transport
	stop      func(ctx context.Context)
}

const (
	answered = '+'
	failed   = '-'
)

// serve answers what other replicas ask, until stop.
func serve(name string, s *shards, t Transport) (*requests, error) {
	r := &requests{name: name, shards: s, transport: t}
	stop, err := t.Serve(name, r.serve)
	if err != nil {
		return nil, fmt.Errorf("serve other replicas: %w", err)
	}
	r.stop = stop
	return r, nil
}

func (r *requests) serve(ctx context.Context, request []byte) []byte {
	kind, payload, _ := bytes.Cut(request, []byte{'\n'})
	data, err := r.Answer(ctx, string(kind), payload)
	if err != nil {
		return append([]byte{failed}, err.Error()...)
	}
	return append([]byte{answered}, data...)
}

// ask asks one replica.
func (r *requests) ask(ctx context.Context, name, kind string, payload []byte) ([]byte, error) {
	if name == r.name {
		return r.Answer(ctx, kind, payload)
	}
	answer, err := r.transport.Request(ctx, name, slices.Concat([]byte(kind), []byte{'\n'}, payload))
	switch {
	case err != nil:
		return nil, fmt.Errorf("ask replica %s: %w", name, err)
	case len(answer) == 0:
		return nil, fmt.Errorf("ask replica %s: the answer is empty", name)
	case answer[0] == failed:
		return nil, fmt.Errorf("ask replica %s: %w", name, errors.New(string(answer[1:])))
	}
	return answer[1:], nil
}

// askAll asks every replica that takes part.
func (r *requests) askAll(ctx context.Context, kind string, payload []byte) []replica.Reply {
	names := []string{r.name}
	for lease := range r.shards.table() {
		if name := replicaOf(lease); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	replies := make([]replica.Reply, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() {
			data, err := r.ask(ctx, name, kind, payload)
			replies[i] = replica.Reply{Replica: name, Data: data, Err: err}
		})
	}
	all.Wait()
	// Leases of replicas that have died last for a while.
	return slices.DeleteFunc(replies, func(p replica.Reply) bool { return errors.Is(p.Err, ErrNoReplica) })
}
