// Package controlplane runs a real Kubernetes API server with etcd behind it, for the suites
// and the demo. There is no kubelet and no controller manager: objects are validated, stored
// and watched, and pods never run.
package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/travishook/travishook/test/port"
)

// startTimeout limits the start of etcd and of the API server, each. A busy two-core machine needs about ten
// seconds.
const startTimeout = 3 * time.Minute

// ControlPlane is a running API server with the project's CRDs installed.
type ControlPlane struct {
	// Config is an administrator's, practically without a rate limit.
	Config *rest.Config
	// Kubeconfig is the path of the same as a file, for kubectl, helm and the operator.
	Kubeconfig string
	// Kubectl is the path of a kubectl of the server's version.
	Kubectl string
	// Root is the module's root folder.
	Root string

	env *envtest.Environment
	dir string
}

// Option changes how a control plane starts.
type Option func(*envtest.Environment)

// WithoutCRDs does not install the project's CRDs.
func WithoutCRDs() Option {
	return func(env *envtest.Environment) { env.CRDDirectoryPaths = nil }
}

// Start starts a control plane, getting the binaries first if need be: from KUBEBUILDER_ASSETS,
// else from what hack/control-plane.sh prints. When it returns an error, nothing is left running.
// The caller stops what it started.
func Start(ctx context.Context, options ...Option) (*ControlPlane, error) {
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	assets, err := assets(ctx, root)
	if err != nil {
		return nil, err
	}
	// A suite must never write to a cluster that the environment points to.
	existing := false
	env := &envtest.Environment{
		UseExistingCluster:       &existing,
		BinaryAssetsDirectory:    assets,
		CRDDirectoryPaths:        []string{filepath.Join(root, "config", "crd", "bases")},
		ErrorIfCRDPathMissing:    true,
		ControlPlaneStartTimeout: startTimeout,
		ControlPlaneStopTimeout:  startTimeout,
	}
	for _, option := range options {
		option(env)
	}
	if err := setPorts(env); err != nil {
		return nil, err
	}
	c := &ControlPlane{Kubectl: filepath.Join(assets, "kubectl"), Root: root, env: env}
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

// setPorts sets the ports of etcd's and the API server's clients: envtest would find any that are free, and
// another process may take them before the servers listen.
func setPorts(env *envtest.Environment) error {
	etcd, err := port.Free()
	if err != nil {
		return err
	}
	env.ControlPlane.Etcd = &envtest.Etcd{URL: &url.URL{Scheme: "http", Host: etcd}}
	address, err := port.Free()
	if err != nil {
		return err
	}
	serving := &env.ControlPlane.GetAPIServer().SecureServing
	serving.Address, serving.Port, err = net.SplitHostPort(address)
	return err
}

func (c *ControlPlane) start(ctx context.Context) (err error) {
	if c.dir, err = os.MkdirTemp("", "travishook-controlplane-"); err != nil {
		return fmt.Errorf("start control plane: %w", err)
	}
	if c.Config, err = c.env.Start(); err != nil {
		return fmt.Errorf("start control plane: %w", err)
	}
	c.Kubeconfig = filepath.Join(c.dir, "admin.kubeconfig")
	if err := os.WriteFile(c.Kubeconfig, c.env.KubeConfig, 0o600); err != nil {
		return fmt.Errorf("start control plane: %w", err)
	}
	return ctx.Err()
}

// Stop ends both servers and removes their data. It may be called on a control plane that
// started only half-way.
func (c *ControlPlane) Stop() error {
	err := c.env.Stop()
	if c.dir != "" {
		err = errors.Join(err, os.RemoveAll(c.dir))
	}
	if err != nil {
		return fmt.Errorf("stop control plane: %w", err)
	}
	return nil
}

// ForTest starts a control plane that ends with the test.
func ForTest(t testing.TB, options ...Option) *ControlPlane {
	t.Helper()
	c, err := Start(t.Context(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// RunKubectl runs kubectl with a kubeconfig, and returns what it prints on both outputs.
func (c *ControlPlane) RunKubectl(ctx context.Context, kubeconfig, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, c.Kubectl, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
