// Package app wires the operator's parts, and defines the order of start and stop.
//
// operator.go constructs the parts in the order of their dependencies: keys.go, control.go, delivery.go and
// receiving.go have a constructor each, servers.go those of the other servers. pipeline.go has the order of start and
// stop. While another process still has the store open, early.go holds webhooks, opening.go waits for the store, and
// takeover.go fetches the signing keys.
package app

import (
	"context"
	"errors"
	"fmt"
	"os"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/travishook/travishook/internal/certificate"
	"github.com/travishook/travishook/internal/settings"
	"github.com/travishook/travishook/internal/verify"
	"github.com/travishook/travishook/internal/version"
)

// Options are needed before the settings can be read.
type Options struct {
	Settings   string // path of the settings file; empty for the defaults
	Kubeconfig string // path; empty for $KUBECONFIG or the pod's own account
	Namespace  string // the operator's own
}

// Run runs the operator until ctx ends. Its error is one sentence for the person who started it.
func Run(ctx context.Context, o Options) error {
	s, err := settings.Load(o.Settings)
	if err != nil {
		return err
	}
	if err := verify.CheckPlatform(); err != nil {
		return err
	}
	if s.Outbound.CAFile != "" {
		if err := certificate.TrustAuthorities(s.Outbound.CAFile); err != nil {
			return fmt.Errorf("outbound.caFile: %w", err)
		}
	}
	log := newLogger(s.Log)
	cfg, err := restConfig(o.Kubeconfig)
	if err != nil {
		return err
	}
	operator, err := New(ctx, cfg, o.Namespace, s, log)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	return operator.Run(ctx)
}

// unlessStopped returns err, or nil if it says only that the operator was told to stop while it waited for the store.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// The rate of requests to the API server, for the lease and for status, which has limits of its own.
// Watches do not count.
const (
	apiQPS   = 50
	apiBurst = 100
)

func restConfig(kubeconfig string) (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	cfg, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	switch {
	case clientcmd.IsEmptyConfig(err):
		return nil, errors.New("there is no cluster: run the operator in one, or set --kubeconfig or $KUBECONFIG")
	case err != nil:
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	cfg.QPS, cfg.Burst = apiQPS, apiBurst
	cfg.UserAgent = "travishook/" + version.String()
	return cfg, nil
}

// DefaultNamespace is the pod's own, which the chart sets in the environment.
func DefaultNamespace() string {
	if ns := os.Getenv("POD_NAMESPACE"); ns != "" {
		return ns
	}
	return "travishook-system"
}
