package jetstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// startPatience is how long a start waits for a cluster that elects a leader just now.
const startPatience = 30 * time.Second

// openShared opens a store that others share.
func openShared(ctx context.Context, opt Options) (*Engine, error) {
	for began := time.Now(); ; {
		e, err := tryShared(ctx, opt)
		if err == nil || !unanswered(err) || time.Since(began) > startPatience {
			return e, err
		}
		opt.Log.Info("Store does not answer yet; trying again", "reason", err.Error())
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
	return errors.Is(err, errUnanswered) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, nats.ErrTimeout) || errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrNoStreamResponse) ||
		errors.As(err, &refused) && refused.Code == http.StatusServiceUnavailable
}

// tryShared opens it, or fails. A permission that lacks ends that at once.
func tryShared(ctx context.Context, opt Options) (*Engine, error) {
	r := &refusals{names: opt.External.names(), log: opt.Log}
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
	err = fmt.Errorf("open store at %s: %w", opt.External.URL, err)
	if e != nil {
		e.abort() // nobody has handed it anything yet
		err = errors.Join(err, e.Close(ctx))
	}
	return nil, err
}

// openPeer returns the engine, too, where it fails when that runs already.
func openPeer(ctx context.Context, opt Options, r *refusals) (*Engine, error) {
	l, err := openExternal(ctx, &opt, r)
	if err != nil {
		return nil, err
	}
	e, err := open(ctx, opt, l)
	if err != nil {
		return nil, errors.Join(err, l.close(context.WithoutCancel(ctx)))
	}
	return e, e.peers.keeper.begin(ctx)
}

// share prepares the engine for a log that others write, before it is caught up.
func (e *Engine) share(ctx context.Context, l *external) error {
	k, err := newKeeper(ctx, e, l)
	if err != nil {
		return err
	}
	e.peers = &peers{feed: l.feed, keeper: k}
	e.maxEntry = l.largestEntry()
	for shard := range e.held {
		e.state.Hold(shard, false)
	}
	return nil
}

// lookout ticks where there is somebody to look out for.
func (e *Engine) lookout() *time.Ticker {
	t := time.NewTicker(lookEvery)
	if e.peers == nil {
		t.Stop()
	}
	return t
}
