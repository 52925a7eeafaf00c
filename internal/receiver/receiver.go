// Package receiver serves the endpoint that Travis posts webhooks to. It verifies a webhook, matches it
// with routes, stores it and only then answers 202, because Travis never retries.
//
// handler.go has the order of the stages; each stage is a function of its own: in request.go those that need only
// the headers, in payload.go the others, from the payload to the stored event. body.go and form.go read the payload
// within the limits for unproven senders. limits.go has every limit, answer.go every answer.
package receiver

import (
	"context"
	"net/netip"
	"time"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/identity"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/keyvalue"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/verify"
)

// Settings of the receiver.
type Settings struct {
	// PathPrefix is the path that Travis posts to, such as /travis, without a slash at its end.
	PathPrefix string
	// MaxAge of an event that is accepted; 0 is no limit.
	MaxAge time.Duration
	// TrustedProxies may set the client's address with X-Forwarded-For or X-Real-IP.
	TrustedProxies []netip.Prefix
	// Keyless repositories belong to a Travis that signs nothing: the token's proof is enough.
	Keyless verify.Patterns
}

// Store stores accepted events. It is a part of queue.Queue.
type Store interface {
	Accept(ctx context.Context, a queue.Acceptance) (queue.Receipt, error)
}

// Observer is notified of what the receiver does. Its methods must not block.
type Observer interface {
	// Answered is called for every answer with its status code, its reason (one of the Reason
	// constants) and how long it took.
	Answered(code int, reason string, took time.Duration)
	// Noticed reports what the status of a namespace's routes for a repository (in lower case)
	// should show: a reason (one of the Reason and Notice constants) and a sentence.
	Noticed(namespace, repository, reason, message string)
	// Report is called for every webhook that names a repository, whatever the answer. Nothing in
	// the report changes afterwards.
	Report(Report)
}

// Report describes a webhook and its answer.
type Report struct {
	// At is when it arrived: queue.Acceptance.Received, if it was stored.
	At     time.Time
	Code   int
	Reason string // one of the Reason constants
	// Slug is the Travis-Repo-Slug header: unverified text.
	Slug string
	// Proof reports whether the sender presented a proof, right or wrong.
	Proof bool
	// Repository as routes declared it at that moment; nil if none did, or if the webhook was
	// refused before the lookup.
	Repository *routing.Repository
	// Authorized are the namespaces that the webhook's token or signature authorizes for the
	// repository. Recipients are those of them that the repository's id matches.
	Authorized, Recipients []*routing.Namespace
	// Seen are the names of namespaces that have the event already.
	Seen []string
	// Refused says, by the name of a namespace, why the event was not stored for it.
	Refused map[string]string
	// Event is nil unless some namespace is authorized for it and it could be decoded.
	Event *travis.Event
	// Transitions compare the event's build with the one before it, by namespace.
	Transitions map[string]*travis.Transition
}

// Options of NewHandler. All are required.
type Options struct {
	Settings Settings
	// Lookup finds a repository in the current table, in any case of letters.
	Lookup func(slug string) (*routing.Repository, bool)
	// Keys returns the keys that are valid now.
	Keys func() *verify.Keyring
	// Ready is nil when the table is complete, the keys are known and the store can be reached.
	Ready func() error
	Store Store
	// Values keeps the ids of repositories.
	Values keyvalue.Store
	// Identity resolves the id of a repository before its first event is accepted.
	Identity *identity.Resolver
	Observer Observer
	Now      func() time.Time
	Log      logr.Logger
}
