package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/travishook/travishook/internal/queue/engine"
	"github.com/travishook/travishook/internal/queue/wal"
)

// startPatience is how long a start waits for a cluster that elects a leader just now.
const startPatience = 30 * time.Second

const (
	// ioTimeout: a cluster that has lost a leader takes 4 to 9 s to elect another, and more when the
	// votes are split.
	ioTimeout = 20 * time.Second
	// maxReopenPause: a cluster is only asked, and not restarted. That can be done often, and what was
	// sent must be settled before another replica may send it again.
	maxReopenPause = time.Second
)

// Options are how to open a store that several replicas share.
type Options struct {
	External
	engine.Options // Log and Shards are set by Open
	// LeaseTime is how long a replica that has died holds its shards. Default 15 s.
	LeaseTime time.Duration
}

func (o *Options) complete() error {
	if o.LeaseTime == 0 {
		o.LeaseTime = leaseTime
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = engine.DefaultMaxBytes
	}
	if o.IOTimeout == 0 {
		o.IOTimeout = ioTimeout
	}
	o.MaxReopenPause = maxReopenPause
	if o.Logger.GetSink() == nil {
		o.Logger = logr.Discard()
	}
	return errors.Join(o.External.complete(), engine.CheckLimit(o.MaxBytes))
}

// Replica is an engine that shares its journal with those of other replicas.
type Replica struct {
	*engine.Engine
	log       *external
	keeper    *keeper
	answering *answering // nil until somebody answers
}

// Leads reports whether this replica is the one that does what one is enough for.
func (r *Replica) Leads() bool { return r.keeper.valid(0) }

// Close stops sending, gives the shards to the others, and closes the engine.
func (r *Replica) Close(ctx context.Context) error {
	r.answering.end(ctx)
	r.keeper.end(ctx)
	return r.Engine.Close(ctx)
}

// Open opens a store in a cluster. It waits a while for one that elects a leader.
func Open(ctx context.Context, opt Options) (*Replica, error) {
	if err := opt.complete(); err != nil {
		return nil, err
	}
	for began := time.Now(); ; {
		r, err := tryShared(ctx, opt)
		if err == nil || !unanswered(err) || time.Since(began) > startPatience {
			return r, err
		}
		opt.Logger.Info("store does not answer yet; trying again", "reason", err.Error())
		select {
		case <-time.After(tailPause):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// unanswered reports whether the cluster said nothing, or that it cannot say anything just now.
func unanswered(err error) bool {
	var refused *jetstream.APIError
	return errors.Is(err, wal.ErrUnanswered) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, nats.ErrTimeout) || errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrNoStreamResponse) ||
		errors.As(err, &refused) && refused.Code == http.StatusServiceUnavailable
}

// tryShared opens it, or fails. A permission that lacks ends that at once.
func tryShared(ctx context.Context, opt Options) (*Replica, error) {
	r := &refusals{names: opt.names(), log: opt.Logger}
	starting, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r.watch(stop)
	defer r.watch(nil)
	e, err := openPeer(starting, opt, r)
	if lacks := context.Cause(starting); lacks != nil && ctx.Err() == nil {
		err = lacks
	}
	if err == nil {
		return e, nil
	}
	err = fmt.Errorf("open store at %s: %w", opt.URL, err)
	if e != nil {
		closing, cancel := context.WithTimeout(ctx, time.Second) // nobody has handed it anything yet
		defer cancel()
		err = errors.Join(err, e.Close(closing))
	}
	return nil, err
}

// openPeer returns the engine, too, where it fails when that runs already.
func openPeer(ctx context.Context, opt Options, r *refusals) (*Replica, error) {
	l, err := openExternal(ctx, &opt, r)
	if err != nil {
		return nil, err
	}
	k, err := newKeeper(ctx, &opt, l)
	if err != nil {
		return nil, errors.Join(err, l.Close(context.WithoutCancel(ctx)))
	}
	opt.Options.Log, opt.Shards = l, k
	e, err := engine.Open(ctx, opt.Options)
	if err != nil {
		return nil, errors.Join(err, l.Close(context.WithoutCancel(ctx)))
	}
	k.engine = e
	return &Replica{Engine: e, log: l, keeper: k}, k.begin(ctx)
}
