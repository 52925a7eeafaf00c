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

// startTimeout is how long a start waits for a cluster that elects a leader just now.
const startTimeout = 30 * time.Second

// Options are how to open a store on a NATS cluster.
type Options struct {
	External
	engine.Options // Open sets Log and Shards
	// LeaseTTL is how long a replica that has died keeps its shards. Default 15 s. A bucket of leases
	// that exists keeps its own.
	LeaseTTL time.Duration
}

func (o *Options) complete() error {
	if o.LeaseTTL == 0 {
		o.LeaseTTL = leaseTTL
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = engine.DefaultMaxBytes
	}
	if o.IOTimeout == 0 {
		o.IOTimeout = ioTimeout
	}
	if o.Logger.GetSink() == nil {
		o.Logger = logr.Discard()
	}
	return errors.Join(o.External.complete(), engine.CheckLimit(o.MaxBytes))
}

// Open opens a store on a NATS cluster. It waits a while for one that elects a leader.
func Open(ctx context.Context, opt Options) (*Replica, error) {
	if err := opt.complete(); err != nil {
		return nil, err
	}
	for began := time.Now(); ; {
		r, err := tryOpen(ctx, opt)
		if err == nil || !unanswered(err) || time.Since(began) > startTimeout {
			return r, err
		}
		opt.Logger.Info("store does not answer yet; trying again", "reason", err.Error())
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// unanswered reports whether the cluster said nothing, or that it cannot answer just now.
func unanswered(err error) bool {
	refused, ok := errors.AsType[*jetstream.APIError](err)
	return errors.Is(err, wal.ErrUnanswered) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, nats.ErrTimeout) || errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrNoStreamResponse) ||
		ok && refused.Code == http.StatusServiceUnavailable
}

// tryOpen opens it, or fails. A missing permission ends that at once.
func tryOpen(ctx context.Context, opt Options) (*Replica, error) {
	r := &refusals{names: opt.names(), logger: opt.Logger}
	starting, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r.watch(stop)
	defer r.watch(nil)
	replica, err := joinNATS(starting, opt, r)
	if denied := context.Cause(starting); denied != nil && ctx.Err() == nil {
		if replica != nil {
			err = replica.Close(ctx)
		}
		err = errors.Join(denied, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open store at %s: %w", opt.URL, err)
	}
	return replica, nil
}

func joinNATS(ctx context.Context, opt Options, r *refusals) (*Replica, error) {
	log, err := openLog(ctx, &opt, r)
	if err != nil {
		return nil, err
	}
	leases, err := openLeases(ctx, log.JS, r.names.leases, &opt)
	if err == nil {
		opt.Log = log
		var joined *Replica
		joined, err = Join(ctx, Parts{
			Engine: opt.Options, Leases: leases, Transport: &natsTransport{log.conn, r.names.requests},
		})
		if err == nil {
			return joined, nil
		}
	}
	return nil, errors.Join(err, log.Close(context.WithoutCancel(ctx)))
}
