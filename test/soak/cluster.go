package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/controlplane"
	"github.com/travishook/travishook/test/operator"
	"github.com/travishook/travishook/test/soak/victim"
)

// cluster has the tenants in an API server, and the whole operator beside it.
type cluster struct {
	plane            *controlplane.ControlPlane
	binary, settings string
}

// startTimeout bounds the operator's start.
const startTimeout = time.Minute

func newCluster(ctx context.Context, s *soak) (*cluster, error) {
	log.SetLogger(logr.Discard()) // the client would miss one
	s.say("starting an API server")
	plane, err := controlplane.Start(ctx)
	if err != nil {
		return nil, err
	}
	c := &cluster{plane: plane, settings: filepath.Join(s.dir, "settings.yaml")}
	if err := c.prepare(ctx, s); err != nil {
		return nil, errors.Join(err, plane.Stop())
	}
	return c, nil
}

func (c *cluster) close() { _ = c.plane.Stop() }

func (c *cluster) prepare(ctx context.Context, s *soak) (err error) {
	if c.binary, err = operator.Build(ctx, c.plane.Root); err != nil {
		return err
	}
	if err := os.WriteFile(c.settings, []byte(settings(s)), 0o600); err != nil {
		return fmt.Errorf("write settings: %w", err)
	}
	all := scheme.Scheme
	if err := v1alpha1.AddToScheme(all); err != nil {
		return err
	}
	api, err := client.New(c.plane.Config, client.Options{Scheme: all})
	if err != nil {
		return fmt.Errorf("reach the API server: %w", err)
	}
	for _, object := range manifests(s.tenants) {
		if err := api.Create(ctx, object); err != nil {
			return fmt.Errorf("create %s in %s: %w", object.GetName(), object.GetNamespace(), err)
		}
	}
	return nil
}

// manifests of the tenants, in an order in which they can be made.
func manifests(tenants victim.Tenants) []client.Object {
	objects := []client.Object{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: victim.SystemNamespace}}}
	for team := range tenants.Teams {
		objects = append(objects, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: victim.NamespaceOf(team)}})
	}
	o := tenants.Objects()
	for _, s := range o.Secrets {
		data := map[string]string{}
		for key, value := range s.Data {
			data[key] = value.Reveal()
		}
		objects = append(objects, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: s.Namespace, Name: s.Name, Labels: map[string]string{v1alpha1.LabelSecretType: s.Type},
			},
			StringData: data,
		})
	}
	for _, d := range o.Defaults {
		objects = append(objects, d)
	}
	for _, r := range o.Routes {
		objects = append(objects, r)
	}
	return objects
}

func settings(s *soak) string {
	pem := strings.ReplaceAll(strings.TrimSpace(travistest.PEM(travistest.Key())), "\n", "\n      ")
	return fmt.Sprintf(`apiVersion: settings.travishook.dev/v1alpha1
kind: Settings
receiver: {address: "127.0.0.1:0", linger: 0s}
api: {address: "127.0.0.1:0"}
probes: {address: "127.0.0.1:0"}
metrics: {address: "127.0.0.1:0"}
delivery: {allowAddresses: [127.0.0.0/8]}
store: {directory: %q, maxSize: %d}
trust:
  keys:
  - name: test
    pem: |
      %s
`, s.store.Dir, s.store.MaxBytes, pem)
}

// begin starts the operator, and returns when it listens.
func (c *cluster) begin(ctx context.Context, _ int) (process, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	p, err := operator.Start(ctx, c.binary, "--settings", c.settings, "--kubeconfig", c.plane.Kubeconfig, "--namespace", victim.SystemNamespace)
	if err != nil {
		return nil, err
	}
	return whole{p}, nil
}

// whole is the operator as a process.
type whole struct{ *operator.Process }

// URL implements process.
func (w whole) URL(context.Context) (string, error) { return w.Process.URL, nil }

// Listened implements process.
func (whole) Listened() bool { return true }

// Kill implements process.
func (w whole) Kill() error {
	w.Process.Kill()
	return nil
}
