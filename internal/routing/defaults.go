package routing

import (
	"fmt"
	"slices"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/routing/glob"
	"github.com/travishook/travishook/internal/suggest"
)

// defaults is a TravisDefaults, compiled. It never changes.
type defaults struct {
	namespace string
	events    EventSet // 0 if it lists none
	message   *v1alpha1.MessageTemplate
	account   string // the default account; empty if there is none
	// transitions is empty if it sets none.
	transitions v1alpha1.Transitions
	accounts    map[string]*Account
	grant       *grant // nil for none
	people      people
	hasPeople   bool // or names a ConfigMap of them
	verdict     DefaultsVerdict
}

// grant is a compiled signatureOnly.
type grant struct {
	namespaces   *selection
	repositories []v1alpha1.RepositoryGlob // in lower case
}

// covers reports whether the grant gives namespace the repository slug, or, if slug is a pattern, a
// repository that matches it. slug is in lower case.
func (g *grant) covers(t *Table, namespace, slug string) bool {
	if g == nil {
		return false
	}
	overlaps := func(r v1alpha1.RepositoryGlob) bool { return glob.Overlap(string(r), slug) }
	if !slices.ContainsFunc(g.repositories, overlaps) {
		return false
	}
	return namespace == t.operatorNamespace || g.namespaces.chooses(t, namespace)
}

// compileDefaults compiles spec with the known Secrets.
func (c *Compiler) compileDefaults(namespace string, d *v1alpha1.TravisDefaults) *defaults {
	out := &defaults{
		namespace: namespace,
		message:   d.Spec.Message,
		account:   d.Spec.Account,

		transitions: d.Spec.Transitions,
		accounts:    make(map[string]*Account, len(d.Spec.Accounts)),
		verdict:     DefaultsVerdict{Generation: d.Generation},
	}
	v := &out.verdict
	var err error
	if out.events, err = ParseEvents(d.Spec.Events); err != nil {
		v.Invalid = append(v.Invalid, Problem{v1alpha1.ReasonInvalid, "events: " + err.Error()})
	} else if trap := out.events.trap(); trap != "" {
		v.Warnings = append(v.Warnings, trap)
	}
	if fault, known := c.checks.result(d.Spec.Message); fault != "" {
		v.Faults = append(v.Faults, messageInvalid(fault))
	} else {
		v.Pending = !known
	}
	if out.account == "" && len(d.Spec.Accounts) == 1 {
		out.account = d.Spec.Accounts[0].Name
	}
	c.compileAccounts(out, d.Spec.Accounts)
	c.compileGrant(out, d.Spec.SignatureOnly)
	c.compilePeople(out, &d.Spec)
	return out
}

func (c *Compiler) compileAccounts(out *defaults, specs []v1alpha1.Account) {
	v := &out.verdict
	for i := range specs {
		a := c.compileAccount(out.namespace, &specs[i])
		out.accounts[a.Name] = a
		v.Accounts = append(v.Accounts, AccountVerdict{a.Name, a.Service, a.problem})
		if a.problem != nil {
			v.Unresolved = append(v.Unresolved, *a.problem)
		}
		if _, held := c.secrets[named(out.namespace, a.secret)]; a.secret != "" && !held && !slices.Contains(v.MissingSecrets, a.secret) {
			v.MissingSecrets = append(v.MissingSecrets, a.secret)
		}
		if specs[i].AllowedNamespaces != nil && out.namespace != c.config.OperatorNamespace {
			v.Warnings = append(v.Warnings, fmt.Sprintf(
				"allowedNamespaces of account %q has no effect: only the accounts of namespace %q are shared with other namespaces",
				a.Name, c.config.OperatorNamespace))
		}
	}
}

func (c *Compiler) compileGrant(out *defaults, spec *v1alpha1.SignatureOnly) {
	if spec == nil {
		return
	}
	invalid := func(format string, args ...any) {
		out.verdict.Invalid = append(out.verdict.Invalid, *problem(v1alpha1.ReasonInvalid, "signatureOnly: "+format, args...))
	}
	if out.namespace != c.config.OperatorNamespace {
		invalid("only the TravisDefaults of namespace %q can grant it: remove it here", c.config.OperatorNamespace)
		return
	}
	namespaces, p := selectionOf(&spec.Namespaces)
	if p != nil {
		invalid("namespaces: %s", p.Message)
		return
	}
	out.grant = &grant{namespaces: namespaces}
	for _, r := range spec.Repositories {
		out.grant.repositories = append(out.grant.repositories, v1alpha1.RepositoryGlob(toLower(string(r))))
	}
}

// levels returns the defaults that apply to a namespace: its own before the cluster's. The operator's own
// namespace has only one level.
func (t *Table) levels(namespace string) []*defaults {
	levels := make([]*defaults, 0, 2)
	if own, ok := t.defaults.get([]byte(namespace)); ok {
		levels = append(levels, own)
	}
	if cluster := t.cluster(); cluster != nil && namespace != t.operatorNamespace {
		levels = append(levels, cluster)
	}
	return levels
}

// cluster returns the cluster-wide defaults, nil if there are none.
func (t *Table) cluster() *defaults {
	cluster, _ := t.defaults.get([]byte(t.operatorNamespace))
	return cluster
}

// effectiveEvents returns the events of a route that lists none.
func (t *Table) effectiveEvents(namespace string) EventSet {
	for _, level := range t.levels(namespace) {
		if level.events != 0 {
			return level.events
		}
	}
	return builtInEvents
}

// effectiveMessage returns the template of a route without one, nil for the built-in line.
func (t *Table) effectiveMessage(namespace string) *v1alpha1.MessageTemplate {
	for _, level := range t.levels(namespace) {
		if level.message != nil && level.message.Text != "" {
			return level.message
		}
	}
	return nil
}

// effectiveUpdates returns the updates of a route with a message, which may be nil.
func (t *Table) effectiveUpdates(namespace string, own *v1alpha1.MessageTemplate) v1alpha1.Updates {
	if own != nil && own.Updates != "" {
		return own.Updates
	}
	for _, level := range t.levels(namespace) {
		if level.message != nil && level.message.Updates != "" {
			return level.message.Updates
		}
	}
	return v1alpha1.UpdatesSeparate
}

// computed reports whether the operator decides whether a build broke or was fixed.
func (t *Table) computed(namespace string) bool {
	for _, level := range t.levels(namespace) {
		if level.transitions != "" {
			return level.transitions == v1alpha1.TransitionsComputed
		}
	}
	return true
}

// effectiveAccount returns the account of channels that name none, empty if there is none.
func (t *Table) effectiveAccount(namespace string) string {
	for _, level := range t.levels(namespace) {
		if level.account != "" {
			return level.account
		}
	}
	return ""
}

// Account finds an account by its name for a namespace: in its own TravisDefaults, then in the cluster's,
// if the account allows the namespace. The empty name is the default account. The error is a *Problem,
// which says what is missing and what to do.
func (t *Table) Account(namespace, name string) (*Account, error) {
	a, p := t.account(namespace, name)
	if p != nil {
		return nil, p
	}
	return a, nil
}

func (t *Table) account(namespace, name string) (*Account, *Problem) {
	if name == "" {
		if name = t.effectiveAccount(namespace); name == "" {
			return nil, problem(v1alpha1.ReasonAccountNotFound,
				"there is no default account: name one in the channel, or set account in the TravisDefaults of namespace %q or %q",
				namespace, t.operatorNamespace)
		}
	}
	for _, level := range t.levels(namespace) {
		a := level.accounts[name]
		if a == nil {
			continue
		}
		if a.Namespace != namespace && !a.allowed.chooses(t, namespace) {
			return nil, problem(v1alpha1.ReasonAccountNotAllowed,
				"account %q of namespace %q is not shared with namespace %q: its allowedNamespaces must select it, or the namespace's own TravisDefaults must define an account",
				name, a.Namespace, namespace)
		}
		return a, a.problem
	}
	return nil, problem(v1alpha1.ReasonAccountNotFound,
		"there is no account %q%s: define it under accounts in the TravisDefaults of namespace %q or %q",
		name, t.otherAccounts(namespace, name), namespace, t.operatorNamespace)
}

// otherAccounts names the accounts that the namespace may use, in parentheses.
func (t *Table) otherAccounts(namespace, name string) string {
	var known []string
	for _, level := range t.levels(namespace) {
		for other, a := range level.accounts {
			if (a.Namespace == namespace || a.allowed.chooses(t, namespace)) && !slices.Contains(known, other) {
				known = append(known, other)
			}
		}
	}
	if len(known) == 0 {
		return ""
	}
	return " (" + suggest.Sorted(name, known, "%q") + ")"
}
