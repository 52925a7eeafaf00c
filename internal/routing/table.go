// Package routing compiles the cluster's objects into the table that says who hears of which
// build: in which rooms, as which account, and by whose leave.
//
// The Compiler is given the objects, one at a time and in any order, and publishes a new Table
// after each change. Nothing in here talks to anybody.
package routing

import (
	"crypto/sha256"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/filter"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

// Table is everything that is known at one moment, compiled: what the receiver and the
// dispatcher look up. It never changes; a change makes a new one that shares what is the same.
type Table struct {
	operatorNamespace string
	repositories      cowMap[*Repository] // by slug in lower case
	routes            cowMap[*Route]      // by namespace/name
	defaults          cowMap[*defaults]   // by namespace
	namespaces        cowMap[labels.Set]  // by name
}

// Repository looks a slug up, in any case of letters. It does not allocate.
func (t *Table) Repository(slug string) (*Repository, bool) {
	var buf [travis.MaxSlug]byte
	key, ok := lower(buf[:], slug)
	if !ok {
		return nil, false
	}
	return t.repositories.get(key)
}

// Route looks a route up, as long as it exists: a suspended or unaccepted one still tells how
// to send what was accepted for it before.
func (t *Table) Route(namespace, name string) (*Route, bool) {
	var buf [2 * 256]byte
	return t.routes.get(joined(buf[:0], namespace, name))
}

// lower writes s in lower case to buf. It reports false where s is too long or not ASCII, as no
// slug is.
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

// Repository is everyone who has declared something for one repository.
type Repository struct {
	Slug       string       // in lower case
	Namespaces []*Namespace // by name
}

// Namespace is what one namespace has declared for one repository.
type Namespace struct {
	Name string
	// Proofs are hashes of what may prove that the namespace may hear the repository: one for
	// each token. The token and the proof itself are not kept.
	Proofs []ProofHash
	// SignatureOnly is set where the cluster grants the repository on a valid signature alone.
	SignatureOnly bool
	// RepositoryID is Travis' number for the repository as the namespace's routes pin it, zero
	// where none does. Where they disagree it is the highest: the repository made last.
	RepositoryID int64
	// Routes are the accepted and unsuspended ones, by name.
	Routes []*Route
	// Declared are all of them, by name.
	Declared []*Route
}

// ProofHash is SHA-256 over the proof as it arrives (64 lowercase hexadecimal characters).
type ProofHash [sha256.Size]byte

// Match returns the targets of the routes that match e, none twice.
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

// Route is a TravisRoute, compiled with its defaults.
type Route struct {
	Namespace, Name, UID string
	Repository           string // as written
	// Accepted is false where the spec does not make sense: no event is matched to it.
	Accepted  bool
	Suspended bool
	Events    EventSet
	// Message is the route's own template or that of the defaults, as written and not yet
	// compiled; nil for the built-in line.
	Message *v1alpha1.MessageTemplate
	// Targets are the rooms, none twice. One whose account is missing is there all the same,
	// so that events wait for it.
	Targets []queue.Target

	spec   *v1alpha1.TravisRouteSpec
	filter *filter.Filter // nil if it has none
	failed func(route types.NamespacedName, err error)
}

func (r *Route) filterFailed(err error) {
	if r.failed != nil {
		r.failed(types.NamespacedName{Namespace: r.Namespace, Name: r.Name}, err)
	}
}
