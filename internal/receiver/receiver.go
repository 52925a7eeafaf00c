// Package receiver is where Travis' webhooks arrive: it verifies them, looks up who wants them,
// stores them and only then answers 202, because Travis never tries twice.
//
// handler.go has the order of the stages, each stage is a function of its own below, limits.go has
// every bound, answer.go every answer.
package receiver

import (
	"context"
	"net/netip"
	"time"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/identity"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/verify"
)

// Settings are what the operator's settings say about the receiver.
type Settings struct {
	// PathPrefix is the path that Travis posts to, such as /travis, without a slash at its end.
	PathPrefix string
	// MaxAge of an event; an older one is not news.
	MaxAge time.Duration
	// TrustedProxies may tell the client's address in X-Forwarded-For or X-Real-IP.
	TrustedProxies []netip.Prefix
	// Keyless repositories are of a Travis that signs nothing: the token's proof is enough.
	Keyless verify.Patterns
}

// Store keeps what was accepted. It is a part of queue.Queue.
type Store interface {
	Accept(ctx context.Context, a queue.Acceptance) (queue.Receipt, error)
}

// Identity resolves the id of a repository that is meant by a name, at first sight.
type Identity interface {
	Resolve(ctx context.Context, key string, e *travis.Event) (identity.Record, error)
}

// Observer is told what happens. Its methods must not block.
type Observer interface {
	// Answered is told of every answer: its status code, its reason (one of the Reason constants)
	// and how long it took.
	Answered(code int, reason string, took time.Duration)
	// Noticed is told what people of a namespace should see on the status of their routes for
	// the repository (in lower case): a reason (one of the Reason constants) and a sentence that
	// says what to do. Strangers can bring about ReasonRedirected as often as they like.
	Noticed(namespace, repository, reason, message string)
	// Judged is told of every webhook that names a repository, whatever it was answered. What it is
	// given never changes.
	Report(Report)
}

// Report is what a webhook came to, with what was found out about it on the way.
type Report struct {
	// At is when it came: queue.Acceptance.Received, if it was stored.
	At     time.Time
	Code   int
	Reason string // one of the Reason constants
	// Slug is as the header spells it: any text, by anybody.
	Slug string
	// Proof tells whether the sender presented a proof, be it right or wrong.
	Proof bool
	// Repository as it was declared at that moment; nil if nobody did, or if the webhook was
	// refused before that was asked.
	Repository *routing.Repository
	// Authorized are the namespaces to which it was proven that they may hear it, and Recipients those of
	// them that know the repository by its id.
	Authorized, Recipients []*routing.Namespace
	// Seen are the namespaces, by name, that have had this very event.
	Seen []string
	// Event is nil until it is proven to somebody and makes sense.
	Event *travis.Event
}

// Options of NewHandler. All are needed.
type Options struct {
	Settings Settings
	// Lookup finds a repository in the current table, in any case of letters.
	Lookup func(slug string) (*routing.Repository, bool)
	// Keys are those that are valid now.
	Keys func() *verify.Keyring
	// Ready is nil when the table is complete, the keys are known and the store can be reached.
	Ready    func() error
	Store    Store
	Memory   identity.Memory
	Identity Identity
	Observer Observer
	Now      func() time.Time
	Log      logr.Logger
}
