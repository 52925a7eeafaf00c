package app

import (
	"time"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/controllers"
	"github.com/travishook/travishook/internal/deliveryapi/trail"
	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/record"
	"github.com/travishook/travishook/internal/settings"
)

const (
	// drain is how long webhooks in progress may take to be answered when the operator stops: as long as the
	// store may take to store one.
	drain = receiver.StoreTimeout
	// embeddedDrain is the same with the embedded store. It is shorter because the next process holds all
	// webhooks meanwhile, and one that is sent slowly must not delay them.
	embeddedDrain = 5 * time.Second
)

// newPipeline returns everything that a webhook passes through, as one runnable, and has the receiver answer.
func newPipeline(env environment, trust *trust, control *control, delivery *delivery) (*pipeline, error) {
	p := &pipeline{
		keys:        trust.keys,
		keysChanged: trust.changed,
		recompile:   func() { control.compiler.SetKeys(trust.routingKeys()) },
		reportKeys:  keyEvents{env.mgr.GetEventRecorder("travishook"), self(env.scope.own)}.report,
		objectKeys:  trust.objects,
		keeper:      tableKeeper{store: env.store, compiler: control.compiler, scope: env.scope, turn: env.store.Leads, log: env.log.WithName("table")},
		dispatcher:  delivery.dispatcher,
		records:     delivery.keeper,
		store:       env.store,
		leaves:      env.store.stopping,
		holds:       env.holds,
		replicated:  env.settings.Store.External != nil,
		linger:      time.Duration(env.settings.Receiver.Linger),
		log:         env.log,

		tableComplete: control.tableComplete,
	}
	var err error
	p.table, err = controllers.SetupTable(env.mgr, controllers.TableOptions{
		Compiler: control.compiler, NamespaceLabels: env.scope.wholeCluster(), TestRequested: control.status.TestRequested,
		Keys: trust.objects, KeysIn: env.scope.own, ConfigMaps: env.scope.configMaps,
	})
	if err != nil {
		return nil, err
	}
	p.receiver = env.receiver
	p.receiver.handle(newHandler(env, trust, control, delivery, p.ready))
	return p, nil
}

// listen starts the server that Travis posts to.
func listen(s settings.Receiver, drain time.Duration, log logr.Logger) (*earlyServer, error) {
	log = log.WithName("receiver")
	options := receiver.ServerOptions{Address: s.Address, Drain: drain, Log: log}
	if s.TLS != nil {
		options.CertFile, options.KeyFile = s.TLS.CertFile, s.TLS.KeyFile
	}
	server := newEarlyServer()
	if err := server.listen(options); err != nil {
		return nil, err
	}
	log.Info("receiver listens", "address", server.Addr().String(), "path", s.PathPrefix, "publicURL", s.PublicURL)
	return server, nil
}

// newHandler returns the handler of webhooks.
func newHandler(env environment, trust *trust, control *control, delivery *delivery, ready func() error) *receiver.Handler {
	s := env.settings.Receiver
	return receiver.NewHandler(receiver.Options{
		Settings: receiver.Settings{
			PathPrefix:     s.PathPrefix,
			MaxAge:         time.Duration(s.MaxAge),
			TrustedProxies: s.TrustedProxies,
			Keyless:        trust.keyless,
		},
		Lookup:   control.lookup,
		Keys:     trust.keys.Keyring,
		Ready:    ready,
		Store:    env.store,
		Values:   env.store,
		Identity: trust.identity,
		Observer: webhooks{delivery.recorder, control.status, delivery.trail},
		Now:      time.Now,
		Log:      env.log.WithName("receiver"),
	})
}

// webhooks passes what the receiver did to metrics, logs, status and the trail behind kubectl travis why.
type webhooks struct {
	*record.Recorder
	status *controllers.StatusWriter
	trail  *trail.Trail
}

// Noticed implements receiver.Observer.
func (o webhooks) Noticed(namespace, repository, reason, message string) {
	o.Recorder.Noticed(namespace, repository, reason, message)
	o.status.Noticed(namespace, repository, reason, message)
}

// Report implements receiver.Observer.
func (o webhooks) Report(report receiver.Report) { o.trail.Report(report) }
