package routing

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/internal/routing/glob"
)

// putToken replaces the token of a Secret; nil removes it.
func (ch *change) putToken(key types.NamespacedName, t *token) {
	c := ch.c
	old, had := c.tokens[key]
	if !had && t == nil || had && t != nil && old == *t {
		return
	}
	delete(c.tokens, key)
	if had {
		ch.removeToken(key, old)
	}
	if t != nil {
		c.tokens[key] = *t
		ch.addToken(key, *t)
	}
	ch.recompileUsers(key) // an account may refer to it by mistake
}

func (ch *change) addToken(key types.NamespacedName, t token) {
	if t.fault != "" {
		ch.c.setFault(key, t.fault)
		ch.resolveWithoutToken(key.Namespace)
		return
	}
	slugs := ch.c.tokenSlugs[key.Namespace]
	if slugs == nil {
		slugs = map[string]int{}
		ch.c.tokenSlugs[key.Namespace] = slugs
	}
	slugs[t.claim.slug]++
	ch.claim(t.claim).putToken(key.Name, t)
	ch.resolveClaim(t.claim)
}

func (ch *change) removeToken(key types.NamespacedName, t token) {
	if t.fault != "" {
		ch.c.setFault(key, "")
		ch.resolveWithoutToken(key.Namespace)
		return
	}
	slugs := ch.c.tokenSlugs[key.Namespace]
	if slugs[t.claim.slug]--; slugs[t.claim.slug] == 0 {
		delete(slugs, t.claim.slug)
	}
	if len(slugs) == 0 {
		delete(ch.c.tokenSlugs, key.Namespace)
	}
	delete(ch.claim(t.claim).tokens, key.Name)
	ch.resolveClaim(t.claim)
}

// resolveClaim resolves the routes that the tokens of a repository authorize.
func (ch *change) resolveClaim(key claimKey) {
	for _, d := range ch.c.claims[key].routes {
		ch.resolve(d)
	}
	owner, _, _ := strings.Cut(key.slug, "/")
	for _, d := range ch.c.patterns[claimKey{key.namespace, owner}] {
		if glob.Match(d.claim.slug, key.slug) {
			ch.resolve(d)
		}
	}
}

// resolveWithoutToken resolves the routes that lack a token, because their messages list the faults of the
// namespace's token Secrets.
func (ch *change) resolveWithoutToken(namespace string) {
	for _, d := range ch.c.routes[namespace] {
		if d.lacksToken() {
			ch.resolve(d)
		}
	}
}

// putCredential replaces a Secret for accounts; nil removes it.
func (ch *change) putCredential(key types.NamespacedName, s *Secret) {
	old, had := ch.c.secrets[key]
	if !had && s == nil || had && s != nil && same(old, *s) {
		return
	}
	if s == nil {
		delete(ch.c.secrets, key)
	} else {
		ch.c.secrets[key] = *s
	}
	ch.recompileUsers(key)
}

// recompileUsers recompiles the defaults whose accounts refer to a Secret.
func (ch *change) recompileUsers(secret types.NamespacedName) {
	compiled, ok := ch.next.defaults.get([]byte(secret.Namespace))
	if ok && slices.ContainsFunc(slices.Collect(maps.Values(compiled.accounts)), func(a *Account) bool { return a.secret == secret.Name }) {
		ch.recompileDefaults(secret.Namespace)
	}
}
