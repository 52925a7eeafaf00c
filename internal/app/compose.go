package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/controllers"
	"github.com/travishook/travishook/internal/deliveryapi/server"
	"github.com/travishook/travishook/internal/deliveryapi/trail"
	"github.com/travishook/travishook/internal/deliveryapi/why"
	"github.com/travishook/travishook/internal/dispatch"
	"github.com/travishook/travishook/internal/notify/registry"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/jetstream"
	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/record"
	"github.com/travishook/travishook/internal/render"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/settings"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/verify"
)

// drain is how long webhooks under way get to be answered when the operator stops: as long as a
// slow disk may take to store one.
const drain = receiver.StoreTimeout

// compose makes every part and hands the manager what it is to run.
func compose(mgr ctrl.Manager, cfg *rest.Config, client kubernetes.Interface, store *jetstream.Engine, scope scope, s settings.Settings, log logr.Logger) error {
	recorder, err := record.New(metrics.Registry, log.WithName("delivery"))
	if err != nil {
		return err
	}
	metrics.Registry.MustRegister(record.QueueCollector(store), record.StoreCollector(storeSize{store}))
	keysChanged := make(chan struct{}, 1)
	keys, err := newKeys(s.Trust, store, func() {
		select {
		case keysChanged <- struct{}{}:
		default: // one is waiting, and whoever takes it up asks for all
		}
	}, log.WithName("keys"))
	if err != nil {
		return err
	}
	keyless, err := verify.ParsePatterns(s.Trust.KeylessRepositories)
	if err != nil {
		return err
	}

	status := &controllers.StatusWriter{
		Client:     mgr.GetClient(),
		Live:       mgr.GetAPIReader(),
		Channels:   channelStates(store),
		Recorder:   mgr.GetEventRecorder("travishook"),
		WebhookURL: s.Receiver.PublicURL,
		Store:      func() controllers.StoreState { return storeState(store.Ready()) },
		Self:       self(scope.own),
		Lease:      controllers.Lease{Client: client, Namespace: scope.own, Log: log.WithName("status")},
		Log:        log.WithName("status"),
	}
	store.OnChange(status.DeliveriesChanged)
	var dispatcher *dispatch.Dispatcher
	var compiler *routing.Compiler
	lookup := func(slug string) (*routing.Repository, bool) { return compiler.Table().Repository(slug) }
	memory := trail.New(time.Now(), func(slug string) bool {
		_, ok := lookup(slug)
		return ok
	})
	store.OnEnd(memory.Ended)
	var telling sync.Mutex // two changes at once must not tell of their tables in the wrong order
	compiler = routing.NewCompiler(routing.Config{
		OperatorNamespace: scope.own,
		Services:          registry.Services,
		CheckMessage:      checkMessage,
		Changed: func(c routing.Changes) {
			status.TableChanged(c)
			if len(c.Accounts) > 0 {
				telling.Lock()
				defer telling.Unlock()
				dispatcher.TableChanged(compiler.Table())
			}
		},
		FilterFailed: status.FilterFailed,
	})
	compiler.SetKeys(routingKeys(s.Trust, keyless, keys))
	status.Compiler = compiler
	pool := newPool(s.Delivery, apiServer(cfg), store.Holds, log)
	status.Connected = pool.Connected
	dispatcher = dispatch.New(dispatch.Config{
		Queue:      store,
		Resolver:   dispatch.NewTableResolver(compiler.Table),
		Pool:       pool,
		Peers:      store,
		Record:     outcomes{recorder, status, memory, compiler},
		Log:        log.WithName("dispatch"),
		RetryLimit: time.Duration(s.Delivery.RetryFor),
	})

	status.SendTest = func(ctx context.Context, route types.NamespacedName) ([]controllers.TestResult, error) {
		return tryRoute(ctx, compiler.Table(), dispatcher, route)
	}

	p := &pipeline{
		keys: keys, keysChanged: keysChanged, rejudge: func() { compiler.SetKeys(routingKeys(s.Trust, keyless, keys)) },
		keeper:     tableKeeper{memory: store, compiler: compiler, turn: store.Leads, log: log.WithName("table")},
		dispatcher: dispatcher, store: store, log: log,
	}
	p.objectKeys = objectKeys{configured: s.Trust.Keys, keys: keys, log: log.WithName("keys")}
	p.table, err = controllers.SetupTable(mgr, controllers.TableOptions{
		Compiler: compiler, NamespaceLabels: scope.wholeCluster(), TestRequested: status.TestRequested,
		Keys: p.objectKeys, KeysIn: scope.own, ConfigMaps: scope.configMaps,
	})
	if err != nil {
		return err
	}
	p.receiver, err = newReceiver(receiver.Options{
		Settings: receiver.Settings{
			PathPrefix:     s.Receiver.PathPrefix,
			MaxAge:         time.Duration(s.Receiver.MaxAge),
			TrustedProxies: s.Receiver.TrustedProxies,
			Keyless:        keyless,
		},
		Lookup:   lookup,
		Keys:     keys.Ring,
		Ready:    p.ready,
		Store:    store,
		Memory:   store,
		Observer: observer{recorder, status, memory},
		Now:      time.Now,
		Log:      log.WithName("receiver"),
	}, s.Receiver)
	if err != nil {
		return err
	}
	if s.API.Address != "" {
		api, err := newAPI(cfg, s.API, scope.own, server.Options{
			Sources: why.Sources{Table: compiler.Table, Verdict: compiler.Verdict, Trail: memory, Deliveries: store.Deliveries, Store: store.Ready},
			Store:   store,
			Try:     dispatcher.Try,
			Ready:   p.known,
		}, log.WithName("api"))
		if err == nil {
			err = mgr.Add(api)
		}
		if err != nil {
			return err
		}
	}
	return hand(mgr, p, status)
}

// tryRoute sends a test message to each channel of a route, all at once.
func tryRoute(ctx context.Context, table *routing.Table, d *dispatch.Dispatcher, key types.NamespacedName) ([]controllers.TestResult, error) {
	route, ok := table.Route(key.Namespace, key.Name)
	if !ok || !route.Accepted {
		return nil, errors.New("the route is not accepted, so there is nothing to test")
	}
	event := travis.TestEvent(route.Repository, time.Now())
	results := make([]controllers.TestResult, len(route.Targets))
	var under sync.WaitGroup
	for i, t := range route.Targets {
		under.Go(func() {
			note, err := d.Try(ctx, t, event)
			if err != nil {
				note = err.Error()
			}
			results[i] = controllers.TestResult{Account: t.Account, Address: t.Address, Delivered: err == nil, Reason: note}
		})
	}
	under.Wait()
	return results, nil
}

// checkMessage runs a template against a sample of every event.
func checkMessage(m v1alpha1.MessageTemplate) error {
	template, err := render.Compile(m.Text, render.Syntax(m.Syntax))
	if err != nil {
		return err
	}
	return template.Check()
}

// hand gives the manager what it is to run.
func hand(mgr ctrl.Manager, p *pipeline, status *controllers.StatusWriter) error {
	for _, err := range []error{
		mgr.Add(p),
		mgr.Add(status),
		mgr.AddHealthzCheck("alive", healthz.Ping),
		mgr.AddReadyzCheck("ready", p.readyz),
	} {
		if err != nil {
			return fmt.Errorf("set up: %w", err)
		}
	}
	return nil
}

// newReceiver makes the receiver's server and takes its port.
func newReceiver(o receiver.Options, s settings.Receiver) (*receiver.Server, error) {
	so := receiver.ServerOptions{
		Address: s.Address,
		Handler: receiver.NewHandler(o),
		Linger:  time.Duration(s.Linger),
		Drain:   drain,
		Log:     o.Log,
	}
	if s.TLS != nil {
		so.CertFile, so.KeyFile = s.TLS.CertFile, s.TLS.KeyFile
	}
	server, err := receiver.NewServer(so)
	if err != nil {
		return nil, err
	}
	if err := server.Listen(); err != nil {
		return nil, err
	}
	o.Log.Info("receiver listens", "address", server.Addr().String(), "path", s.PathPrefix, "publicURL", s.PublicURL)
	return server, nil
}

// observer tells metrics and people what the receiver did.
type observer struct {
	*record.Recorder
	status *controllers.StatusWriter
	trail  *trail.Trail
}

// Noticed implements receiver.Observer.
func (o observer) Noticed(namespace, repository, reason, message string) {
	o.Recorder.Noticed(namespace, repository, reason, message)
	o.status.Noticed(namespace, repository, reason, message)
}

// Report implements receiver.Observer.
func (o observer) Report(report receiver.Report) { o.trail.Judged(report) }

// outcomes tells metrics and people what came of attempts.
type outcomes struct {
	recorder *record.Recorder
	status   *controllers.StatusWriter
	trail    *trail.Trail
	compiler *routing.Compiler
}

// Attempted implements dispatch.Recorder.
func (o outcomes) Attempted(a record.Attempt) {
	o.recorder.Attempted(a)
	o.trail.Attempted(a)
	if a.Service == "" || a.Outcome.Kind == queue.Dropped {
		return // nothing was sent
	}
	t := a.Delivery.Target
	if account, err := o.compiler.Table().Account(t.Namespace, t.Account); err == nil {
		o.status.Attempted(types.NamespacedName{Namespace: account.Namespace, Name: account.Name}, a.Outcome.At, a.Outcome.Reason)
	}
}

// TemplateFailed implements dispatch.Recorder.
func (o outcomes) TemplateFailed(d queue.Delivery, err error) {
	o.recorder.TemplateFailed(d, err)
	o.status.TemplateFailed(types.NamespacedName{Namespace: d.Target.Namespace, Name: d.Target.Route}, err)
}

// channelStates puts the store's words into the status writer's.
func channelStates(store *jetstream.Engine) func(namespace, route string) []controllers.ChannelState {
	return func(namespace, route string) []controllers.ChannelState {
		var states []controllers.ChannelState
		for _, c := range store.Channels(namespace, route) {
			states = append(states, controllers.ChannelState{
				Account: c.Target.Account, Address: c.Target.Address,
				Waiting: c.Waiting, Dead: c.Dead, Failures: c.Failures,
				Delivered: controllers.Mark{At: c.Delivered.At, Build: c.Delivered.Build, Event: string(c.Delivered.Result)},
				Failure: controllers.Mark{
					At: c.Failure.At, Build: c.Failure.Build, Event: string(c.Failure.Result), Reason: c.Failure.Reason,
				},
			})
		}
		return states
	}
}
