package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/travishook/travishook/internal/dispatch"
	"github.com/travishook/travishook/internal/identity"
	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/registry"
	"github.com/travishook/travishook/internal/queue/embedded"
	"github.com/travishook/travishook/internal/queue/engine"
	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/record"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/internal/verify"
)

const (
	pathPrefix = "/travis"
	maxAge     = 24 * time.Hour
	drain      = 10 * time.Second
)

// composition describes an operator.
type composition struct {
	groups []group
	// sendsNothing disables sending.
	sendsNothing bool
	// hang is how long a channel hangs.
	hang time.Duration
}

// operator is everything a webhook passes through, wired as in internal/app, with a table that is filled
// directly and a sink behind all channels.
type operator struct {
	address  string // that the receiver listens on
	sink     *sink
	compiler *routing.Compiler
	store    *engine.Engine
	stop     func() error
}

func startOperator(ctx context.Context, dir string, c composition) (*operator, error) {
	log, closeLog, err := newLog()
	if err != nil {
		return nil, err
	}
	o := &operator{compiler: routing.NewCompiler(routing.Config{OperatorNamespace: systemNamespace, Services: registry.Services})}
	if o.sink, err = openSink(c.hang); err != nil {
		return nil, err
	}
	grantAll(o.compiler)
	for _, s := range c.groups {
		s.declare(o.compiler, o.sink.url)
	}
	if o.store, err = embedded.OpenStore(ctx, dir, engine.Options{Remember: maxAge + time.Hour, Logger: log}); err != nil {
		return nil, err
	}
	recorder, err := record.New(prometheus.NewRegistry(), log)
	if err != nil {
		return nil, err
	}
	server, err := newServer(o, recorder, log)
	if err != nil {
		return nil, err
	}
	o.address = server.Addr().String()
	o.start(ctx, server, newDispatcher(o, recorder, log), c.sendsNothing, closeLog)
	return o, nil
}

// start starts it in the order of internal/app's pipeline; stop reverses that.
func (o *operator) start(ctx context.Context, server *receiver.Server, d *dispatch.Dispatcher, sendsNothing bool, closeLog func()) {
	receiving, stopReceiving := context.WithCancel(ctx)
	sending, stopSending := context.WithCancel(ctx)
	var running sync.WaitGroup
	received, sent := make(chan error, 1), make(chan error, 1)
	running.Go(func() { received <- server.Serve(receiving) })
	running.Go(func() {
		if sendsNothing {
			sent <- nil
			return
		}
		sent <- d.Run(sending)
	})
	o.stop = func() error {
		stopReceiving()
		err := <-received
		stopSending()
		o.sink.close() // ends requests that hang
		err = errors.Join(err, <-sent)
		running.Wait()
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		err = errors.Join(err, o.store.Close(closing))
		closeLog()
		return err
	}
}

func newServer(o *operator, recorder *record.Recorder, log logr.Logger) (*receiver.Server, error) {
	ring := verify.NewKeyring(verify.Key{Name: "travis", Public: &travistest.Key().PublicKey})
	handler := receiver.NewHandler(receiver.Options{
		Settings: receiver.Settings{PathPrefix: pathPrefix, MaxAge: maxAge},
		Lookup:   func(slug string) (*routing.Repository, bool) { return o.compiler.Table().Repository(slug) },
		Keys:     func() *verify.Keyring { return ring },
		Ready:    o.store.Ready,
		Store:    o.store,
		Values:   o.store,
		Identity: identity.NewResolver(identity.Options{}),
		Observer: observer{recorder},
		Now:      time.Now,
		Log:      log,
	})
	server, err := receiver.NewServer(receiver.ServerOptions{Address: "127.0.0.1:0", Handler: handler, Drain: drain, Log: log})
	if err != nil {
		return nil, err
	}
	return server, server.Listen()
}

// newDispatcher returns a dispatcher with the clients of internal/app, whose rules allow the sink.
func newDispatcher(o *operator, recorder *record.Recorder, log logr.Logger) *dispatch.Dispatcher {
	deps := func(rules *notify.Rules) notify.Deps {
		return notify.Deps{HTTP: notify.NewClient(notify.Options{UserAgent: "travishook/bench", Rules: rules}), Dial: notify.NewDialer(rules)}
	}
	return dispatch.New(dispatch.Config{
		Queue:    o.store,
		Resolver: dispatch.NewTableResolver(o.compiler.Table),
		Pool: dispatch.NewPool(dispatch.PoolConfig{
			Services: registry.Services,
			Trusted:  deps(nil),
			Guarded:  deps(&notify.Rules{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}),
			Log:      log,
		}),
		Record:     recorder,
		Log:        log,
		RetryLimit: 24 * time.Hour,
	})
}

// newLog returns the operator's own log, with its full cost except for the reader.
func newLog() (logr.Logger, func(), error) {
	file, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return logr.Logger{}, nil, fmt.Errorf("open log: %w", err)
	}
	return zap.New(zap.WriteTo(file), zap.JSONEncoder()), func() { _ = file.Close() }, nil
}

// observer counts as the operator does, and reports to no one.
type observer struct{ *record.Recorder }

func (observer) Noticed(_, _, _, _ string) {}

func (observer) Report(receiver.Report) {}
