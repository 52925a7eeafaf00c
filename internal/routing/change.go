package routing

import (
	"slices"

	"github.com/travishook/travishook/api/v1alpha1"
)

// change makes the next table.
type change struct {
	c          *Compiler
	edit       *edit
	last, next *Table
	dirty      map[claimKey]struct{} // claims to recompile
	changes    Changes
}

// update makes one change, publishes the table and reports the effects.
func (c *Compiler) update(do func(*change)) {
	ch := c.publish(do)
	if c.config.Changed != nil && !ch.Empty() {
		c.config.Changed(ch)
	}
}

func (c *Compiler) publish(do func(*change)) Changes {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := c.table.Load()
	ch := &change{c: c, edit: new(edit), last: last, next: clone(last), dirty: map[claimKey]struct{}{}}
	do(ch)
	for key := range ch.dirty {
		ch.compileClaim(key)
	}
	if *ch.next != *last {
		c.table.Store(ch.next)
	}
	return ch.changes
}

func (ch *change) add(d *declared) {
	routes := ch.c.routes[d.key.Namespace]
	if routes == nil {
		routes = map[string]*declared{}
		ch.c.routes[d.key.Namespace] = routes
	}
	routes[d.key.Name] = d
	ch.claim(d.claim).put(d)
	if owner, ok := d.claim.owner(); ok {
		if ch.c.patterns[owner] == nil {
			ch.c.patterns[owner] = map[string]*declared{}
		}
		ch.c.patterns[owner][d.key.Name] = d
	}
	ch.resolve(d)
}

// drop removes d; replaced is true if the same route is added again at once.
func (ch *change) drop(d *declared, replaced bool) {
	routes := ch.c.routes[d.key.Namespace]
	if delete(routes, d.key.Name); len(routes) == 0 {
		delete(ch.c.routes, d.key.Namespace)
	}
	if owner, ok := d.claim.owner(); ok {
		if delete(ch.c.patterns[owner], d.key.Name); len(ch.c.patterns[owner]) == 0 {
			delete(ch.c.patterns, owner)
		}
	}
	ch.claim(d.claim).remove(d.key.Name)
	ch.next.routes = ch.next.routes.remove(ch.edit, d.key.String())
	if !replaced {
		ch.changes.Deleted = append(ch.changes.Deleted, d.key)
	}
}

// resolve compiles d with the objects that it refers to, and records the effects.
func (ch *change) resolve(d *declared) {
	route, verdict := ch.c.resolve(ch.next, d)
	if d.route == nil || !d.route.equal(route) {
		before, _ := ch.last.routes.get([]byte(d.key.String()))
		if before == nil || !slices.Equal(before.Targets, route.Targets) {
			ch.changes.Targets = append(ch.changes.Targets, d.key)
		}
		d.route = route
		ch.next.routes = ch.next.routes.set(ch.edit, d.key.String(), route)
		ch.dirty[d.claim] = struct{}{}
	}
	if !same(d.verdict, verdict) {
		d.verdict = verdict
		ch.changes.Routes = append(ch.changes.Routes, d.key)
	}
}

// claim returns the claim of that key and marks it to be recompiled.
func (ch *change) claim(key claimKey) *claim {
	ch.dirty[key] = struct{}{}
	found := ch.c.claims[key]
	if found == nil {
		found = &claim{}
		ch.c.claims[key] = found
	}
	return found
}

func (ch *change) compileClaim(key claimKey) {
	found := ch.c.claims[key]
	if found.empty() {
		delete(ch.c.claims, key)
	}
	if key.slug == "" { // of a route whose repository is invalid
		return
	}
	var n *Namespace
	if !found.empty() {
		n = found.compile(ch.next, key)
	}
	if owner, ok := key.owner(); ok {
		ch.next.owners = ch.next.owners.put(ch.edit, owner.slug, key, n)
		return
	}
	repository, ok := ch.next.repositories.get([]byte(key.slug))
	if !ok {
		repository = &Repository{Slug: key.slug}
	}
	if repository = repository.putNamespace(key.namespace, n); len(repository.Namespaces) == 0 {
		ch.next.repositories = ch.next.repositories.remove(ch.edit, key.slug)
		return
	}
	ch.next.repositories = ch.next.repositories.set(ch.edit, key.slug, repository)
}

// recompileDefaults recompiles a namespace's defaults and the routes that depend on the difference.
func (ch *change) recompileDefaults(namespace string) {
	old, _ := ch.next.defaults.get([]byte(namespace))
	var compiled *defaults
	if d := ch.c.defaults[namespace]; d != nil {
		compiled = ch.c.compileDefaults(namespace, d)
		ch.next.defaults = ch.next.defaults.set(ch.edit, namespace, compiled)
	} else {
		ch.next.defaults = ch.next.defaults.remove(ch.edit, namespace)
	}
	diff := compare(old, compiled)
	for name := range diff.accounts {
		ch.changes.Accounts = append(ch.changes.Accounts, named(namespace, name))
	}
	if namespace != ch.c.config.OperatorNamespace {
		ch.completeDefaultsVerdict(namespace)
		ch.reconsider(diff, ch.c.routes[namespace])
		return
	}
	for other := range ch.c.defaults {
		ch.completeDefaultsVerdict(other)
	}
	ch.completeDefaultsVerdict(namespace)
	for _, routes := range ch.c.routes {
		ch.reconsider(diff, routes)
	}
}

// reconsiderNamespace resolves the routes of a namespace whose labels have changed.
func (ch *change) reconsiderNamespace(namespace string) {
	cluster := ch.next.cluster()
	if cluster == nil || namespace == cluster.namespace {
		return
	}
	diff := difference{grant: true, accounts: map[string]struct{}{}}
	for name, a := range cluster.accounts {
		if a.allowed.chooses(ch.last, namespace) != a.allowed.chooses(ch.next, namespace) {
			diff.accounts[name] = struct{}{}
			ch.changes.Accounts = append(ch.changes.Accounts, named(cluster.namespace, name))
		}
	}
	ch.completeDefaultsVerdict(namespace)
	ch.reconsider(diff, ch.c.routes[namespace])
}

// reconsider resolves the given routes that depend on the difference.
func (ch *change) reconsider(diff difference, routes map[string]*declared) {
	for _, d := range routes {
		regranted := diff.grant && ch.last.granted(d.claim) != ch.next.granted(d.claim)
		if regranted || diff.transitions {
			ch.dirty[d.claim] = struct{}{}
		}
		if regranted || diff.touches(d) {
			ch.resolve(d)
		}
	}
}

// completeDefaultsVerdict completes the verdict of defaults with the objects that they refer to.
func (ch *change) completeDefaultsVerdict(namespace string) {
	before, had := ch.c.verdicts[namespace]
	compiled, ok := ch.next.defaults.get([]byte(namespace))
	if !ok {
		delete(ch.c.verdicts, namespace)
		return
	}
	v := compiled.verdict
	if compiled.account != "" && compiled.accounts[compiled.account] == nil {
		if _, p := ch.next.account(namespace, compiled.account); p != nil {
			v.Unresolved = append(slices.Clip(v.Unresolved), *problem(p.Reason, "account: %s", p.Message))
		}
	}
	ch.c.verdicts[namespace] = v
	if !had || !same(before, v) {
		ch.changes.Defaults = append(ch.changes.Defaults, named(namespace, v1alpha1.DefaultsName))
	}
}
