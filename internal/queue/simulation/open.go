package simulation

import (
	"context"
	"time"

	"github.com/travishook/travishook/internal/dispatch"
	"github.com/travishook/travishook/internal/queue/engine"
)

// open opens the store as the process would.
func (p *process) open(ctx context.Context) (*engine.Engine, error) {
	opt := engine.Options{
		Log: p.log, MaxBytes: p.sim.plan.maxBytes, Clock: p.clock, Logger: p.sim.trace.logger(p),
	}
	if !p.sim.plan.network {
		return engine.Open(ctx, opt)
	}
	p.shards = newShards(p, p.sim.authority)
	opt.IOTimeout, opt.MaxReopenPause, opt.Shards = patience, time.Second, p.shards
	e, err := engine.Open(ctx, opt)
	if err != nil {
		return nil, err
	}
	p.shards.engine = e
	p.running.Go(p.shards.run)
	return e, nil
}

// close ends a process in good order, when it sends no more.
func (p *process) close() {
	closing, done := context.WithTimeout(context.Background(), 20*time.Second)
	defer done()
	_ = p.store.Close(closing)
	if p.shards != nil && p.alive() {
		p.shards.close()
	}
	p.end(!p.alive())
}

// holds says whether this process may be logged in as an account; nil where it always may.
func (p *process) holds() func(string) bool {
	if p.shards == nil {
		return nil
	}
	return p.shards.Holds
}

// peers are the other replicas; nil where there are none.
func (p *process) peers() dispatch.Peers {
	if p.shards == nil {
		return nil
	}
	return p.shards
}
