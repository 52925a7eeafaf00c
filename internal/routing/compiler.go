package routing

import (
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/notify"
)

// Config is what a Compiler is told once.
type Config struct {
	// OperatorNamespace is the one whose TravisDefaults serves the whole cluster.
	OperatorNamespace string
	// Services are the chat services by name.
	Services map[string]notify.Service
	// CheckMessage says what is wrong with a template. Nil takes every template for right.
	CheckMessage func(v1alpha1.MessageTemplate) error
	// Changed is called after a change was published, if anything came of it. It must not
	// block; calls for two changes made at once may come in either order.
	Changed func(Changes)
	// FilterFailed is called each time a route's filter fails on an event, which is relayed
	// all the same. It must not block.
	FilterFailed func(route types.NamespacedName, err error)
}

// Changes are what a change came to.
type Changes struct {
	Routes   []types.NamespacedName // whose verdict is another
	Defaults []types.NamespacedName // whose verdict is another
	// Accounts, by the namespace that defines them and their name, that are others now, or may be
	// used by others now: what failed because of them is worth another attempt.
	Accounts []types.NamespacedName
}

// Keys tell which repositories' events the operator can prove to come from Travis.
type Keys struct {
	Signed  func(slug string) bool // a key for its signature is configured
	Keyless func(slug string) bool // the settings take a token's proof without a signature
	// Awaited says which configured keys are not known yet, and why; empty once one is.
	Awaited func(slug string) string
}

func (k *Keys) signed(slug string) bool { return k.Signed == nil || k.Signed(slug) }
func (k *Keys) awaited(slug string) string {
	if k.Awaited == nil {
		return ""
	}
	return k.Awaited(slug)
}
func (k *Keys) keyless(slug string) bool { return k.Keyless != nil && k.Keyless(slug) }

// Compiler keeps the Table up to date with the objects it is given, each change recompiling what
// depends on it and nothing else. Its methods may be called from many goroutines.
type Compiler struct {
	config Config
	table  atomic.Pointer[Table]

	mu          sync.Mutex // guards what follows, and the making of a table
	keys        Keys
	routes      map[string]map[string]*declared // by namespace and name
	defaults    map[string]*v1alpha1.TravisDefaults
	verdicts    map[string]DefaultsVerdict // of defaults, by namespace
	claims      map[claimKey]*claim
	secrets     map[types.NamespacedName]Secret // of the type credential
	tokens      map[types.NamespacedName]token
	tokenFaults map[string]map[string]string // by namespace and Secret
	unlabelled  map[types.NamespacedName]struct{}
}

// NewCompiler returns a Compiler with an empty table. Until SetKeys is called, every repository
// counts as signed.
func NewCompiler(config Config) *Compiler {
	c := &Compiler{
		config:      config,
		routes:      map[string]map[string]*declared{},
		defaults:    map[string]*v1alpha1.TravisDefaults{},
		verdicts:    map[string]DefaultsVerdict{},
		claims:      map[claimKey]*claim{},
		secrets:     map[types.NamespacedName]Secret{},
		tokens:      map[types.NamespacedName]token{},
		tokenFaults: map[string]map[string]string{},
		unlabelled:  map[types.NamespacedName]struct{}{},
	}
	c.table.Store(&Table{operatorNamespace: config.OperatorNamespace})
	return c
}

// Table is the newest table.
func (c *Compiler) Table() *Table { return c.table.Load() }

// Verdict is what the route came to, as long as it exists.
func (c *Compiler) Verdict(route types.NamespacedName) (Verdict, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, ok := c.routes[route.Namespace][route.Name]
	if !ok {
		return Verdict{}, false
	}
	return d.verdict, true
}

// DefaultsVerdict is what the namespace's TravisDefaults came to, as long as it exists.
func (c *Compiler) DefaultsVerdict(namespace string) (DefaultsVerdict, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.verdicts[namespace]
	return v, ok
}

// PutRoute adds or replaces a route.
func (c *Compiler) PutRoute(r *v1alpha1.TravisRoute) {
	c.update(func(ch *change) {
		old := c.routes[r.Namespace][r.Name]
		if old != nil && old.uid == string(r.UID) && old.generation == r.Generation && same(*old.spec, r.Spec) {
			return
		}
		if old != nil {
			ch.drop(old)
		}
		ch.add(c.declare(r))
	})
}

// DeleteRoute takes a route out.
func (c *Compiler) DeleteRoute(key types.NamespacedName) {
	c.update(func(ch *change) {
		if old := c.routes[key.Namespace][key.Name]; old != nil {
			ch.drop(old)
		}
	})
}

// PutDefaults adds or replaces a namespace's defaults. One by another name than
// v1alpha1.DefaultsName is ignored.
func (c *Compiler) PutDefaults(d *v1alpha1.TravisDefaults) {
	if d.Name != v1alpha1.DefaultsName {
		return
	}
	c.update(func(ch *change) {
		old := c.defaults[d.Namespace]
		if old != nil && old.Generation == d.Generation && same(old.Spec, d.Spec) {
			return
		}
		c.defaults[d.Namespace] = d.DeepCopy()
		ch.recompileDefaults(d.Namespace)
	})
}

// DeleteDefaults takes a namespace's defaults out.
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

// PutNamespace tells the labels of a namespace.
func (c *Compiler) PutNamespace(name string, set map[string]string) {
	c.update(func(ch *change) {
		if old, ok := ch.next.namespaces.get([]byte(name)); ok && labels.Equals(old, labels.Set(set)) {
			return
		}
		ch.next.namespaces = ch.next.namespaces.set(ch.edit, name, labels.Merge(nil, set))
		ch.reconsiderNamespace(name)
	})
}

// DeleteNamespace forgets a namespace's labels.
func (c *Compiler) DeleteNamespace(name string) {
	c.update(func(ch *change) {
		ch.next.namespaces = ch.next.namespaces.remove(ch.edit, name)
		ch.reconsiderNamespace(name)
	})
}

// PutSecret adds or replaces a labelled Secret.
func (c *Compiler) PutSecret(s Secret) {
	key := named(s.Namespace, s.Name)
	c.update(func(ch *change) {
		delete(c.unlabelled, key)
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

// DeleteSecret takes a Secret out that was deleted or has lost its label.
func (c *Compiler) DeleteSecret(key types.NamespacedName) {
	c.update(func(ch *change) {
		ch.putToken(key, nil)
		ch.putCredential(key, nil)
	})
}

// PutUnlabelled tells that a Secret exists without the label, so that it is not held.
func (c *Compiler) PutUnlabelled(key types.NamespacedName) {
	c.update(func(ch *change) {
		if _, known := c.unlabelled[key]; known {
			return
		}
		c.unlabelled[key] = struct{}{}
		ch.recompileUsers(key)
	})
}

// DeleteUnlabelled tells that it does not, after all.
func (c *Compiler) DeleteUnlabelled(key types.NamespacedName) {
	c.update(func(ch *change) {
		if _, known := c.unlabelled[key]; !known {
			return
		}
		delete(c.unlabelled, key)
		ch.recompileUsers(key)
	})
}

// SetKeys tells which repositories' events can be proven. Call it again when that changes.
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

// checkMessage says what is wrong with a template.
func (c *Compiler) checkMessage(m *v1alpha1.MessageTemplate) *Problem {
	if m == nil || c.config.CheckMessage == nil {
		return nil
	}
	if err := c.config.CheckMessage(*m); err != nil {
		return problem(v1alpha1.ReasonMessageInvalid, "message: %v; the built-in line is sent instead", err)
	}
	return nil
}

func named(namespace, name string) types.NamespacedName {
	return types.NamespacedName{Namespace: namespace, Name: name}
}
