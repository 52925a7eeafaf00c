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

// Verbs on TravisRoutes that the API checks.
const (
	verbRead   = "get"    // lists deliveries and explains them
	verbChange = "update" // redrives and tests
)

// Cluster is the API server.
type Cluster interface {
	// Authenticate returns the user of a token, or ErrUnauthenticated.
	Authenticate(ctx context.Context, token string) (authenticationv1.UserInfo, error)
	// Authorize reports whether user may do verb to the TravisRoute. An empty route stands for all of
	// the namespace, an empty namespace for all namespaces.
	Authorize(ctx context.Context, user authenticationv1.UserInfo, verb, namespace, route string) (bool, error)
}

// ErrUnauthenticated is returned for a token that is not valid.
var ErrUnauthenticated = errors.New("the token is not valid")

// access caches the API server's answers. On any error access is denied.
type access struct {
	cluster   Cluster
	users     *cache.LRUExpireCache // by the token's hash
	invalid   *cache.LRUExpireCache // hashes of invalid tokens, apart so that they displace no users
	rights    *cache.LRUExpireCache // by right
	strangers chan struct{}         // slots for tokens that are not known yet
}

func newAccess(cluster Cluster, clock cache.Clock) *access {
	return &access{
		cluster:   cluster,
		users:     cache.NewLRUExpireCacheWithClock(maxUsers, clock),
		invalid:   cache.NewLRUExpireCacheWithClock(maxInvalid, clock),
		rights:    cache.NewLRUExpireCacheWithClock(maxRights, clock),
		strangers: make(chan struct{}, maxAuthenticating),
	}
}

// caller is the sender of a request, for as long as it is handled.
type caller struct {
	access  *access
	ctx     context.Context //nolint:containedctx // the caller lives for one request
	token   [sha256.Size]byte
	user    authenticationv1.UserInfo
	reviews int   // requests to the API server so far
	failed  error // the first of them that failed
}

type right struct {
	token                  [sha256.Size]byte
	verb, namespace, route string
}

// authenticate returns the sender of r.
func (a *access) authenticate(r *http.Request) (*caller, *failure) {
	token, failed := bearer(r)
	if failed != nil {
		return nil, failed
	}
	c := &caller{access: a, ctx: r.Context(), token: sha256.Sum256([]byte(token))}
	if user, ok := a.users.Get(c.token); ok {
		c.user = user.(authenticationv1.UserInfo)
		return c, nil
	}
	if _, ok := a.invalid.Get(c.token); ok {
		return nil, unauthenticated()
	}
	select {
	case a.strangers <- struct{}{}:
		defer func() { <-a.strangers }()
	default:
		return nil, fail(http.StatusTooManyRequests, "too many new callers at once; try again")
	}
	ctx, cancel := context.WithTimeout(c.ctx, reviewTimeout)
	defer cancel()
	user, err := a.cluster.Authenticate(ctx, token)
	switch {
	case errors.Is(err, ErrUnauthenticated):
		a.invalid.Add(c.token, true, userFor)
		return nil, unauthenticated()
	case err != nil:
		return nil, fail(http.StatusServiceUnavailable, "the API server cannot be asked who you are; try again").because(err)
	}
	a.users.Add(c.token, user, userFor)
	c.user = user
	return c, nil
}

func unauthenticated() *failure {
	return fail(http.StatusUnauthorized, "the API server rejects the token: it is invalid or has expired")
}

// bearer returns the token of r. A header that is present must be valid: another one is not used in its
// place.
func bearer(r *http.Request) (string, *failure) {
	for _, name := range []string{deliveryapi.TokenHeader, "Authorization"} {
		values := r.Header.Values(name)
		if len(values) == 0 {
			continue
		}
		scheme, token, ok := strings.Cut(values[0], " ")
		if len(values) > 1 || !ok || !strings.EqualFold(scheme, "Bearer") || token == "" || len(token) > maxToken || strings.ContainsAny(token, " \t") {
			return "", fail(http.StatusUnauthorized, "the header %s is malformed: it must be Bearer and a token", name)
		}
		return token, nil
	}
	return "", fail(http.StatusUnauthorized, "a Kubernetes token is required, as Authorization: Bearer …, or in %s behind a proxy that keeps that header", deliveryapi.TokenHeader)
}

// may reports whether the caller may do verb to a route, or to all routes of the namespace if route is
// empty, or to all routes if both are. A wider right includes a narrower one. If the API server does not
// answer it returns false, and failure has the reason.
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
		c.failed = errTooManyReviews
		return false
	}
	ctx, cancel := context.WithTimeout(c.ctx, reviewTimeout)
	defer cancel()
	allowed, err := c.access.cluster.Authorize(ctx, c.user, r.verb, r.namespace, r.route)
	if err != nil {
		c.failed = fmt.Errorf("check rights: %w", err)
		return false
	}
	c.access.rights.Add(r, allowed, rightFor)
	return allowed
}

var errTooManyReviews = errors.New("too many access reviews")

// failure returns why the results of may are incomplete, or nil.
func (c *caller) failure() *failure {
	switch {
	case c.failed == nil:
		return nil
	case errors.Is(c.failed, errTooManyReviews):
		return fail(http.StatusBadRequest, "too many access reviews are needed to find out what you may read: name a namespace or a route")
	}
	return fail(http.StatusServiceUnavailable, "the API server cannot be asked what you may do; try again").because(c.failed)
}
