package routing

import (
	"context"
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
)

// Compiler keeps the Table up to date with the objects it is given. Each change recompiles only what
// depends on it. Its methods may be called concurrently, but not for the same object. Filters and
// templates are compiled and checked outside of its lock.
type Compiler struct {
	config Config
	checks *checks
	table  atomic.Pointer[Table]

	mu          sync.Mutex // guards the fields below, and the making of a table
	keys        Keys
	routes      map[string]map[string]*declared // by namespace and name
	defaults    map[string]*v1alpha1.TravisDefaults
	verdicts    map[string]DefaultsVerdict // of defaults, by namespace
	claims      map[claimKey]*claim
	patterns    map[claimKey]map[string]*declared // routes for several repositories, by namespace and owner, and by name
	tokenSlugs  map[string]map[string]int         // how many tokens there are, by namespace and slug
	secrets     map[types.NamespacedName]Secret   // of the type credential
	tokens      map[types.NamespacedName]token
	tokenFaults map[string]map[string]string // by namespace and Secret
	unlabeled   map[types.NamespacedName]struct{}
	people      map[types.NamespacedName]readPeople // of ConfigMaps that TravisDefaults name
}

// NewCompiler returns a Compiler with an empty table. Until SetKeys is called, every repository
// counts as signed.
func NewCompiler(config Config) *Compiler {
	c := &Compiler{
		config:      config,
		routes:      map[string]map[string]*declared{},
		defaults:    map[string]*v1alpha1.TravisDefaults{},
		verdicts:    map[string]DefaultsVerdict{},
		checks:      newChecks(config.CheckMessage),
		claims:      map[claimKey]*claim{},
		patterns:    map[claimKey]map[string]*declared{},
		tokenSlugs:  map[string]map[string]int{},
		secrets:     map[types.NamespacedName]Secret{},
		tokens:      map[types.NamespacedName]token{},
		tokenFaults: map[string]map[string]string{},
		unlabeled:   map[types.NamespacedName]struct{}{},
		people:      map[types.NamespacedName]readPeople{},
	}
	c.table.Store(&Table{operatorNamespace: config.OperatorNamespace})
	return c
}

// Table returns the current table.
func (c *Compiler) Table() *Table { return c.table.Load() }

// Verdict returns the result of compiling a route, as long as it exists.
func (c *Compiler) Verdict(route types.NamespacedName) (Verdict, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, ok := c.routes[route.Namespace][route.Name]
	if !ok {
		return Verdict{}, false
	}
	return d.verdict, true
}

// DefaultsVerdict returns the result of compiling a namespace's TravisDefaults, as long as it exists.
func (c *Compiler) DefaultsVerdict(namespace string) (DefaultsVerdict, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.verdicts[namespace]
	return v, ok
}

// PutRoute adds or replaces a route.
func (c *Compiler) PutRoute(r *v1alpha1.TravisRoute) {
	if c.holds(r) {
		return
	}
	c.checks.request(r.Namespace, r.Spec.Message)
	d := c.declare(r)
	c.update(func(ch *change) {
		// The result may have arrived since.
		d.check(c.checks)
		if old := c.routes[r.Namespace][r.Name]; old != nil {
			ch.drop(old, old.uid == d.uid)
		}
		ch.add(d)
	})
}

// holds reports whether the compiler has exactly r.
func (c *Compiler) holds(r *v1alpha1.TravisRoute) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.routes[r.Namespace][r.Name]
	return old != nil && old.uid == string(r.UID) && old.generation == r.Generation && same(*old.spec, r.Spec)
}

// RunChecks checks templates with the given number of workers until ctx ends. Without it they are checked
// synchronously.
func (c *Compiler) RunChecks(ctx context.Context, workers int) {
	c.checks.run(ctx, workers, c.checked)
}

// checked applies the result of a check to the routes and defaults that wait for it.
func (c *Compiler) checked(namespace string, key checkKey) {
	c.update(func(ch *change) {
		for _, d := range c.routes[namespace] {
			if d.pending && keyOfMessage(d.spec.Message) == key {
				d.check(c.checks)
				ch.resolve(d)
			}
		}
		if d := c.defaults[namespace]; d != nil && d.Spec.Message != nil && keyOfMessage(d.Spec.Message) == key {
			ch.recompileDefaults(namespace)
		}
		ch.next.checked++ // the snapshot has one more result
	})
}

// DeleteRoute removes a route.
func (c *Compiler) DeleteRoute(key types.NamespacedName) {
	c.update(func(ch *change) {
		if old := c.routes[key.Namespace][key.Name]; old != nil {
			ch.drop(old, false)
		}
	})
}

// PutDefaults adds or replaces a namespace's defaults. One with another name than
// v1alpha1.DefaultsName is ignored.
func (c *Compiler) PutDefaults(d *v1alpha1.TravisDefaults) {
	if d.Name != v1alpha1.DefaultsName {
		return
	}
	c.checks.request(d.Namespace, d.Spec.Message)
	c.update(func(ch *change) {
		old := c.defaults[d.Namespace]
		if old != nil && old.Generation == d.Generation && same(old.Spec, d.Spec) {
			return
		}
		c.defaults[d.Namespace] = d.DeepCopy()
		ch.recompileDefaults(d.Namespace)
	})
}

// DeleteDefaults removes a namespace's defaults.
func (c *Compiler) DeleteDefaults(key types.NamespacedName) {
	if key.Name != v1alpha1.DefaultsName {
		return
	}
	c.update(func(ch *change) {
		if _, ok := c.defaults[key.Namespace]; !ok {
			return
		}
		delete(c.defaults, key.Namespace)
		ch.recompileDefaults(key.Namespace)
	})
}

// PutNamespace sets the labels of a namespace.
func (c *Compiler) PutNamespace(name string, set map[string]string) {
	c.update(func(ch *change) {
		if old, ok := ch.next.namespaces.get([]byte(name)); ok && labels.Equals(old, labels.Set(set)) {
			return
		}
		ch.next.namespaces = ch.next.namespaces.set(ch.edit, name, labels.Merge(nil, set))
		ch.reconsiderNamespace(name)
	})
}

// DeleteNamespace removes a namespace's labels.
func (c *Compiler) DeleteNamespace(name string) {
	c.update(func(ch *change) {
		ch.next.namespaces = ch.next.namespaces.remove(ch.edit, name)
		ch.reconsiderNamespace(name)
	})
}

// PutSecret adds or replaces a labeled Secret.
func (c *Compiler) PutSecret(s Secret) {
	key := named(s.Namespace, s.Name)
	c.update(func(ch *change) {
		delete(c.unlabeled, key)
		if s.Type == v1alpha1.SecretTypeToken {
			ch.putCredential(key, nil)
			read := readToken(s)
			ch.putToken(key, &read)
			return
		}
		ch.putToken(key, nil)
		ch.putCredential(key, &s)
	})
}

// DeleteSecret removes a Secret that was deleted or has lost its label.
func (c *Compiler) DeleteSecret(key types.NamespacedName) {
	c.update(func(ch *change) {
		ch.putToken(key, nil)
		ch.putCredential(key, nil)
	})
}

// PutUnlabeled records that a Secret exists without the label, so that it is not read.
func (c *Compiler) PutUnlabeled(key types.NamespacedName) {
	c.update(func(ch *change) {
		if _, known := c.unlabeled[key]; known {
			return
		}
		c.unlabeled[key] = struct{}{}
		ch.recompileUsers(key)
	})
}

// DeleteUnlabeled records that it does not exist, or has the label.
func (c *Compiler) DeleteUnlabeled(key types.NamespacedName) {
	c.update(func(ch *change) {
		if _, known := c.unlabeled[key]; !known {
			return
		}
		delete(c.unlabeled, key)
		ch.recompileUsers(key)
	})
}

// SetKeys sets which repositories' events can be verified. Call it again when that changes.
func (c *Compiler) SetKeys(keys Keys) {
	c.update(func(ch *change) {
		c.keys = keys
		for _, routes := range c.routes {
			for _, d := range routes {
				ch.resolve(d)
			}
		}
	})
}

func named(namespace, name string) types.NamespacedName {
	return types.NamespacedName{Namespace: namespace, Name: name}
}
