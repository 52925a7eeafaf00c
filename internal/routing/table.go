package routing

import (
	"crypto/sha256"
	"encoding/json"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

// Table is everything that is known at one moment, compiled: what the receiver and the
// dispatcher look up. It never changes; a change makes a new one that shares what is the same.
type Table struct {
	// shards of repositories, accounts, routes: see build.go
}

// Repository looks a slug up, in any case of letters. It does not allocate.
func (t *Table) Repository(slug string) (*Repository, bool) { return nil, false }

// Route looks a route up, as long as it exists and is accepted.
func (t *Table) Route(namespace, name string) (*Route, bool) { return nil, false }

// Account finds who a namespace speaks as by that name: in its own TravisDefaults, then in the
// cluster's where that allows it. The error says what is missing and what to do.
func (t *Table) Account(namespace, name string) (*Account, error) { return nil, nil }

// Repository is everyone who has declared something for one repository.
type Repository struct {
	Slug       string // in lower case
	Namespaces []*Namespace
}

// Namespace is what one namespace has declared for one repository.
type Namespace struct {
	Name string
	// Proofs are hashes of what may prove that the namespace may hear the repository: one for
	// each token. The token and the proof itself are not kept.
	Proofs []ProofHash
	// SignatureOnly is set where the cluster grants the repository on a valid signature alone.
	SignatureOnly bool
	// Routes are the accepted and unsuspended ones.
	Routes []*Route
}

// ProofHash is SHA-256 over the proof as it arrives (64 lowercase hexadecimal characters).
type ProofHash [sha256.Size]byte

// Match returns the targets that want e, none twice.
func (n *Namespace) Match(e *travis.Event) []queue.Target { return nil }

// Route is a TravisRoute, compiled with its defaults.
type Route struct {
	Namespace, Name, UID string
	Repository           string // as written
	Events               EventSet
	Targets              []queue.Target
}

// EventSet is a set of results.
type EventSet uint16

// Account is who the operator speaks as on one service.
type Account struct {
	// Namespace of the TravisDefaults that defines it, and its name there.
	Namespace, Name string
	Service         string
	Config          json.RawMessage   // the account's block
	Credential      notify.Credential // nil if it names no Secret
	// Version changes whenever Config or Credential does: a notifier is made anew then.
	Version string
	// Trusted accounts are the administrator's own (the cluster-wide object's): address rules
	// do not bind them.
	Trusted bool
}
