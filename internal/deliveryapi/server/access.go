package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/apimachinery/pkg/util/cache"

	"github.com/travishook/travishook/internal/deliveryapi"
)

// Verbs on a TravisRoute that the API asks for.
const (
	verbRead   = "get"    // shows deliveries, and why there are none
	verbChange = "update" // redrives and tests
)

// Cluster is the API server, asked about people.
type Cluster interface {
	// Who says whose token it is. The error is ErrNobody if it is nobody's.
	Who(ctx context.Context, token string) (authenticationv1.UserInfo, error)
	// May says whether user may do verb to the TravisRoute of that name. An empty route asks for
	// all of the namespace, an empty namespace for all.
	May(ctx context.Context, user authenticationv1.UserInfo, verb, namespace, route string) (bool, error)
}

// ErrNobody is what Who says of a token that is not valid.
var ErrNobody = errors.New("the token is not valid")

// access answers from memory what was asked a moment ago. Whatever goes wrong, nobody gets in.
type access struct {
	cluster    Cluster
	identities *cache.LRUExpireCache // by the token's hash
	rights     *cache.LRUExpireCache // by right
}

func newAccess(cluster Cluster, clock cache.Clock) *access {
	return &access{
		cluster:    cluster,
		identities: cache.NewLRUExpireCacheWithClock(maxIdentities, clock),
		rights:     cache.NewLRUExpireCacheWithClock(maxRights, clock),
	}
}

// caller is who sent a request, while it is answered.
type caller struct {
	access  *access
	ctx     context.Context //nolint:containedctx // of the one request that the caller lives for
	token   [sha256.Size]byte
	user    authenticationv1.UserInfo
	reviews int   // questions to the API server so far
	failed  error // the first one that got no answer
}

type right struct {
	token                  [sha256.Size]byte
	verb, namespace, route string
}

// identity is what is remembered of a token.
type identity struct {
	user  authenticationv1.UserInfo
	valid bool
}

// identify finds out who sent r.
func (a *access) identify(r *http.Request) (*caller, *refusal) {
	token, ok := bearer(r)
	if !ok {
		return nil, refuse(http.StatusUnauthorized, "give a Kubernetes token: Authorization: Bearer …, or %s where a proxy keeps that for itself", deliveryapi.TokenHeader)
	}
	c := &caller{access: a, ctx: r.Context(), token: sha256.Sum256([]byte(token))}
	known, err := a.whose(c, token)
	switch {
	case err != nil:
		return nil, refuse(http.StatusServiceUnavailable, "the API server cannot be asked who you are; try again").because(err)
	case !known.valid:
		return nil, refuse(http.StatusUnauthorized, "the API server does not take the token: it is not valid, or no longer")
	}
	c.user = known.user
	return c, nil
}

func (a *access) whose(c *caller, token string) (identity, error) {
	if known, ok := a.identities.Get(c.token); ok {
		return known.(identity), nil
	}
	ctx, cancel := context.WithTimeout(c.ctx, reviewTimeout)
	defer cancel()
	user, err := a.cluster.Who(ctx, token)
	if err != nil && !errors.Is(err, ErrNobody) {
		return identity{}, err
	}
	found := identity{user, err == nil}
	a.identities.Add(c.token, found, identityFor)
	return found, nil
}

// bearer is the token that r carries. The proxy's header goes first: where both are there, the
// other one is of whoever passed the request on.
func bearer(r *http.Request) (string, bool) {
	for _, name := range []string{deliveryapi.TokenHeader, "Authorization"} {
		scheme, token, ok := strings.Cut(r.Header.Get(name), " ")
		if ok && strings.EqualFold(scheme, "Bearer") && token != "" && len(token) <= maxToken {
			return token, true
		}
	}
	return "", false
}

// may reports whether the caller may do verb to a route or, where that is empty, to all of the
// namespace; all namespaces, where that is empty, too. Who may more may less. When the API server
// gives no answer, it says no, and refusal tells of that.
func (c *caller) may(verb, namespace, route string) bool {
	return c.has(right{c.token, verb, "", ""}) ||
		namespace != "" && c.has(right{c.token, verb, namespace, ""}) ||
		route != "" && c.has(right{c.token, verb, namespace, route})
}

func (c *caller) has(r right) bool {
	if known, ok := c.access.rights.Get(r); ok {
		return known.(bool)
	}
	if c.failed != nil {
		return false
	}
	if c.reviews++; c.reviews > maxReviews {
		c.failed = errTooMany
		return false
	}
	ctx, cancel := context.WithTimeout(c.ctx, reviewTimeout)
	defer cancel()
	allowed, err := c.access.cluster.May(ctx, c.user, r.verb, r.namespace, r.route)
	if err != nil {
		c.failed = fmt.Errorf("ask for rights: %w", err)
		return false
	}
	c.access.rights.Add(r, allowed, rightFor)
	return allowed
}

var errTooMany = errors.New("too many questions to the API server")

// refusal is why what may said cannot be relied on, or nil.
func (c *caller) refusal() *refusal {
	switch {
	case c.failed == nil:
		return nil
	case errors.Is(c.failed, errTooMany):
		return refuse(http.StatusBadRequest, "to find out what you may see takes too many questions to the API server: name a namespace, or a route")
	}
	return refuse(http.StatusServiceUnavailable, "the API server cannot be asked what you may do; try again").because(c.failed)
}
