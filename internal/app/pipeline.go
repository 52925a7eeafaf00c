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
	"github.com/travishook/travishook/internal/verify/keysource"
)

// pipeline is everything a webhook passes through, as one runnable, because the order of start and stop
// matters: a part starts after the part that it passes webhooks to. Stopping begins with sending, and receiving
// ends last. The store is opened before and closed after all of them.
type pipeline struct {
	table      *controllers.Table
	objectKeys objectKeys
	keys       *keysource.Keys
	// keysChanged receives when the set of known keys changes; recompile then updates the routes' verdicts, and
	// reportKeys reports if none is known.
	keysChanged <-chan struct{}
	recompile   func()
	reportKeys  func(*keysource.Keys)
	dispatcher  *dispatch.Dispatcher
	records     *trail.Keeper
	receiver    *earlyServer
	store       interface{ Ready() error }
	log         logr.Logger

	keeper        tableKeeper
	tableComplete func()      // called when the table is complete
	restored      atomic.Bool // the table of the last process was loaded
	complete      atomic.Bool // the table has all objects of the cluster
	stopping      atomic.Bool // webhooks are still accepted
	replicated    bool        // other replicas can take over
	leaves        func()      // tells the next process that this one stops
	holds         func() bool // webhooks are held since the process before stopped
	linger        time.Duration
}

// NeedLeaderElection is false: every replica receives and delivers.
func (*pipeline) NeedLeaderElection() bool { return false }

// Start accepts webhooks as soon as the keys are known and the table is complete, or after tableGrace if the store
// has the last table; it sends only with a complete table. It returns when ctx has ended and everything under way
// is finished.
func (p *pipeline) Start(ctx context.Context) error {
	p.restore()
	working, stopWorking := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWorking()
	var helpers sync.WaitGroup
	helpers.Go(func() {
		if err := p.keys.Run(working); err != nil {
			p.log.Error(err, "signing keys are no longer refreshed")
		}
	})
	helpers.Go(func() { p.followKeys(working) })
	helpers.Go(func() { p.records.Run(working) })
	helpers.Go(func() { p.keeper.compiler.RunChecks(working, checkWorkers) })

	stops := func() {
		p.stopping.Store(true)
		p.leaves()
	}
	err := runBoth(ctx, p.linger, stops, p.receiver.Serve, func(sending context.Context) error {
		return p.send(ctx, sending, func() { helpers.Go(func() { p.keeper.run(working) }) })
	})
	stopWorking()
	helpers.Wait()
	p.records.Close(ctx)
	return err
}

// runBoth runs receive and send until ctx ends or one of them does. Then it calls stops, and both go on for the linger
// time, because an ingress keeps sending for a while. Sending ends first: its attempts under way may take long, and
// webhooks that are stored meanwhile are sent by the next process, whereas those that are refused are lost.
func runBoth(ctx context.Context, linger time.Duration, stops func(), receive, send func(context.Context) error) error {
	receiving, stopReceiving := context.WithCancel(context.WithoutCancel(ctx))
	defer stopReceiving()
	sending, stopSending := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSending()
	sent := make(chan error, 1)
	go func() {
		defer stopReceiving()
		sent <- send(sending)
	}()
	defer context.AfterFunc(ctx, func() {
		stops()
		time.AfterFunc(linger, stopSending)
	})()
	err := receive(receiving)
	stopSending()
	return errors.Join(err, <-sent)
}

// checkWorkers is how many templates are checked at once.
const checkWorkers = 2

// tableGrace is how long the start waits for the current table before webhooks are matched with the
// restored one, which may lack changes of the last seconds.
const tableGrace = 5 * time.Second

// restore loads the last table, so that a replica can receive although the API server is unavailable.
func (p *pipeline) restore() {
	err := p.keeper.restore()
	switch {
	case err == nil:
		time.AfterFunc(tableGrace, func() {
			p.restored.Store(true)
			p.startReceiving()
		})
	case !errors.Is(err, errNoTable):
		p.log.Error(err, "the last routing table cannot be used; webhooks are refused until the API server answers")
	}
}

// send waits until the table is complete, and then sends until sending ends. Before, a route that is
// missing from the table may just not be loaded yet.
func (p *pipeline) send(ctx, sending context.Context, keepTable func()) error {
	if err := p.table.Load(ctx); err != nil {
		if ctx.Err() == nil {
			return err
		}
		<-sending.Done() // the operator stops, and may still receive
		return nil
	}
	p.objectKeys.sweep()
	p.complete.Store(true)
	p.startReceiving()
	p.tableComplete()
	keepTable()
	return p.dispatcher.Run(sending)
}

// startReceiving ends the wait of webhooks that arrived early, if nothing is missing any more to verify and match
// them.
func (p *pipeline) startReceiving() {
	if p.known() == nil && p.keys.Ready() == nil {
		p.receiver.start()
	}
}

// followKeys updates the routes' verdicts when keys change.
func (p *pipeline) followKeys(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.keysChanged:
			p.startReceiving()
			p.recompile()
			p.reportKeys(p.keys)
		}
	}
}

// known returns nil once all routes are known.
func (p *pipeline) known() error {
	if !p.complete.Load() && !p.restored.Load() {
		return errors.New("the routing table is not complete yet")
	}
	return nil
}

// ready returns nil if webhooks can be verified, matched and stored.
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

// readyz is the readiness probe. With several replicas it fails as soon as the operator is told to stop,
// so that the ingress uses the others, while the receiver accepts the webhooks that still arrive. An
// operator alone stays ready: nobody else can take webhooks. One that has taken over the store from another is
// ready while it holds webhooks: it has been ready before, and the other takes none any more.
func (p *pipeline) readyz(*http.Request) error {
	if p.replicated && p.stopping.Load() {
		return errors.New("the operator is stopping")
	}
	if err := p.ready(); err != nil && !p.holds() {
		return err
	}
	return nil
}
