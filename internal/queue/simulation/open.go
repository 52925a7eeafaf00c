package simulation

import (
	"context"
	"fmt"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/cluster"
	"github.com/travishook/travishook/internal/queue/engine"
	"github.com/travishook/travishook/internal/queue/replica"
)

// store is an engine, alone or in a cluster.
type store interface {
	queue.Queue
	Close(ctx context.Context) error
	Losses() []queue.Loss
}

// idle reports whether the store answers, and has stored all that it was asked to: a redrive may be under
// way whose sender has given up waiting. A value is stored only after all that.
func (p *process) idle() bool {
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	return p.store.Ready() == nil && p.store.Put(ctx, "simulation", "barrier", []byte("applied")) == nil
}

// open opens the store as the process would.
func (p *process) open(ctx context.Context) (err error) {
	opt := engine.Options{
		Log: p.log, MaxBytes: p.sim.plan.maxBytes, Clock: p.clock, Logger: p.sim.trace.logger(p),
	}
	if !p.sim.plan.network {
		p.peers = &replica.Single{}
		p.store, err = engine.Open(ctx, opt)
		return err
	}
	r, err := cluster.Join(ctx, cluster.Parts{
		Name: fmt.Sprintf("process%d", p.number), Engine: opt, Transport: silent{},
		Leases: &leases{p: p, s: p.sim.leases, asked: map[string]uint64{}},
	})
	p.store, p.peers = r, r
	return err
}

// close ends a process in good order, when it sends no more.
func (p *process) close() {
	closing, done := context.WithTimeout(context.Background(), 20*time.Second)
	defer done()
	_ = p.store.Close(closing)
	p.end(!p.alive())
}
