package app

import (
	"context"
	"errors"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/travishook/travishook/internal/queue/embedded"
	"github.com/travishook/travishook/internal/queue/wal"
	"github.com/travishook/travishook/internal/settings"
	"github.com/travishook/travishook/internal/verify/keysource"
	"github.com/travishook/travishook/internal/version"
)

// closeTimeout bounds the closing of the store after everything that uses it has stopped. The next process waits for
// the embedded one.
const (
	closeTimeout         = 15 * time.Second
	embeddedCloseTimeout = 5 * time.Second
)

// Operator is one operator, wired and listening, but not started. A process can have several: none
// of its parts is registered globally.
type Operator struct {
	mgr       ctrl.Manager
	store     *store
	receiver  *earlyServer
	held      bool // it holds webhooks for another process that had the store open
	addresses Addresses
	log       logr.Logger
}

// Addresses are where an operator listens, as host:port. An empty one is switched off.
type Addresses struct {
	Receiver, API, Probes, Metrics string
}

// environment is what the parts of an operator are made from.
type environment struct {
	settings settings.Settings
	scope    scope
	cluster  *rest.Config
	client   clients
	mgr      ctrl.Manager
	store    *store
	receiver *earlyServer
	holds    func() bool     // webhooks are held that the process before no longer takes
	fetched  *keysource.Keys // while the process before had the store open; may be nil
	metrics  *prometheus.Registry
	log      logr.Logger

	destinations []byte // the key of their names
}

// New listens for webhooks, checks the cluster's prerequisites, opens the store, wires the parts and listens on the
// other ports. Its error is one sentence for the person who starts the operator. If it succeeds, Run or Close must
// be called.
func New(ctx context.Context, cfg *rest.Config, namespace string, s settings.Settings, log logr.Logger) (*Operator, error) {
	drain := drain
	if s.Store.External == nil {
		drain = embeddedDrain
	}
	receiver, err := listen(s.Receiver, drain, log)
	if err != nil {
		return nil, err
	}
	o := &Operator{receiver: receiver, log: log}
	if err := o.open(ctx, cfg, newScope(namespace, s), s); err != nil {
		return nil, errors.Join(err, o.Close(ctx))
	}
	return o, nil
}

// open does all that New does after the receiver listens.
func (o *Operator) open(ctx context.Context, cfg *rest.Config, scope scope, s settings.Settings) error {
	client, err := newClients(cfg)
	if err != nil {
		return err
	}
	check := clusterCheck{client, scope, o.log}
	answered, err := check.atStart(ctx)
	if err != nil {
		return err
	}
	if o.mgr, err = newManager(cfg, s, scope, o.log); err != nil {
		return err
	}
	known := func() *wal.HighWater {
		if !answered {
			return nil
		}
		return knownMark(ctx, client.coordination, scope.own, o.log)
	}
	var fetched *keysource.Keys // while another process had the store open
	opening := &opening{settings: s, log: o.log, takeOver: func() (_ signingKeys, err error) {
		fetched, err = takeOver(s, o.log)
		return fetched, err
	}}
	opening.report = storeEvents{o.mgr.GetEventRecorder("travishook"), self(scope.own)}.report
	ctx, cancel := opening.outlast(ctx)
	defer cancel()
	line := &embedded.Line{Dir: s.Store.Directory}
	defer line.Leave()
	err = opening.run(ctx, func(ctx context.Context) (err error) {
		o.store, err = openStore(ctx, s, line, known, o.log)
		return err
	})
	if err != nil {
		return err
	}
	o.held = opening.waited()
	destinations, err := destinationKey(ctx, o.store)
	if err != nil {
		return err
	}
	err = o.wire(environment{
		settings: s, scope: scope, cluster: cfg, client: client, mgr: o.mgr, store: o.store, receiver: o.receiver,
		holds: opening.holds, fetched: fetched,
		destinations: destinations, metrics: prometheus.NewRegistry(), log: o.log,
	})
	if err != nil || answered {
		return err
	}
	return o.mgr.Add(everyReplica(check.later))
}

// wire makes the parts in the order of their dependencies, and adds them to the manager.
func (o *Operator) wire(env environment) error {
	trust, err := newTrust(env)
	if err != nil {
		return err
	}
	control := newControl(env, trust)
	delivery, err := newDelivery(env, control)
	if err != nil {
		return err
	}
	control.connect(delivery)
	pipeline, err := newPipeline(env, trust, control, delivery)
	if err != nil {
		return err
	}
	servers, err := newServers(env, control, delivery, pipeline)
	if err != nil {
		return err
	}
	o.addresses = servers.addresses
	o.addresses.Receiver = o.receiver.Addr().String()
	return servers.addTo(env.mgr, pipeline, control.status)
}

// Addresses are where the operator listens.
func (o *Operator) Addresses() Addresses { return o.addresses }

// Run runs the operator until ctx ends, and closes its store.
func (o *Operator) Run(ctx context.Context) error {
	o.log.Info("travishook starts", "version", version.String())
	running, cancel := o.untilAnswered(ctx)
	defer cancel()
	return errors.Join(o.mgr.Start(running), o.Close(ctx))
}

// untilAnswered returns a context that ends with ctx or, if webhooks are held by then, when they can be answered.
func (o *Operator) untilAnswered(ctx context.Context) (context.Context, context.CancelFunc) {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	unhook := context.AfterFunc(ctx, func() {
		if o.held {
			select {
			case <-o.receiver.started:
			case <-time.After(handoverGrace):
			case <-running.Done():
			}
		}
		cancel()
	})
	return running, func() { unhook(); cancel() }
}

// Close ends an operator that does not run.
func (o *Operator) Close(ctx context.Context) error {
	o.receiver.Close()
	if o.store == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	return o.store.Close(ctx)
}

// everyReplica is a runnable that runs without a lease.
type everyReplica func(context.Context) error

// Start implements manager.Runnable.
func (f everyReplica) Start(ctx context.Context) error { return f(ctx) }

// NeedLeaderElection is false.
func (everyReplica) NeedLeaderElection() bool { return false }
