package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/controllers"
	"github.com/travishook/travishook/internal/dispatch"
	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/verify/keysource"
)

// pipeline is everything a webhook passes through, as one runnable, because the order of start and
// stop matters: whoever takes something in starts after, and stops before, whoever it is
// handed to. The store is open before and closed after all of it.
type pipeline struct {
	table      *controllers.Table
	configMaps *configMapKeys // nil where no key is in one
	keys       *keysource.Keys
	// keysChanged has something in it when other keys are known than before, and rejudge has the
	// routes' verdicts tell of that.
	keysChanged <-chan struct{}
	rejudge     func()
	dispatcher  *dispatch.Dispatcher
	receiver    *receiver.Server
	store       interface{ Ready() error }
	log         logr.Logger

	complete atomic.Bool // the table holds all there is
	stopping atomic.Bool // webhooks are still taken, but no more should be sent here
}

// NeedLeaderElection is false: every replica receives and delivers.
func (*pipeline) NeedLeaderElection() bool { return false }

// Start begins once the manager's caches are in sync, and ends when ctx does and everything under
// way is finished.
func (p *pipeline) Start(ctx context.Context) error {
	if err := p.table.Load(ctx); err != nil {
		return err
	}
	if p.configMaps != nil {
		p.configMaps.sweep()
	}
	p.complete.Store(true)

	sending, stopSending := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSending()
	var (
		helpers sync.WaitGroup
		sent    = make(chan error, 1)
	)
	helpers.Go(func() {
		if err := p.keys.Run(sending); err != nil {
			p.log.Error(err, "signing keys are no longer refreshed")
		}
	})
	helpers.Go(func() { p.followKeys(sending) })
	go func() { sent <- p.dispatcher.Run(sending) }()

	defer context.AfterFunc(ctx, func() { p.stopping.Store(true) })()
	err := p.receiver.Serve(ctx)
	stopSending()
	err = errors.Join(err, <-sent)
	helpers.Wait()
	return err
}

// followKeys keeps what the routes say of the keys true.
func (p *pipeline) followKeys(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.keysChanged:
			p.rejudge()
		}
	}
}

// known is nil when all routes are.
func (p *pipeline) known() error {
	if !p.complete.Load() {
		return errors.New("the routing table is not complete yet")
	}
	return nil
}

// ready is nil when a webhook can be judged and stored.
func (p *pipeline) ready() error {
	if err := p.known(); err != nil {
		return err
	}
	if err := p.keys.Ready(); err != nil {
		return err
	}
	if err := p.store.Ready(); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// readyz is ready as a probe: it says no as soon as the operator is to stop, so that webhooks go
// elsewhere, while the receiver goes on taking those that still come.
func (p *pipeline) readyz(*http.Request) error {
	if p.stopping.Load() {
		return errors.New("the operator is stopping")
	}
	return p.ready()
}
