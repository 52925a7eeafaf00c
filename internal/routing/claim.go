package routing

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/travishook/travishook/internal/verify"
)

// claimKey is a repository, or a pattern of an owner's repositories, as one namespace declares it. The
// slug is in lower case.
type claimKey struct{ namespace, slug string }

// owner returns the namespace and the owner of a pattern; ok is false of a single repository.
func (k claimKey) owner() (owner claimKey, ok bool) {
	if !strings.ContainsAny(k.slug, "*?") {
		return claimKey{}, false
	}
	name, _, _ := strings.Cut(k.slug, "/")
	return claimKey{k.namespace, name}, true
}

// claim is everything that a namespace declares for a repository.
type claim struct {
	routes []*declared      // by name
	tokens map[string]token // by the name of the Secret
}

func (c *claim) put(d *declared) {
	i, found := c.find(d.key.Name)
	if found {
		c.routes[i] = d
		return
	}
	c.routes = slices.Insert(c.routes, i, d)
}

func (c *claim) putToken(secret string, t token) {
	if c.tokens == nil {
		c.tokens = map[string]token{}
	}
	c.tokens[secret] = t
}

func (c *claim) remove(name string) {
	if i, found := c.find(name); found {
		c.routes = slices.Delete(c.routes, i, i+1)
	}
}

func (c *claim) find(name string) (int, bool) {
	return slices.BinarySearchFunc(c.routes, name, func(d *declared, name string) int { return cmp.Compare(d.key.Name, name) })
}

func (c *claim) empty() bool { return len(c.routes) == 0 && len(c.tokens) == 0 }

// proofs returns the proofs of all tokens, by the name of the Secret. A nil claim has none.
func (c *claim) proofs() []verify.Hash {
	if c == nil || len(c.tokens) == 0 {
		return nil
	}
	proofs := make([]verify.Hash, 0, len(c.tokens))
	for _, name := range slices.Sorted(maps.Keys(c.tokens)) {
		proofs = append(proofs, c.tokens[name].proof)
	}
	return proofs
}

// compile returns the Namespace that the receiver looks up.
func (c *claim) compile(t *Table, key claimKey) *Namespace {
	n := &Namespace{Name: key.namespace, Proofs: c.proofs()}
	if len(c.routes) == 0 {
		return n
	}
	n.SignatureOnly, n.Computed = t.granted(key), t.computed(key.namespace)
	n.Declared = make([]*Route, 0, len(c.routes))
	for _, d := range c.routes {
		n.Declared = append(n.Declared, d.route)
		n.RepositoryID = max(n.RepositoryID, d.spec.RepositoryID)
	}
	n.Routes = n.Declared
	if slices.ContainsFunc(n.Declared, (*Route).idle) {
		n.Routes = slices.DeleteFunc(slices.Clone(n.Declared), (*Route).idle)
	}
	return n
}

// idle reports whether the route can match no event.
func (r *Route) idle() bool { return !r.Accepted || r.Suspended }

// granted reports whether the cluster grants the repository, or one that matches the pattern, to the
// namespace on a signature alone.
func (t *Table) granted(key claimKey) bool {
	cluster := t.cluster()
	return cluster != nil && cluster.grant.covers(t, key.namespace, key.slug)
}

// putNamespace returns a copy of r with n replacing the namespace of that name, or without it if n is nil.
func (r *Repository) putNamespace(name string, n *Namespace) *Repository {
	i, found := slices.BinarySearchFunc(r.Namespaces, name, func(n *Namespace, name string) int { return cmp.Compare(n.Name, name) })
	namespaces := make([]*Namespace, 0, len(r.Namespaces)+1)
	namespaces = append(namespaces, r.Namespaces[:i]...)
	if n != nil {
		namespaces = append(namespaces, n)
	}
	if found {
		i++
	}
	return &Repository{Slug: r.Slug, Namespaces: append(namespaces, r.Namespaces[i:]...)}
}

// misspelled warns if all tokens of a repository spell it in another case than the route.
func (c *claim) misspelled(repository string) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(c.tokens)) {
		spelled := c.tokens[name].spelled
		if spelled == "" || spelled == repository {
			return nil
		}
		all = append(all, fmt.Sprintf(
			"the token Secret %q spells the repository %q and the route %q: the proof depends on upper and lower case, so the Secret must spell it as Travis does",
			name, spelled, repository))
	}
	return all
}
