package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
)

// The bounds of asking Travis' API.
const (
	askTimeout  = 5 * time.Second
	perSecond   = 1         // requests, with a burst of a few for a cluster that starts
	burst       = 10        // Travis allows 500 a minute
	maxAnswer   = 256 << 10 // bytes of an answer; Travis' have some 2 kB
	maxCached   = 10_000    // answers
	foundFor    = time.Hour
	notFoundFor = 5 * time.Minute
	downFor     = time.Minute // as Travis says nothing about when to come again
)

// Why the API did not return an id.
var (
	// ErrNotFound means that the API does not know the repository, or shows it to its members only.
	ErrNotFound = errors.New("not a public repository there")
	// ErrUnavailable means that the API did not answer, or not with a repository.
	ErrUnavailable = errors.New("not available")
	errNoAPI       = errors.New("no API is configured for the key")
)

// client looks up repositories' ids in Travis' API.
type client struct {
	http  *http.Client
	limit *rate.Limiter
	once  singleflight.Group
	now   func() time.Time

	mu    sync.Mutex
	known map[string]reply
}

// reply is a remembered answer.
type reply struct {
	id    int64
	err   error
	until time.Time
}

// Options of NewResolver.
type Options struct {
	Travises []Travis
	// Transport to the API; http.DefaultTransport if nil.
	Transport http.RoundTripper
	Now       func() time.Time // time.Now if nil
}

// NewResolver returns a Resolver.
func NewResolver(o Options) *Resolver {
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &Resolver{travises: map[string]Travis{}, api: &client{
		http: &http.Client{
			Transport: o.Transport, Timeout: askTimeout,
			// Whoever can redirect could return any id.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		limit: rate.NewLimiter(perSecond, burst), now: o.Now, known: map[string]reply{},
	}}
	for _, t := range o.Travises {
		r.travises[t.Key] = t
	}
	return r
}

// repositoryID looks up the id of a repository at a provider. The errors are ErrNotFound and
// ErrUnavailable.
func (c *client) repositoryID(ctx context.Context, t Travis, slug string) (int64, error) {
	if t.API == "" {
		return 0, errNoAPI
	}
	address := fmt.Sprintf("%s/repo/%s/%s", strings.TrimSuffix(t.API, "/"), t.Provider, url.PathEscape(slug))
	if known, ok := c.cached(address); ok {
		return known.id, known.err
	}
	id, err, _ := c.once.Do(address, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
		defer cancel()
		if c.limit.Wait(ctx) != nil { // too many wait already
			return int64(0), ErrUnavailable
		}
		id, err := c.ask(ctx, address, slug)
		c.remember(address, id, err)
		return id, err
	})
	return id.(int64), err
}

func (c *client) cached(address string) (reply, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.known[address]
	return r, ok && c.now().Before(r.until)
}

func (c *client) remember(address string, id int64, err error) {
	keep := foundFor
	switch {
	case errors.Is(err, ErrNotFound):
		keep = notFoundFor
	case err != nil:
		keep = downFor
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxCached {
		clear(c.known) // they are looked up again
	}
	c.known[address] = reply{id, err, c.now().Add(keep)}
}

// ask makes one request: GET /repo/{provider}/{owner%2Fname}.
func (c *client) ask(ctx context.Context, address, slug string) (int64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, ErrUnavailable
	}
	request.Header.Set("Travis-API-Version", "3")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "travishook")
	response, err := c.http.Do(request)
	if err != nil {
		return 0, ErrUnavailable
	}
	defer func() { _ = response.Body.Close() }() // it was only read from
	var repository struct {
		Type string `json:"@type"`
		ID   int64  `json:"id"`
		Slug string `json:"slug"`
	}
	err = json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&repository)
	switch {
	case response.StatusCode == http.StatusNotFound:
		return 0, ErrNotFound
	case response.StatusCode != http.StatusOK:
		return 0, fmt.Errorf("%w: answered %d", ErrUnavailable, response.StatusCode)
	case err != nil || repository.Type != "repository" || repository.ID <= 0 || !strings.EqualFold(repository.Slug, slug):
		return 0, fmt.Errorf("%w: the answer is not that repository", ErrUnavailable)
	}
	return repository.ID, nil
}
