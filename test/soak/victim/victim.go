// Package victim is the operator without an API server, as a process to be killed: the real receiver, table,
// store, dispatcher and webhook service, with routes defined in code. It starts in a tenth of a second, so
// that it can be killed often.
//
// A program that has victims calls RunIfAsked first thing, because a victim is the program itself,
// started again.
package victim

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/travishook/travishook/internal/dispatch"
	"github.com/travishook/travishook/internal/identity"
	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/registry"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/record"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/verify"
)

// Config is the configuration of a victim.
type Config struct {
	// Engine is the name of one of Engines, Store is how to open it.
	Engine  string
	Store   Store
	Tenants Tenants
	// Key is the public signing key, in PEM.
	Key string
	// Generation is how many victims came before it on the same store. Channels see it.
	Generation int
	// RetryWithin, if it is not zero, is the longest wait before another attempt: channels that come
	// back after minutes would make a run long and show nothing more.
	RetryWithin time.Duration
}

const (
	// configVariable holds the Config, in JSON, in the environment of a victim.
	configVariable = "TRAVISHOOK_VICTIM"
	pathPrefix     = "/travis"
	// listening is the word before the addresses of the receiver and of the probes.
	listening = "listening"
	// lost is the word before a delivery that another replica may send.
	lost   = "lost"
	maxAge = 24 * time.Hour
	drain  = 10 * time.Second
)

// RunIfAsked returns at once in a process that is no victim, and never in one that is.
func RunIfAsked() {
	text, asked := os.LookupEnv(configVariable)
	if !asked {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go endWithParent()
	var config Config
	err := json.Unmarshal([]byte(text), &config)
	if err == nil {
		err = run(ctx, config)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "victim:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// endWithParent ends the process when its parent has ended for any reason.
func endWithParent() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(1)
}

// run puts the parts together as internal/app does, and runs them until ctx ends.
func run(ctx context.Context, c Config) (err error) {
	log := zap.New(zap.WriteTo(os.Stderr)).WithValues("generation", c.Generation)
	opened, err := Open(ctx, c.Engine, c.Store, log)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		err = errors.Join(err, opened.Close(closing))
	}()
	store := newReporter(opened, c.RetryWithin)
	opened.OnEnd(store.ended)
	compiler := c.Tenants.compile()
	registry := prometheus.NewRegistry()
	recorder, err := record.New(registry, logr.Discard())
	if err != nil {
		return err
	}
	probes, err := newProbes(registry, store)
	if err != nil {
		return err
	}
	defer func() { _ = probes.Close() }()
	server, err := newServer(c.Key, compiler, store, recorder, log)
	if err != nil {
		return err
	}
	d := newDispatcher(c.Generation, compiler, store, recorder, log)
	store.say(listening, server.Addr().String(), probes.Addr)
	return serve(ctx, server, d)
}

// serve stops the receiver first and the dispatcher then.
func serve(ctx context.Context, server *receiver.Server, d *dispatch.Dispatcher) error {
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	sent := make(chan error, 1)
	go func() { sent <- d.Run(sending) }()
	err := server.Serve(ctx)
	stop()
	return errors.Join(err, <-sent)
}

func newServer(key string, compiler *routing.Compiler, store queue.Queue, recorder *record.Recorder, log logr.Logger) (*receiver.Server, error) {
	public, err := parseKey(key)
	if err != nil {
		return nil, err
	}
	ring := verify.NewKeyring(verify.Key{Name: "travis", Public: public})
	handler := receiver.NewHandler(receiver.Options{
		Settings: receiver.Settings{PathPrefix: pathPrefix, MaxAge: maxAge},
		Lookup:   func(slug string) (*routing.Repository, bool) { return compiler.Table().Repository(slug) },
		Keys:     func() *verify.Keyring { return ring },
		Ready:    store.Ready,
		Store:    store,
		Values:   store,
		Identity: identity.NewResolver(identity.Options{}),
		Observer: observer{recorder},
		Now:      time.Now,
		Log:      logr.Discard(),
	})
	server, err := receiver.NewServer(receiver.ServerOptions{Address: "127.0.0.1:0", Handler: handler, Drain: drain, Log: log})
	if err != nil {
		return nil, err
	}
	return server, server.Listen()
}

// newProbes serves the operator's readiness and metrics.
func newProbes(registry *prometheus.Registry, store queue.Queue) (*http.Server, error) {
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := store.Ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for probes: %w", err)
	}
	server := &http.Server{Addr: listener.Addr().String(), Handler: mux, ReadHeaderTimeout: drain}
	go func() { _ = server.Serve(listener) }()
	return server, nil
}

func parseKey(text string) (*rsa.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("the key is no PEM")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	public, ok := key.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("the key is not RSA")
	}
	return public, nil
}

func newDispatcher(generation int, compiler *routing.Compiler, store queue.Queue, recorder *record.Recorder, log logr.Logger) *dispatch.Dispatcher {
	deps := notify.Deps{HTTP: notify.NewClient(notify.Options{UserAgent: agent(generation)}), Dial: notify.NewDialer(nil)}
	return dispatch.New(dispatch.Config{
		Queue:      store,
		Resolver:   dispatch.NewTableResolver(compiler.Table),
		Pool:       dispatch.NewPool(dispatch.PoolConfig{Services: registry.Services, Trusted: deps, Guarded: deps, Log: log}),
		Record:     recorder,
		Log:        log,
		RetryLimit: 24 * time.Hour,
	})
}

const agentPrefix = "travishook-victim/"

func agent(generation int) string { return fmt.Sprint(agentPrefix, generation) }

// GenerationOf returns which victim sent a request, from its User-Agent.
func GenerationOf(agent string) (generation int, err error) {
	_, err = fmt.Sscanf(agent, agentPrefix+"%d", &generation)
	return generation, err
}

// observer counts as the operator does, and reports to no one.
type observer struct{ *record.Recorder }

func (observer) Noticed(_, _, _, _ string) {}

func (observer) Report(receiver.Report) {}
