package app

import (
	"crypto/rsa"
	"fmt"
	"slices"
	"time"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/controllers"
	"github.com/travishook/travishook/internal/identity"
	"github.com/travishook/travishook/internal/queue/keyvalue"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/settings"
	"github.com/travishook/travishook/internal/verify"
	"github.com/travishook/travishook/internal/verify/keysource"
)

// trust is what webhooks are verified with: Travis' signing keys, and the repositories that need no
// signature.
type trust struct {
	settings settings.Trust
	keys     *keysource.Keys
	objects  objectKeys
	keyless  verify.Patterns
	identity *identity.Resolver
	changed  chan struct{} // signaled when the set of known keys changes
}

func newTrust(env environment) (*trust, error) {
	t := &trust{settings: env.settings.Trust, changed: make(chan struct{}, 1)}
	var err error
	if t.keyless, err = verify.ParsePatterns(t.settings.KeylessRepositories); err != nil {
		return nil, err
	}
	log := env.log.WithName("keys")
	if t.keys, err = newKeys(t.settings, env.store, env.fetched, t.signal, log); err != nil {
		return nil, err
	}
	var travises []identity.Travis
	for _, k := range t.settings.Keys {
		travises = append(travises, identity.TravisOf(k.Name, k.URL, k.API, k.Provider))
	}
	t.identity = identity.NewResolver(identity.Options{Travises: travises})
	t.objects = objectKeys{configured: t.settings.Keys, keys: t.keys, log: log}
	return t, nil
}

// signal reports a change of the keys. A pending signal covers any number of changes.
func (t *trust) signal() {
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

// newKeys makes the key store from the settings. Keys in ConfigMaps and Secrets are set later.
func newKeys(t settings.Trust, store keyvalue.Store, fetched *keysource.Keys, changed func(), log logr.Logger) (*keysource.Keys, error) {
	o := keysource.Options{
		Changed: changed,
		Store:   store,
		Fetched: fetched,
		Refresh: time.Duration(t.KeyRefresh),
		Overlap: time.Duration(t.KeyOverlap),
		Log:     log,
	}
	for _, k := range t.Keys {
		patterns, err := verify.ParsePatterns(k.Repositories)
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", k.Name, err)
		}
		var public *rsa.PublicKey
		if k.PEM != "" {
			if public, err = verify.ParseKey(k.PEM); err != nil {
				return nil, fmt.Errorf("key %q: %w", k.Name, err)
			}
		}
		o.Keys = append(o.Keys, keysource.Key{Name: k.Name, Public: public, URL: k.URL, Repositories: patterns})
	}
	return keysource.New(o)
}

// routingKeys returns which repositories the settings have a key for, even if the key itself is not
// known yet.
func (t *trust) routingKeys() routing.Keys {
	return routing.Keys{
		Signed: func(slug string) bool {
			return slices.ContainsFunc(t.settings.Keys, func(k settings.Key) bool {
				patterns, err := verify.ParsePatterns(k.Repositories)
				return err == nil && (len(patterns) == 0 || patterns.Match(slug))
			})
		},
		Keyless: t.keyless.Match,
		Awaited: t.keys.Awaited,
	}
}

// objectKeys sets the keys that the settings read from ConfigMaps and Secrets.
type objectKeys struct {
	configured []settings.Key
	keys       *keysource.Keys
	log        logr.Logger
}

// source returns the object that holds a key, if the settings name one.
func source(k settings.Key) (kind string, at settings.ObjectKey, ok bool) {
	switch {
	case k.ConfigMap != nil:
		return controllers.KindConfigMap, *k.ConfigMap, true
	case k.Secret != nil:
		return controllers.KindSecret, *k.Secret, true
	}
	return "", settings.ObjectKey{}, false
}

// Put sets the keys of an object. A key that cannot be parsed leaves the last good one valid.
func (o objectKeys) Put(kind, name string, data map[string]string) {
	o.each(kind, name, func(k settings.Key, at settings.ObjectKey) {
		text, ok := data[at.Key]
		if !ok {
			o.setProblem(k, fmt.Sprintf("%s %q has no key %q", kind, name, at.Key))
			return
		}
		public, err := verify.ParseKey(text)
		if err != nil {
			o.setProblem(k, fmt.Sprintf("%s %q, key %q: %v", kind, name, at.Key, err))
			return
		}
		o.keys.Set(k.Name, public)
	})
}

// Delete leaves the last good key valid.
func (o objectKeys) Delete(kind, name string) {
	o.each(kind, name, func(k settings.Key, _ settings.ObjectKey) { o.setProblem(k, missing(kind, name)) })
}

func missing(kind, name string) string {
	text := fmt.Sprintf("%s %q does not exist in the operator's namespace", kind, name)
	if kind == controllers.KindSecret {
		text += fmt.Sprintf(", or lacks the label %s=%s", v1alpha1.LabelSecretType, v1alpha1.SecretTypeKey)
	}
	return text
}

func (o objectKeys) setProblem(k settings.Key, problem string) {
	o.keys.SetProblem(k.Name, problem)
	o.log.Info("signing key cannot be read; the last good one, if any, stays valid", "key", k.Name, "reason", problem)
}

// each calls do for every key that is configured to be in the object.
func (o objectKeys) each(kind, name string, do func(settings.Key, settings.ObjectKey)) {
	for _, k := range o.configured {
		if in, at, ok := source(k); ok && in == kind && at.Name == name {
			do(k, at)
		}
	}
}

// sweep marks the keys whose object does not exist at the start as faulty: no watch event reports that.
func (o objectKeys) sweep() {
	states := o.keys.States()
	for i, k := range o.configured {
		if kind, at, ok := source(k); ok && !states[i].Known && states[i].Problem == "" {
			o.Delete(kind, at.Name)
		}
	}
}
