package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"

	"github.com/go-logr/logr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/travishook/travishook/internal/certificate"
	"github.com/travishook/travishook/internal/deliveryapi/server"
	"github.com/travishook/travishook/internal/settings"
)

// newAPI makes the server that people ask, and takes its port. The manager starts it before
// everything else and stops it last, while the store is open: an operator that is not ready, or whose
// store is full, is one that people ask about.
func newAPI(cfg *rest.Config, s settings.API, namespace string, o server.Options, log logr.Logger) (*manager.Server, error) {
	o.Log, o.Clock = log, clock.RealClock{}
	cfg = rest.CopyConfig(cfg)
	cfg.QPS, cfg.Burst, cfg.RateLimiter = server.ReviewQPS, server.ReviewBurst, nil
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("reach the API server: %w", err)
	}
	o.Cluster = server.Reviews{Client: client}
	get, err := apiCertificate(s, namespace, log)
	if err != nil {
		return nil, err
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(context.Background(), "tcp", s.Address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen for kubectl travis on %s: %w; choose another api.address", s.Address, err)
	}
	log.Info("API for people listens", "address", listener.Addr().String())
	return &manager.Server{
		Name:            "API for people",
		Server:          server.New(o),
		Listener:        tls.NewListener(listener, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: get}),
		ShutdownTimeout: new(server.ShutdownTimeout),
	}, nil
}

func apiCertificate(s settings.API, namespace string, log logr.Logger) (certificate.Get, error) {
	if s.TLS != nil {
		return certificate.Files("API for people", s.TLS.CertFile, s.TLS.KeyFile, log)
	}
	return certificate.SelfSigned("travishook-api."+namespace+".svc", "localhost")
}
