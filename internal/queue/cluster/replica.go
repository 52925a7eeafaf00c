package cluster

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/nats-io/nuid"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/engine"
	"github.com/travishook/travishook/internal/queue/replica"
	"github.com/travishook/travishook/internal/queue/wal"
)

// Replica is an engine that shares its log with those of other replicas.
type Replica struct {
	*engine.Engine
	log      wal.Log
	shards   *shards
	member   *member
	requests *requests
	closing  sync.Once
}

var _ replica.Replicas = (*Replica)(nil)

// Parts are what a replica is made of.
type Parts struct {
	// Name is the replica's own, which no other has or had. Default: a random one.
	Name string
	// Engine are the engine's options, with the log. Join sets Shards.
	Engine    engine.Options
	Leases    Leases
	Transport Transport
}

const (
	// ioTimeout: a cluster that has lost a leader takes 4 to 9 s to elect another, and more when the
	// votes are split.
	ioTimeout = 20 * time.Second
	// maxReopenPause: a cluster is only asked, and not restarted. That can be done often, and what was
	// sent must be settled before another replica may send it again.
	maxReopenPause = time.Second
)

// Join opens the engine and takes part. After an error the log is the caller's to close.
func Join(ctx context.Context, p Parts) (*Replica, error) {
	if p.Name == "" {
		p.Name = nuid.Next()
	}
	if p.Engine.Logger.GetSink() == nil {
		p.Engine.Logger = logr.Discard()
	}
	logger := p.Engine.Logger.WithValues("replica", p.Name)
	s := newShards(logger)
	p.Engine.Shards = s
	if p.Engine.IOTimeout == 0 {
		p.Engine.IOTimeout = ioTimeout
	}
	p.Engine.MaxReopenPause = maxReopenPause
	e, err := engine.Open(ctx, p.Engine)
	if err != nil {
		return nil, err
	}
	s.engine = e
	r := &Replica{
		Engine: e, log: p.Engine.Log, shards: s,
		member: &member{name: p.Name, leases: p.Leases, engine: e, shards: s, logger: logger},
	}
	err = r.member.join(ctx)
	if err == nil {
		r.requests, err = serve(p.Name, s, p.Transport)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close(context.WithoutCancel(ctx)))
	}
	return r, nil
}

// Close gives the shards to the others, and closes the engine and its log. Whoever sends should have
// stopped before: attempts that are still under way lose their leases, and the connections of accounts
// end, so that another replica may log in.
func (r *Replica) Close(ctx context.Context) error {
	r.closing.Do(func() {
		if r.requests != nil {
			r.requests.stop(ctx)
		}
		r.member.leave(ctx)
	})
	return r.Engine.Close(ctx)
}

// Leads implements replica.Replicas: it is the owner of shard 0.
func (r *Replica) Leads() bool { return r.shards.Sends(0) }

// Holds implements replica.Replicas. An account that keeps a connection is in one shard with all its
// channels. Only the shard's owner may be logged in: a shard is released only after its connections have
// ended.
func (r *Replica) Holds(accountKey string) bool {
	return r.shards.holds(queue.AccountShard(accountKey))
}

// OnLeave implements replica.Replicas.
func (r *Replica) OnLeave(fn func(gone func(accountKey string) bool) (quiet <-chan struct{})) {
	r.shards.mu.Lock()
	defer r.shards.mu.Unlock()
	r.shards.onLeave = fn
}

// Handle implements replica.Replicas.
func (r *Replica) Handle(kind string, fn replica.Handler) { r.requests.Handle(kind, fn) }

// Ask implements replica.Replicas.
func (r *Replica) Ask(ctx context.Context, name, kind string, payload []byte) ([]byte, error) {
	return r.requests.ask(ctx, name, kind, payload)
}

// AskOwner implements replica.Replicas.
func (r *Replica) AskOwner(ctx context.Context, accountKey, kind string, payload []byte) ([]byte, error) {
	owner := replicaOf(r.shards.holder(queue.AccountShard(accountKey)))
	if owner == "" || owner == r.member.name {
		return nil, queue.ErrNoOwner
	}
	answer, err := r.requests.ask(ctx, owner, kind, payload)
	if errors.Is(err, ErrNoReplica) { // it has died, and its lease has not expired
		return nil, queue.ErrNoOwner
	}
	return answer, err
}

// AskAll implements replica.Replicas.
func (r *Replica) AskAll(ctx context.Context, kind string, payload []byte) []replica.Reply {
	return r.requests.askAll(ctx, kind, payload)
}
