package controllers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/routing"
)

// Table feeds the routing table from the cluster, on every replica.
type Table struct {
	feeders []loader
}

// loader is a feeder of any kind of object.
type loader interface {
	load(ctx context.Context) error
}

// The kinds of object that can hold a signing key.
const (
	KindConfigMap = "ConfigMap"
	KindSecret    = "Secret"
)

// Keys receives the content of ConfigMaps and Secrets that hold signing keys.
type Keys interface {
	Put(kind, name string, data map[string]string)
	Delete(kind, name string)
}

// TableOptions configures SetupTable.
type TableOptions struct {
	Compiler *routing.Compiler
	// NamespaceLabels is false where the operator serves selected namespaces and may not read Namespace
	// objects. Then no label selector matches.
	NamespaceLabels bool
	// TestRequested is called for every route that has the annotation which requests a test.
	TestRequested func(route types.NamespacedName)
	// Keys receives the signing keys in the namespace KeysIn: from Secrets, and from ConfigMaps if
	// ConfigMaps is set.
	Keys       Keys
	KeysIn     string
	ConfigMaps bool
}

// SetupTable adds the reconcilers to the manager. Call Load once the manager's caches are in sync.
func SetupTable(mgr ctrl.Manager, o TableOptions) (*Table, error) {
	t := &Table{}
	specOnly := builder.WithPredicates(specChanged())
	specOrAsked := builder.WithPredicates(predicate.Or(specChanged(), predicate.AnnotationChangedPredicate{}))
	err := add(t, mgr, routeFeeder(mgr, o.Compiler, o.TestRequested), specOrAsked)
	if err == nil {
		err = add(t, mgr, defaultsFeeder(mgr, o.Compiler), specOnly)
	}
	if err == nil {
		err = add(t, mgr, secretFeeder(mgr, o))
	}
	if err == nil && o.NamespaceLabels {
		err = add(t, mgr, namespaceFeeder(mgr, o.Compiler), builder.OnlyMetadata)
	}
	if err == nil && o.ConfigMaps {
		err = add(t, mgr, keyFeeder(mgr, o.Keys))
	}
	if err == nil {
		err = mgr.Add(&people{live: mgr.GetAPIReader(), compiler: o.Compiler, log: mgr.GetLogger().WithName("people")})
	}
	if err != nil {
		return nil, fmt.Errorf("watch the cluster: %w", err)
	}
	return t, nil
}

// specChanged accepts events that change an object's spec. An object that was deleted and created again while
// the watch was disconnected arrives as an update, possibly with the same generation.
func specChanged() predicate.Predicate {
	replaced := predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool { return e.ObjectOld.GetUID() != e.ObjectNew.GetUID() }}
	return predicate.Or(predicate.GenerationChangedPredicate{}, replaced)
}

func add[T client.Object](t *Table, mgr ctrl.Manager, f *feeder[T], opts ...builder.ForOption) error {
	t.feeders = append(t.feeders, f)
	return f.setup(mgr, opts...)
}

// Load puts all objects of the caches into the table. When it returns nil, the table is complete.
func (t *Table) Load(ctx context.Context) error {
	for _, f := range t.feeders {
		if err := f.load(ctx); err != nil {
			return fmt.Errorf("load the routing table: %w", err)
		}
	}
	return nil
}

func routeFeeder(mgr ctrl.Manager, c *routing.Compiler, asked func(types.NamespacedName)) *feeder[*v1alpha1.TravisRoute] {
	return &feeder[*v1alpha1.TravisRoute]{
		name:   "travisroute",
		reader: mgr.GetClient(),
		empty:  func() *v1alpha1.TravisRoute { return &v1alpha1.TravisRoute{} },
		list:   func() client.ObjectList { return &v1alpha1.TravisRouteList{} },
		put: func(r *v1alpha1.TravisRoute) {
			if skip(mgr, r) {
				c.DeleteRoute(client.ObjectKeyFromObject(r))
				return
			}
			c.PutRoute(r)
			if requestOf(r) != "" {
				asked(client.ObjectKeyFromObject(r))
			}
		},
		remove: c.DeleteRoute,
		held:   func() []types.NamespacedName { return c.Objects().Routes },
	}
}

func defaultsFeeder(mgr ctrl.Manager, c *routing.Compiler) *feeder[*v1alpha1.TravisDefaults] {
	return &feeder[*v1alpha1.TravisDefaults]{
		name:   "travisdefaults",
		reader: mgr.GetClient(),
		empty:  func() *v1alpha1.TravisDefaults { return &v1alpha1.TravisDefaults{} },
		list:   func() client.ObjectList { return &v1alpha1.TravisDefaultsList{} },
		put: func(d *v1alpha1.TravisDefaults) {
			if skip(mgr, d) {
				c.DeleteDefaults(client.ObjectKeyFromObject(d))
				return
			}
			c.PutDefaults(d)
		},
		remove: c.DeleteDefaults,
		held:   func() []types.NamespacedName { return c.Objects().Defaults },
	}
}

// skip reports whether an object cannot be decoded, and logs why.
func skip(mgr ctrl.Manager, o client.Object) bool {
	why := v1alpha1.Undecodable(o)
	if why == "" {
		return false
	}
	mgr.GetLogger().Info("object does not decode and is skipped: is the CRD of another version?",
		"namespace", o.GetNamespace(), "name", o.GetName(), "error", why)
	return true
}

func secretFeeder(mgr ctrl.Manager, o TableOptions) *feeder[*corev1.Secret] {
	return &feeder[*corev1.Secret]{
		name:   "secret",
		reader: mgr.GetClient(),
		empty:  func() *corev1.Secret { return &corev1.Secret{} },
		list:   func() client.ObjectList { return &corev1.SecretList{} },
		put:    o.putSecret,
		remove: func(key types.NamespacedName) {
			o.Compiler.DeleteSecret(key)
			if key.Namespace == o.KeysIn {
				o.Keys.Delete(KindSecret, key.Name)
			}
		},
		held: func() []types.NamespacedName { return o.Compiler.Objects().Secrets },
	}
}

// putSecret passes a Secret on by its label: a signing key to Keys, any other to the compiler.
func (o TableOptions) putSecret(s *corev1.Secret) {
	if s.Labels[v1alpha1.LabelSecretType] != v1alpha1.SecretTypeKey {
		o.Compiler.PutSecret(routing.SecretOf(s))
		return
	}
	o.Compiler.DeleteSecret(client.ObjectKeyFromObject(s)) // it may have had another label before
	if s.Namespace != o.KeysIn {
		return
	}
	data := make(map[string]string, len(s.Data))
	for key, value := range s.Data {
		data[key] = string(value)
	}
	o.Keys.Put(KindSecret, s.Name, data)
}

func namespaceFeeder(mgr ctrl.Manager, c *routing.Compiler) *feeder[*metav1.PartialObjectMetadata] {
	kind := corev1.SchemeGroupVersion.WithKind("Namespace")
	return &feeder[*metav1.PartialObjectMetadata]{
		name:   "namespace",
		reader: mgr.GetClient(),
		empty: func() *metav1.PartialObjectMetadata {
			m := &metav1.PartialObjectMetadata{}
			m.SetGroupVersionKind(kind)
			return m
		},
		list: func() client.ObjectList {
			m := &metav1.PartialObjectMetadataList{}
			m.SetGroupVersionKind(kind)
			return m
		},
		put:    func(m *metav1.PartialObjectMetadata) { c.PutNamespace(m.Name, m.Labels) },
		remove: func(key types.NamespacedName) { c.DeleteNamespace(key.Name) },
		held: func() []types.NamespacedName {
			var keys []types.NamespacedName
			for _, name := range c.Objects().Namespaces {
				keys = append(keys, types.NamespacedName{Name: name})
			}
			return keys
		},
	}
}

// keyFeeder reads ConfigMaps of the operator's own namespace, the only ones in the cache.
func keyFeeder(mgr ctrl.Manager, k Keys) *feeder[*corev1.ConfigMap] {
	return &feeder[*corev1.ConfigMap]{
		name:   "configmap",
		reader: mgr.GetClient(),
		empty:  func() *corev1.ConfigMap { return &corev1.ConfigMap{} },
		list:   func() client.ObjectList { return &corev1.ConfigMapList{} },
		put:    func(m *corev1.ConfigMap) { k.Put(KindConfigMap, m.Name, m.Data) },
		remove: func(key types.NamespacedName) { k.Delete(KindConfigMap, key.Name) },
		held:   func() []types.NamespacedName { return nil }, // keys outlive their ConfigMap
	}
}

// eachItem calls do with the name of each object of a list.
func eachItem(list client.ObjectList, do func(types.NamespacedName) error) error {
	return meta.EachListItem(list, func(o runtime.Object) error {
		return do(client.ObjectKeyFromObject(o.(client.Object)))
	})
}
