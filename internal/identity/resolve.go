package identity

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/travishook/travishook/internal/travis"
)

// Travis is what is known of the Travis that signs with a key.
type Travis struct {
	// Key is the key's name.
	Key string
	// API is the base of its API, such as https://api.travis-ci.com; empty if it can't be asked.
	API string
	// Provider hosts the repositories that are meant: github, bitbucket, gitlab or assembla. Empty
	// for a Travis that builds for one provider only, as one's own does.
	Provider string
}

// travisCI is the API of travis-ci.com, which builds for everybody at several providers.
const travisCI = "https://api.travis-ci.com"

// TravisOf returns what the settings of a key say about its Travis. The API is where the key's url is, if
// nothing else is set, and travis-ci.com is asked for GitHub's repositories.
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

// Providers are those that a Travis can have.
func Providers() []string { return []string{"github", "bitbucket", "gitlab", "assembla"} }

// ErrOther means that the event is of another repository than the one that is meant.
var ErrOther = errors.New("another repository has the same name")

// ErrUnresolved means that neither the API nor the event says which repository it is. It can be resolved later if
// the API was not available.
var ErrUnresolved = errors.New("the repository cannot be told from others of the same name")

// Resolver resolves ids at first sight.
type Resolver struct {
	travises map[string]Travis // by key
	api      *client
}

// Resolve returns the id of the repository that is meant by the event's name, which a key has signed.
// The error wraps ErrOther, ErrUnresolved, or also ErrUnavailable; its text says what a person can do.
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

// byCompareURL decides by the URL that Travis made of what the provider told it, and signed. The API has
// not told, because of apiErr: it is down, or it shows no private repository.
func byCompareURL(t Travis, e *travis.Event, apiErr error) (Record, error) {
	host, path := compareURL(e)
	switch {
	case host == "":
		return Record{}, fmt.Errorf("%w: Travis' API does not tell its id (%w), and the event has no compare_url; set spec.repositoryID to %d if it is the right one",
			ErrUnresolved, apiErr, e.Repository.ID)
	case isHost(host, hosts[t.Provider]) && strings.HasPrefix(strings.ToLower(path), "/"+strings.ToLower(e.Repository.Slug())+"/"):
		return Record{e.Repository.ID, CompareURL}, nil
	}
	return Record{}, elsewhere(e, host, t.Provider)
}

// ofOneProvider takes the id of the first event, unless its compare_url is at a public host where anybody
// can take any name. A provider that is not GitHub must be set.
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

// compareURL is the host and the path of the event's compare_url, or nothing.
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
