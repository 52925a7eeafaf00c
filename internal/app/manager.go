package app

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/selection"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/controllers"
	"github.com/travishook/travishook/internal/deliveryapi/server"
	"github.com/travishook/travishook/internal/dispatch"
	"github.com/travishook/travishook/internal/settings"
)

// scope is the part of the cluster that the operator watches.
type scope struct {
	own        string   // the operator's namespace, always watched
	namespaces []string // empty: the whole cluster
	configMaps bool     // whether keys are read from ConfigMaps
}

func newScope(own string, s settings.Settings) scope {
	keysInConfigMaps := slices.ContainsFunc(s.Trust.Keys, func(k settings.Key) bool { return k.ConfigMap != nil })
	return scope{own: own, namespaces: s.Namespaces, configMaps: keysInConfigMaps}
}

func (s scope) wholeCluster() bool { return len(s.namespaces) == 0 }

// watched are the namespaces to watch, none twice; [""] for all.
func (s scope) watched() []string {
	if s.wholeCluster() {
		return []string{""}
	}
	all := append([]string{s.own}, s.namespaces...)
	slices.Sort(all)
	return slices.Compact(all)
}

// waitForAPI is how long the start waits for the API server before the process exits, to be restarted
// by the kubelet.
const waitForAPI = 30 * 24 * time.Hour

// runnersTimeout is how long the manager waits for its runnables after the receiver's linger time: the
// pipeline, which has limits of its own and must not be cut off, and then the servers of metrics, probes
// and the API.
const runnersTimeout = drain + dispatch.StopTimeout + 2*server.ShutdownTimeout

// stopTimeout is how long the operator takes at most to stop after the receiver's linger time. The chart
// sets the pod's termination grace period accordingly.
const stopTimeout = runnersTimeout + closeTimeout

func newScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	return scheme
}

// newMapper returns a mapper of the kinds that the operator uses, which needs no discovery: the API
// server may be unavailable at the start.
func newMapper() meta.RESTMapper {
	mapper := meta.NewDefaultRESTMapper(nil)
	add := func(kind schema.GroupVersionKind, resource string, scope meta.RESTScope) {
		plural := kind.GroupVersion().WithResource(resource)
		mapper.AddSpecific(kind, plural, plural, scope)
		// The caches look up the scope of a list by the list's own kind.
		kind.Kind += "List"
		mapper.AddSpecific(kind, plural, plural, scope)
	}
	add(corev1.SchemeGroupVersion.WithKind("Secret"), "secrets", meta.RESTScopeNamespace)
	add(corev1.SchemeGroupVersion.WithKind("ConfigMap"), "configmaps", meta.RESTScopeNamespace)
	add(corev1.SchemeGroupVersion.WithKind("Namespace"), "namespaces", meta.RESTScopeRoot)
	add(v1alpha1.GroupVersion.WithKind("TravisRoute"), "travisroutes", meta.RESTScopeNamespace)
	add(v1alpha1.GroupVersion.WithKind("TravisDefaults"), "travisdefaults", meta.RESTScopeNamespace)
	return mapper
}

// newManager returns the manager with its caches. It does not use leader election: every replica
// receives webhooks and so needs the whole table.
func newManager(cfg *rest.Config, s settings.Settings, scope scope, log logr.Logger) (ctrl.Manager, error) {
	mgr, err := ctrl.NewManager(cfg, ctrl.Options{
		Scheme:         newScheme(),
		MapperProvider: func(*rest.Config, *http.Client) (meta.RESTMapper, error) { return newMapper(), nil },
		Logger:         log,
		Cache:          cacheOptions(scope),
		NewCache:       newCache,
		// The operator serves both itself, from a registry of its own.
		Metrics:                metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress: "0",
		// The start waits for an API server that is unavailable, while the receiver works.
		Controller:              config.Controller{SkipNameValidation: new(true), CacheSyncTimeout: waitForAPI},
		GracefulShutdownTimeout: new(time.Duration(s.Receiver.Linger) + runnersTimeout),
	})
	if err != nil {
		return nil, fmt.Errorf("set up: %w", err)
	}
	return mgr, nil
}

// cachesPatience is how long the stop waits for the caches.
const cachesPatience = 2 * time.Second

// promptCache is a cache that stops within cachesPatience. An informer that the API server has refused for a while
// sleeps for up to a minute before it notices that it should stop; meanwhile the next process would have to wait for
// the store, although nothing uses the caches any more.
type promptCache struct{ cache.Cache }

func newCache(cfg *rest.Config, o cache.Options) (cache.Cache, error) {
	c, err := cache.New(cfg, o)
	if err != nil {
		return nil, err
	}
	return promptCache{c}, nil
}

// Start implements cache.Cache.
func (c promptCache) Start(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() { ended <- c.Cache.Start(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(cachesPatience):
		return nil
	}
}

// cacheOptions limits the caches to the objects that the table is compiled from.
func cacheOptions(scope scope) cache.Options {
	o := cache.Options{
		DefaultTransform:  cache.TransformStripManagedFields(),
		DefaultNamespaces: map[string]cache.Config{},
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Secret{}: {Label: ourSecrets(), Transform: controllers.TrimSecret},
		},
	}
	for _, ns := range scope.watched() {
		o.DefaultNamespaces[ns] = cache.Config{}
	}
	if scope.configMaps {
		o.ByObject[&corev1.ConfigMap{}] = cache.ByObject{Namespaces: map[string]cache.Config{scope.own: {}}}
	}
	return o
}

// ourSecrets selects the Secrets that their owners have labeled for the operator.
func ourSecrets() labels.Selector {
	types, err := labels.NewRequirement(v1alpha1.LabelSecretType, selection.In,
		[]string{v1alpha1.SecretTypeToken, v1alpha1.SecretTypeCredential, v1alpha1.SecretTypeKey})
	utilruntime.Must(err) // constants: it cannot fail at run time without failing in every test
	return labels.NewSelector().Add(*types)
}
