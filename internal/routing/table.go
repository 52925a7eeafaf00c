// Package routing compiles TravisRoutes, TravisDefaults and Secrets into an immutable routing table: which
// namespaces are authorized for which repositories, and which channels get which events.
//
// The Compiler is given the objects, one at a time and in any order, and publishes a new Table
// after each change. The package does no I/O.
//
// compiler.go has the entry for each kind of object, and change.go what one object's change recompiles. route.go,
// defaults.go, account.go, token.go and people.go compile a part each. table.go has the result: its lookups, and which
// routes an event matches; explain.go says why it does not match the others.
package routing

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/filter"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/routing/glob"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/verify"
)

// Table is an immutable snapshot of everything compiled, for the receiver and the dispatcher. A change
// makes a new one that shares the unchanged parts.
type Table struct {
	operatorNamespace string
	repositories      cowMap[*Repository] // by slug in lower case
	owners            owners
	routes            cowMap[*Route]     // by namespace/name
	defaults          cowMap[*defaults]  // by namespace
	namespaces        cowMap[labels.Set] // by name
	checked           int                // grows with each result that is added to the snapshot
}

// Repository looks up a slug, ignoring case. It does not allocate, unless a declared pattern matches the
// slug.
func (t *Table) Repository(slug string) (*Repository, bool) {
	var buf [travis.MaxSlug]byte
	key, ok := lower(buf[:], slug)
	if !ok {
		return nil, false
	}
	exact, _ := t.repositories.get(key)
	if i := bytes.IndexByte(key, '/'); i > 0 {
		if patterns, ok := t.owners.get(key[:i]); ok && travis.IsSlug(slug) {
			exact = t.merged(exact, key, patterns)
		}
	}
	return exact, exact != nil
}

// Route looks up an existing route, even a suspended or invalid one: events that were accepted before are
// still sent.
func (t *Table) Route(namespace, name string) (*Route, bool) {
	var buf [2 * 256]byte
	return t.routes.get(joined(buf[:0], namespace, name))
}

// lower writes s in lower case to buf. It returns false if s is too long for a slug or not ASCII.
func lower(buf []byte, s string) ([]byte, bool) {
	if len(s) > len(buf) {
		return nil, false
	}
	for i := range len(s) {
		c := s[i]
		if c >= 0x80 {
			return nil, false
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf[i] = c
	}
	return buf[:len(s)], true
}

// joined appends the key of an object to buf.
func joined(buf []byte, namespace, name string) []byte {
	buf = append(buf, namespace...)
	buf = append(buf, '/')
	return append(buf, name...)
}

// Repository is what all namespaces declare for one repository.
type Repository struct {
	Slug       string       // in lower case
	Namespaces []*Namespace // by name
}

// Namespace is what one namespace declares for one repository.
type Namespace struct {
	Name string
	// Proofs are the hashes of the proofs that authorize the namespace for the repository: one for
	// each token. The token and the proof itself are not kept.
	Proofs []verify.Hash
	// SignatureOnly is set if the cluster grants the repository on a valid signature alone.
	SignatureOnly bool
	// Computed is set if the operator decides whether a build broke or was fixed, and not Travis.
	Computed bool
	// RepositoryID is Travis' id of the repository that the namespace's routes pin, zero if none does. If
	// they disagree, it is the highest: the repository created last.
	RepositoryID int64
	// Routes are the accepted and unsuspended ones, by name.
	Routes []*Route
	// Declared are all routes, by name.
	Declared []*Route
}

// Match returns the targets of the routes that match e, without duplicates.
func (n *Namespace) Match(e *travis.Event) []queue.Target {
	var targets []queue.Target
	x := evaluate(e, (*Route).filterFailed)
	for _, r := range n.Routes {
		if x.mismatch(r) == matched {
			targets = append(targets, r.Targets...)
		}
	}
	return targets
}

// Rule is a part of a route's spec that an event does not match.
type Rule string

// The rules, in the order in which they are checked.
const (
	matched        Rule = ""
	RuleAccepted   Rule = "accepted"
	RuleSuspend    Rule = "suspend"
	RuleRepository Rule = "repositoryID"
	RuleEvents     Rule = "events"
	RuleBuildTypes Rule = "buildTypes"
	RuleBranches   Rule = "branches"
	RuleFilter     Rule = "filter"
)

// evaluation matches one event against the routes of one namespace.
type evaluation struct {
	event   *travis.Event
	filters *filter.Evaluation
	// failed is called if a filter fails on the event.
	failed func(*Route, error)
}

func evaluate(e *travis.Event, failed func(*Route, error)) evaluation {
	return evaluation{e, filter.On(e), failed}
}

// mismatch returns the first rule of r that the event does not match, or matched.
func (x evaluation) mismatch(r *Route) Rule {
	e := x.event
	switch {
	case !r.Accepted:
		return RuleAccepted
	case r.Suspended:
		return RuleSuspend
	case r.spec.RepositoryID != 0 && r.spec.RepositoryID != e.Repository.ID:
		return RuleRepository
	case !r.Events.Has(e.Build.Result):
		return RuleEvents
	case len(r.spec.BuildTypes) > 0 && !slices.Contains(r.spec.BuildTypes, v1alpha1.BuildType(e.Build.Type)):
		return RuleBuildTypes
	case r.spec.Branches != nil && !includes(r.spec.Branches, e.Build.Branch):
		return RuleBranches
	case r.filter != nil && !x.passes(r):
		return RuleFilter
	}
	return matched
}

// passes reports whether r's filter is true of the event. A filter that fails matches: a message too many
// is better than a missing one.
func (x evaluation) passes(r *Route) bool {
	pass, err := x.filters.Matches(r.filter)
	if err != nil {
		x.failed(r, fmt.Errorf("filter on build %s: %w", x.event.Build.Number, err))
		return true
	}
	return pass
}

func includes(b *v1alpha1.Branches, branch string) bool {
	return (len(b.Include) == 0 || matchesAny(b.Include, branch)) && !matchesAny(b.Exclude, branch)
}

// matchesAny reports whether s matches one of the patterns.
func matchesAny[G ~string](patterns []G, s string) bool {
	return slices.ContainsFunc(patterns, func(p G) bool { return glob.Match(string(p), s) })
}

// Updates is what a later state of a build does to the build's earlier message.
type Updates = v1alpha1.Updates

// The ways to update a message.
const (
	Separate = v1alpha1.UpdatesSeparate
	Edit     = v1alpha1.UpdatesEdit
	Thread   = v1alpha1.UpdatesThread
)

// Mention is whom messages mention.
type Mention = v1alpha1.Mention

// Whom to mention.
const (
	MentionNone                  = v1alpha1.MentionNone
	MentionAuthorAndPullRequests = v1alpha1.MentionAuthorAndPullRequests
)

// Route is a TravisRoute, compiled with its defaults.
type Route struct {
	Namespace, Name, UID string
	Repository           string // as written: owner/name, or a pattern of it
	// Accepted is false if the spec is invalid: no event is matched to it.
	Accepted  bool
	Suspended bool
	Events    EventSet
	// Message is the route's own template or that of the defaults, as written and not yet
	// compiled; nil for the built-in line.
	Message *v1alpha1.MessageTemplate
	// Updates is what a later state of a build does to the build's message.
	Updates Updates
	// Silent are the events whose messages notify nobody.
	Silent EventSet
	// Mention is whom messages mention.
	Mention Mention
	// Targets are the channels, without duplicates. A channel whose account is missing is included, so
	// that events wait for it.
	Targets []queue.Target

	spec   *v1alpha1.TravisRouteSpec
	filter *filter.Filter // nil if it has none
	failed func(route types.NamespacedName, err error)
}

// SampleRepository is the repository that a test message names: the route's, or a made-up one that matches
// its pattern.
func (r *Route) SampleRepository() string {
	return strings.NewReplacer("**", "example", "*", "example", "?", "x").Replace(r.Repository)
}

func (r *Route) filterFailed(err error) {
	if r.failed != nil {
		r.failed(types.NamespacedName{Namespace: r.Namespace, Name: r.Name}, err)
	}
}
