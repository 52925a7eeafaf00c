package identity

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/travishook/travishook/internal/travis"
)

// Travis describes the Travis that signs with a key.
type Travis struct {
	// Key is the key's name.
	Key string
	// API is the base URL of its API, such as https://api.travis-ci.com; empty if there is none.
	API string
	// Provider hosts the repositories of this cluster's users: github, bitbucket, gitlab or assembla. Empty
	// for a Travis that builds for one provider only, such as a self-hosted one.
	Provider string
}

// travisCI is the API of travis-ci.com, which builds for several providers.
const travisCI = "https://api.travis-ci.com"

// TravisOf returns the Travis of a key from the key's settings. By default the API is at the key's url, and
// the provider of travis-ci.com is GitHub.
func TravisOf(key, keyURL, api, provider string) Travis {
	if base, ok := strings.CutSuffix(strings.TrimSuffix(keyURL, "/"), "/config"); ok && api == "" {
		api = base
	}
	if strings.EqualFold(strings.TrimSuffix(api, "/"), travisCI) && provider == "" {
		provider = "github"
	}
	return Travis{Key: key, API: api, Provider: provider}
}

// hosts of compare URLs, by provider.
var hosts = map[string]string{"github": "github.com", "bitbucket": "bitbucket.org", "gitlab": "gitlab.com", "assembla": "assembla.com"}

// Providers returns the supported providers.
func Providers() []string { return []string{"github", "bitbucket", "gitlab", "assembla"} }

// ErrOther means that the event is of another repository with the same name.
var ErrOther = errors.New("another repository has the same name")

// ErrUnresolved means that neither the API nor the event says which repository it is. It can be resolved later if
// the API was not available.
var ErrUnresolved = errors.New("the repository cannot be distinguished from others of the same name")

// Resolver resolves the ids of repositories without a record.
type Resolver struct {
	travises map[string]Travis // by key
	api      *client
}

// Resolve returns the id of the repository that the event's name refers to. The key has signed the event.
// The error wraps ErrOther or ErrUnresolved, and possibly ErrUnavailable; its text says what to do.
func (r *Resolver) Resolve(ctx context.Context, key string, e *travis.Event) (Record, error) {
	t := r.travises[key]
	if t.Provider == "" {
		return ofOneProvider(e)
	}
	id, err := r.api.repositoryID(ctx, t, e.Repository.Slug())
	switch {
	case err == nil && id != e.Repository.ID:
		return Record{}, fmt.Errorf("%w: %s at %s has the id %d by Travis' API, and this event is of the repository with the id %d",
			ErrOther, e.Repository.Slug(), t.Provider, id, e.Repository.ID)
	case err == nil:
		return Record{id, API}, nil
	}
	return byCompareURL(t, e, err)
}

// byCompareURL decides by the event's compare_url, which Travis made from the provider's data and signed.
// The API returned apiErr: it is down, or does not show private repositories.
func byCompareURL(t Travis, e *travis.Event, apiErr error) (Record, error) {
	host, path := compareURL(e)
	switch {
	case host == "":
		return Record{}, fmt.Errorf("%w: Travis' API does not return its id (%w), and the event has no compare_url; set spec.repositoryID to %d if it is the right one",
			ErrUnresolved, apiErr, e.Repository.ID)
	case isHost(host, hosts[t.Provider]) && strings.HasPrefix(strings.ToLower(path), "/"+strings.ToLower(e.Repository.Slug())+"/"):
		return Record{e.Repository.ID, CompareURL}, nil
	}
	return Record{}, elsewhere(e, host, t.Provider)
}

// ofOneProvider returns the id of the first event, unless its compare_url is at a public host, where
// anyone can register any name. A provider other than GitHub must be set.
func ofOneProvider(e *travis.Event) (Record, error) {
	host, _ := compareURL(e)
	for provider, other := range hosts {
		if provider != "github" && isHost(host, other) {
			return Record{}, elsewhere(e, host, "github")
		}
	}
	return Record{e.Repository.ID, FirstEvent}, nil
}

func elsewhere(e *travis.Event, host, provider string) error {
	return fmt.Errorf("%w: the event with the id %d comes from %s and not from %s; if it is the right one, set spec.repositoryID to %d, or the provider of the key",
		ErrOther, e.Repository.ID, host, provider, e.Repository.ID)
}

// compareURL returns the host and the path of the event's compare_url, or nothing.
func compareURL(e *travis.Event) (host, path string) {
	u, err := url.Parse(e.Commit.CompareURL)
	if err != nil || u.Scheme != "https" || u.User != nil {
		return "", ""
	}
	return strings.ToLower(u.Hostname()), u.Path
}

func isHost(host, domain string) bool {
	return domain != "" && (host == domain || strings.HasSuffix(host, "."+domain))
}
