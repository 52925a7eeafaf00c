package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/controllers"
	"github.com/travishook/travishook/internal/deliveryapi/trail"
	"github.com/travishook/travishook/internal/dispatch"
	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/verify/keysource"
)

// pipeline is everything a webhook passes through, as one runnable, because the order of start and
// stop matters: whoever takes something in starts after, and stops before, whoever it is
// handed to. The store is open before and closed after all of it.
type pipeline struct {
	table      *controllers.Table
	objectKeys objectKeys
	keys       *keysource.Keys
	// keysChanged has something in it when other keys are known than before, and rejudge has the
	// routes' verdicts tell of that.
	keysChanged <-chan struct{}
	rejudge     func()
	dispatcher  *dispatch.Dispatcher
	records     *trail.Keeper
	receiver    *receiver.Server
	store       interface{ Ready() error }
	log         logr.Logger

	keeper        tableKeeper
	tableComplete func()      // called when the table holds all there is
	restored      atomic.Bool // the table holds what it held before the start
	complete      atomic.Bool // the table holds all there is
	stopping      atomic.Bool // webhooks are still taken, but no more should be sent here
}

// NeedLeaderElection is false: every replica receives and delivers.
func (*pipeline) NeedLeaderElection() bool { return false }

// Start receives at once if the store remembers the last table, and from the moment the table is
// complete otherwise; it sends only with a complete one. It ends when ctx does and everything
// under way is finished.
func (p *pipeline) Start(ctx context.Context) error {
	p.restore()
	serving, stopServing := context.WithCancel(ctx)
	defer stopServing()
	sending, stopSending := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSending()

	var helpers sync.WaitGroup
	helpers.Go(func() {
		if err := p.keys.Run(sending); err != nil {
			p.log.Error(err, "signing keys are no longer refreshed")
		}
	})
	helpers.Go(func() { p.followKeys(sending) })
	helpers.Go(func() { p.records.Run(sending) })
	helpers.Go(func() { p.keeper.compiler.RunChecks(sending, checkWorkers) })
	sent := make(chan error, 1)
	go func() {
		defer stopServing()
		sent <- p.send(ctx, sending, &helpers)
	}()

	defer context.AfterFunc(ctx, func() { p.stopping.Store(true) })()
	err := p.receiver.Serve(serving)
	stopSending()
	err = errors.Join(err, <-sent)
	helpers.Wait()
	p.records.Close(ctx)
	return err
}

// checkWorkers is how many templates are checked at a time.
const checkWorkers = 2

// tableGrace is how long the API server has to give the table of this moment, before webhooks are
// judged by the last one, which may lack a route of the last seconds.
const tableGrace = 5 * time.Second

// restore takes the last table up, so that a replica that starts while the API server is away
// receives all the same.
func (p *pipeline) restore() {
	err := p.keeper.restore()
	switch {
	case err == nil:
		time.AfterFunc(tableGrace, func() { p.restored.Store(true) })
	case !errors.Is(err, errNoTable):
		p.log.Error(err, "the last routing table cannot be used; webhooks are refused until the API server answers")
	}
}

// send waits until the table holds all there is, and sends until sending ends. Before that a route
// that is missing from the table could be one that is only not read yet.
func (p *pipeline) send(ctx, sending context.Context, helpers *sync.WaitGroup) error {
	if err := p.table.Load(ctx); err != nil {
		if ctx.Err() != nil {
			err = nil // the operator stops, that is all
		}
		return err
	}
	p.objectKeys.sweep()
	p.complete.Store(true)
	p.tableComplete()
	helpers.Go(func() { p.keeper.run(sending) })
	return p.dispatcher.Run(sending)
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
	if !p.complete.Load() && !p.restored.Load() {
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
