package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/travishook/travishook/controllers"
	"github.com/travishook/travishook/internal/certificate"
	"github.com/travishook/travishook/internal/deliveryapi/server"
	"github.com/travishook/travishook/internal/deliveryapi/trail"
	"github.com/travishook/travishook/internal/deliveryapi/why"
	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/version"
)

// servers serve probes, metrics and the operator's API. The manager starts them first and stops them
// last, because people use them most when the operator is not ready or its store is full.
type servers struct {
	all       []*manager.Server
	addresses Addresses
}

// The limits of the servers, which anyone in the cluster may connect to. Without them, idle connections
// would take the files and the memory that webhooks need.
const (
	maxConnections = 256 // of each server
	serverTimeout  = 10 * time.Second
	idleTimeout    = 2 * time.Minute // longer than Prometheus' usual interval
	maxHeader      = 16 << 10
)

// newServer returns a server for probes or metrics.
func newServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler: handler, ReadTimeout: serverTimeout, WriteTimeout: 2 * serverTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
	}
}

func newServers(env environment, control *control, delivery *delivery, p *pipeline) (*servers, error) {
	s := &servers{}
	var err error
	if s.addresses.Probes, err = s.listen("probes", env.settings.Probes.Address, nil, probes(p)); err != nil {
		return nil, err
	}
	if s.addresses.Metrics, err = s.listen("metrics", env.settings.Metrics.Address, nil, metricsHandler(env.metrics)); err != nil {
		return nil, err
	}
	if env.settings.API.Address == "" {
		return s, nil
	}
	handler, config, err := newAPI(env, control, delivery, p)
	if err != nil {
		return nil, err
	}
	s.addresses.API, err = s.listen("api", env.settings.API.Address, config, handler)
	env.log.Info("operator API listens", "address", s.addresses.API)
	return s, err
}

// listen binds a server's port and returns its address.
func (s *servers) listen(name, address string, config *tls.Config, handler *http.Server) (string, error) {
	var listen net.ListenConfig
	listener, err := listen.Listen(context.Background(), "tcp", address)
	if err != nil {
		return "", fmt.Errorf("listen on %s for %s: %w; choose another %s.address", address, name, err, name)
	}
	at := listener.Addr().String()
	listener = receiver.LimitConnections(listener, maxConnections)
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	s.all = append(s.all, &manager.Server{Name: name, Server: handler, Listener: listener, ShutdownTimeout: new(server.ShutdownTimeout)})
	return at, nil
}

// addTo adds everything that runs to the manager.
func (s *servers) addTo(mgr ctrl.Manager, p *pipeline, status *controllers.StatusWriter) error {
	for _, one := range s.all {
		if err := mgr.Add(one); err != nil {
			return fmt.Errorf("add the server of %s: %w", one.Name, err)
		}
	}
	return errors.Join(mgr.Add(p), mgr.Add(status))
}

// notReadyStatus is 500 because kubectl get --raw, through the API server's proxy, shows the text of such an
// answer, and hides that of 503.
const notReadyStatus = http.StatusInternalServerError

// probes serves the liveness probe, and the readiness probe, which reports whether webhooks are accepted, and
// if not, why.
func probes(p *pipeline) *http.Server {
	mux := http.NewServeMux()
	handle := func(path, name string, check healthz.Checker) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if err := check(r); err != nil {
				http.Error(w, fmt.Sprintf("[-]%s failed: %v", name, err), notReadyStatus)
				return
			}
			text := "ok"
			if r.URL.Query().Has("verbose") {
				text = fmt.Sprintf("[+]%s ok\n", name)
			}
			_, _ = io.WriteString(w, text)
		})
	}
	handle("/healthz", "alive", healthz.Ping)
	handle("/readyz", "ready", p.readyz)
	return newServer(mux)
}

// metricsHandler serves the operator's own metrics and those of controller-runtime.
func metricsHandler(own prometheus.Gatherer) *http.Server {
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(prometheus.Gatherers{own, metrics.Registry}, promhttp.HandlerOpts{}))
	return newServer(mux)
}

// newAPI makes the operator's API for kubectl travis.
func newAPI(env environment, control *control, delivery *delivery, p *pipeline) (*http.Server, *tls.Config, error) {
	cfg := rest.CopyConfig(env.cluster)
	cfg.QPS, cfg.Burst, cfg.RateLimiter = server.ReviewQPS, server.ReviewBurst, nil
	client, err := newClients(cfg)
	if err != nil {
		return nil, nil, err
	}
	access, err := newClients(cfg)
	if err != nil {
		return nil, nil, err
	}
	get, err := apiCertificate(env)
	if err != nil {
		return nil, nil, err
	}
	return server.New(server.Options{
		Sources: why.Sources{
			Table: control.compiler.Table, Verdict: control.compiler.Verdict, Trail: trail.Everywhere{Keeper: delivery.keeper, Replicas: env.store},
			Deliveries: env.store.Deliveries, Store: env.store.Ready, Losses: env.store.Losses,
			Usage: env.store.Usage,
		},
		Redrive:  env.store.Redrive,
		SendTest: delivery.dispatcher.SendTest,
		Ready:    p.known,
		Cluster:  server.Reviews{Tokens: client.authentication, Requests: client.certificates, Access: access.authorization, Now: time.Now},
		Version:  version.String(),
		Clock:    clock.RealClock{},
		Log:      env.log.WithName("api"),
	}), &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: get}, nil
}

func apiCertificate(env environment) (certificate.Get, error) {
	if t := env.settings.API.TLS; t != nil {
		return certificate.Files("API for people", t.CertFile, t.KeyFile, env.log.WithName("api"))
	}
	return certificate.SelfSigned("travishook-api."+env.scope.own+".svc", "localhost")
}
