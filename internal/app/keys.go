package app

import (
	"crypto/rsa"
	"fmt"
	"slices"
	"time"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/settings"
	"github.com/travishook/travishook/internal/verify"
	"github.com/travishook/travishook/internal/verify/keysource"
)

// newKeys makes the keyring's keeper from the settings. Keys in ConfigMaps are awaited.
func newKeys(t settings.Trust, memory keysource.Memory, changed func(), log logr.Logger) (*keysource.Keys, error) {
	o := keysource.Options{
		Changed: changed,
		Memory:  memory,
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

// routingKeys tell the compiler which repositories the settings have a key for, whether or not
// the key itself is known yet.
func routingKeys(t settings.Trust, keyless verify.Patterns, keys *keysource.Keys) routing.Keys {
	return routing.Keys{
		Signed: func(slug string) bool {
			return slices.ContainsFunc(t.Keys, func(k settings.Key) bool {
				patterns, err := verify.ParsePatterns(k.Repositories)
				return err == nil && (len(patterns) == 0 || patterns.Match(slug))
			})
		},
		Keyless: keyless.Match,
		Awaited: keys.Awaited,
	}
}

// configMapKeys hands the content of ConfigMaps to the keys that the settings keep there.
type configMapKeys struct {
	configured []settings.Key
	keys       *keysource.Keys
	log        logr.Logger
}

// PutConfigMap takes a key up. One that cannot be read leaves the last good one valid.
func (c configMapKeys) PutConfigMap(name string, data map[string]string) {
	for _, k := range c.in(name) {
		text, ok := data[k.ConfigMap.Key]
		if !ok {
			c.fault(k, fmt.Sprintf("ConfigMap %q has no key %q", name, k.ConfigMap.Key))
			continue
		}
		public, err := verify.ParseKey(text)
		if err != nil {
			c.fault(k, fmt.Sprintf("ConfigMap %q, key %q: %v", name, k.ConfigMap.Key, err))
			continue
		}
		c.keys.Set(k.Name, public)
	}
}

// DeleteConfigMap leaves the last good key valid.
func (c configMapKeys) DeleteConfigMap(name string) {
	for _, k := range c.in(name) {
		c.fault(k, fmt.Sprintf("ConfigMap %q does not exist in the operator's namespace", name))
	}
}

func (c configMapKeys) fault(k settings.Key, problem string) {
	c.keys.Fault(k.Name, problem)
	c.log.Info("signing key cannot be read; the last good one, if any, stays valid", "key", k.Name, "reason", problem)
}

func (c configMapKeys) in(name string) []settings.Key {
	return slices.DeleteFunc(slices.Clone(c.configured), func(k settings.Key) bool {
		return k.ConfigMap == nil || k.ConfigMap.Name != name
	})
}

// sweep faults the keys whose ConfigMap is not there at the start: no event tells of that.
func (c configMapKeys) sweep() {
	states := c.keys.States()
	for i, k := range c.configured {
		if k.ConfigMap != nil && !states[i].Known && states[i].Problem == "" {
			c.DeleteConfigMap(k.ConfigMap.Name)
		}
	}
}
