// Package keysource keeps the keyring up to date: keys from the settings, keys that are set later (from a
// ConfigMap or a Secret), and keys that a Travis publishes at its /config URL.
package keysource

import (
	"crypto/rsa"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/queue/keyvalue"
	"github.com/travishook/travishook/internal/verify"
)

// Key is one configured key. A key with Public is known from the start, one with a URL is fetched, and one
// with neither is awaited until it is Set.
type Key struct {
	Name         string
	Public       *rsa.PublicKey
	URL          string
	Repositories verify.Patterns // that it may sign for; empty for all
}

// Options of New. All are required unless they have a default.
type Options struct {
	Keys []Key
	// Store keeps fetched keys across restarts.
	Store keyvalue.Store
	// Fetched has keys that were just fetched, which are not fetched again at once. May be nil.
	Fetched *Keys
	// Transport that URLs are fetched with; http.DefaultTransport if nil.
	Transport http.RoundTripper
	// Refresh is how often a key is fetched again, Overlap how long the previous one stays valid after its
	// URL returns another.
	Refresh, Overlap time.Duration
	Now              func() time.Time // time.Now if nil
	// Changed is called when the set of known keys changes, or the reason why one is not known. It is
	// called with a lock held and must not call back. May be nil.
	Changed func()
	Log     logr.Logger
}

// State is the state of one configured key.
type State struct {
	Name string
	URL  string // empty unless it is fetched
	// Known reports whether a key is known, which may be an older one.
	Known bool
	// Fetched is when it was last fetched from its URL, or zero.
	Fetched time.Time
	// Problem of the last fetch, one sentence; empty if there was none.
	Problem string
}

// Keys maintains the keyring. Its methods may be called concurrently.
type Keys struct {
	options Options
	client  *http.Client
	ring    atomic.Pointer[verify.Keyring]

	mu       sync.Mutex // guards sources and changes of ring
	sources  []*source
	reported []State // the states at the last call of Changed, without times
}

// source is one configured key with its state.
type source struct {
	Key
	record  record
	handed  *rsa.PublicKey // from Options.Fetched, until Run takes it
	unsaved bool           // record is newer than what Store has
	fetched time.Time
	problem string
}

// New returns Keys with the given keys and those in Store. The error names the key whose URL is invalid.
func New(options Options) (*Keys, error) {
	if options.Now == nil {
		options.Now = time.Now
	}
	k := &Keys{options: options, client: newClient(options.Transport)}
	for _, key := range options.Keys {
		if err := checkURL(key.URL); err != nil {
			return nil, fmt.Errorf("key %q: %w", key.Name, err)
		}
		s := &source{Key: key}
		if key.URL != "" {
			s.record = loadRecord(options.Store, key.URL)
			s.handed = options.Fetched.current(key.URL)
		}
		k.sources = append(k.sources, s)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.publish()
	return k, nil
}

// Keyring returns the currently valid keys.
func (k *Keys) Keyring() *verify.Keyring { return k.ring.Load() }

// Ready returns nil if at least one key is known, and each of the others is known or has failed once, so
// that one unavailable Travis does not block another. Before that, the receiver would refuse valid
// webhooks, which Travis never sends again. Without any configured key it returns nil.
func (k *Keys) Ready() error {
	var missing []string
	known, asked := 0, true
	states := k.States()
	for _, s := range states {
		switch {
		case s.Known:
			known++
		case s.Problem == "":
			asked = false
			missing = append(missing, s.Name)
		default:
			missing = append(missing, s.Name+": "+s.Problem)
		}
	}
	if len(states) == 0 || (known > 0 && asked) {
		return nil
	}
	return fmt.Errorf("signing keys are not known yet (%s)", strings.Join(missing, "; "))
}

// States returns the state of every configured key, in their order.
func (k *Keys) States() []State {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.states()
}

// Awaited returns the names of configured keys that may sign for the repository and are not known yet, and
// why. It is empty if one of them is known.
func (k *Keys) Awaited(slug string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var awaited []string
	for i, state := range k.states() {
		if patterns := k.sources[i].Repositories; len(patterns) > 0 && !patterns.Match(slug) {
			continue
		}
		switch {
		case state.Known:
			return ""
		case state.Problem == "":
			awaited = append(awaited, state.Name)
		default:
			awaited = append(awaited, state.Name+": "+state.Problem)
		}
	}
	return strings.Join(awaited, "; ")
}

// states implements States. mu is held.
func (k *Keys) states() []State {
	states := make([]State, 0, len(k.sources))
	for _, s := range k.sources {
		states = append(states, State{
			Name: s.Name, URL: s.URL, Known: s.Public != nil || s.record.current() != nil,
			Fetched: s.fetched, Problem: s.problem,
		})
	}
	return states
}

// current returns the key that a URL returned when it was last fetched, or nil.
func (k *Keys) current(url string) *rsa.PublicKey {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.sources {
		if s.URL == url && s.problem == "" {
			return s.record.current()
		}
	}
	return nil
}

// Set sets or replaces the awaited key of that name. It reports whether a key of that name is configured.
func (k *Keys) Set(name string, public *rsa.PublicKey) bool {
	return k.change(name, func(s *source) { s.Public, s.problem = public, "" })
}

// SetProblem records why the awaited key of that name cannot be set. A previously set key stays valid.
func (k *Keys) SetProblem(name, problem string) bool {
	return k.change(name, func(s *source) { s.problem = problem })
}

func (k *Keys) change(name string, do func(*source)) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.sources {
		if s.Name == name && s.URL == "" {
			do(s)
			k.publish()
			return true
		}
	}
	return false
}

// publish builds a new ring. mu is held.
func (k *Keys) publish() {
	var keys []verify.Key
	for _, s := range k.sources {
		for _, public := range append(s.record.valid(k.options.Now()), s.Public) {
			if public != nil {
				keys = append(keys, verify.Key{Name: s.Name, Public: public, Repositories: s.Repositories})
			}
		}
	}
	k.ring.Store(verify.NewKeyring(keys...))
	now := k.states()
	for i := range now {
		now[i].Fetched = time.Time{}
	}
	if k.options.Changed != nil && !slices.Equal(now, k.reported) {
		k.reported = now
		k.options.Changed()
	}
}

// checkURL checks a URL to fetch a key from. It may be empty.
func checkURL(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return fmt.Errorf("%q is not a URL such as https://api.travis-ci.com/config", text)
	case u.User != nil:
		return fmt.Errorf("the URL on %s must not have a user name or password: a public key needs none", u.Host)
	}
	return nil
}
