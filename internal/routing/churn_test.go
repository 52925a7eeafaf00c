package routing

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
)

// TestChurn puts, replaces and deletes objects at random. In the end, the table must equal one that is
// compiled from the remaining objects alone, and every change of a verdict must have been reported.
func TestChurn(t *testing.T) {
	var pool []any
	inputs, _ := filepath.Glob("testdata/*.in.yaml")
	for _, in := range inputs {
		pool = append(pool, readObjects(t, in)...) // many have the same name, so they replace each other
	}
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 0))
		heard := listener{routes: map[types.NamespacedName]Verdict{}, defaults: map[types.NamespacedName]DefaultsVerdict{}}
		config := testConfig()
		var c *Compiler
		config.Changed = func(changes Changes) { heard.update(c, changes) }
		c = NewCompiler(config)
		left := map[string]any{}
		for range 400 {
			o := pool[rng.IntN(len(pool))]
			if rng.IntN(3) == 0 {
				remove(c, o)
				delete(left, keyOf(o))
				continue
			}
			put(c, o)
			left[keyOf(o)] = o
		}
		objects := slices.Collect(maps.Values(left))
		fresh := NewCompiler(testConfig())
		for _, o := range objects {
			put(fresh, o)
		}
		want, got := marshal(t, outcomes(fresh, objects)), marshal(t, outcomes(c, objects))
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Fatalf("seed %d: what is left is not what a new compiler makes of it:\n%s", seed, diff)
		}
		if diff := cmp.Diff(accountsOf(fresh, objects), accountsOf(c, objects)); diff != "" {
			t.Fatalf("seed %d: the accounts are not those that a new compiler makes:\n%s", seed, diff)
		}
		heard.check(t, c, objects)
	}
}

// accountsOf returns what each channel of the routes is sent with: the account, its version and the destination.
func accountsOf(c *Compiler, objects []any) map[string]string {
	out := map[string]string{}
	for _, o := range objects {
		object, ok := o.(*v1alpha1.TravisRoute)
		if !ok {
			continue
		}
		route, ok := c.Table().Route(object.Namespace, object.Name)
		if !ok {
			continue
		}
		for _, target := range route.Targets {
			account, err := c.Table().Account(object.Namespace, target.Account)
			if err != nil {
				out[nameOf(object).String()+" "+target.Channel] = err.Error()
				continue
			}
			out[nameOf(object).String()+" "+target.Channel] = fmt.Sprint(account.Namespace, "/", account.Name, " ", account.Service, " ", account.Version, " ", target.Destination)
		}
	}
	return out
}

// listener keeps the verdicts that were reported as changed.
type listener struct {
	routes   map[types.NamespacedName]Verdict
	defaults map[types.NamespacedName]DefaultsVerdict
}

func (l *listener) update(c *Compiler, changes Changes) {
	for _, key := range changes.Routes {
		l.routes[key], _ = c.Verdict(key)
	}
	for _, key := range changes.Defaults {
		l.defaults[key], _ = c.DefaultsVerdict(key.Namespace)
	}
}

func (l *listener) check(t *testing.T, c *Compiler, objects []any) {
	t.Helper()
	for _, o := range objects {
		switch o := o.(type) {
		case *v1alpha1.TravisRoute:
			v, _ := c.Verdict(nameOf(o))
			if diff := cmp.Diff(v, l.routes[nameOf(o)]); diff != "" {
				t.Fatalf("the change of route %s/%s was not reported:\n%s", o.Namespace, o.Name, diff)
			}
		case *v1alpha1.TravisDefaults:
			v, _ := c.DefaultsVerdict(o.Namespace)
			if diff := cmp.Diff(v, l.defaults[nameOf(o)]); diff != "" {
				t.Fatalf("the change of the defaults of %s was not reported:\n%s", o.Namespace, diff)
			}
		}
	}
}

func keyOf(object any) string {
	return fmt.Sprintf("%T %s", object, nameOf(object))
}

func nameOf(object any) types.NamespacedName {
	o := object.(metav1.Object)
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
}

func remove(c *Compiler, object any) {
	key := nameOf(object)
	switch object.(type) {
	case *v1alpha1.TravisRoute:
		c.DeleteRoute(key)
	case *v1alpha1.TravisDefaults:
		c.DeleteDefaults(key)
	case *corev1.Namespace:
		c.DeleteNamespace(key.Name)
	case *corev1.Secret:
		c.DeleteSecret(key)
		c.DeleteUnlabeled(key)
	}
}
