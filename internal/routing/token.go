package routing

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/verify"
)

// Keys of a token Secret.
const (
	tokenRepository = "repository"
	tokenToken      = "token"
)

// Secret is a labeled Secret.
type Secret struct {
	Namespace, Name string
	Type            string // the value of the label: token or credential
	Data            map[string]secret.Value
}

// SecretOf wraps the values of a Secret so that they are never printed.
func SecretOf(s *corev1.Secret) Secret {
	data := make(map[string]secret.Value, len(s.Data))
	for key, value := range s.Data {
		data[key] = secret.New(string(value))
	}
	return Secret{Namespace: s.Namespace, Name: s.Name, Type: s.Labels[v1alpha1.LabelSecretType], Data: data}
}

// token is the content of a token Secret, with the proof's hash instead of the token.
type token struct {
	claim claimKey // what it authorizes
	proof verify.Hash
	// spelled is the repository as the Secret spells it; empty after a restart without the API server.
	spelled string
	fault   string // why it authorizes nothing
	// unlabeled is set for a Secret that only has the keys of a token.
	unlabeled bool
}

// readToken reads a token Secret.
func readToken(s Secret) token {
	repository := s.Data[tokenRepository].WithoutNewline().Reveal()
	value := s.Data[tokenToken].WithoutNewline()
	t := token{claim: claimKey{s.Namespace, slugOf(repository)}}
	switch {
	case repository == "":
		t.fault = fmt.Sprintf("Secret %q is labeled %s=%s and has no key %q", s.Name, v1alpha1.LabelSecretType, v1alpha1.SecretTypeToken, tokenRepository)
	case t.claim.slug == "":
		t.fault = fmt.Sprintf("the key %q of Secret %q is not owner/name: a token is for one repository", tokenRepository, s.Name)
	case value.Empty():
		t.fault = fmt.Sprintf("Secret %q has no key %q, or an empty one", s.Name, tokenToken)
	default:
		t.proof, t.spelled = verify.HashToken(repository, value), repository
	}
	return t
}

// unlabeledToken is a Secret with the keys of a token and without the label, so that it is not read.
func unlabeledToken(key types.NamespacedName) token {
	return token{unlabeled: true, fault: fmt.Sprintf("Secret %q has the keys of a token and lacks the label: kubectl label secret -n %s %s %s=%s",
		key.Name, key.Namespace, key.Name, v1alpha1.LabelSecretType, v1alpha1.SecretTypeToken)}
}

// SetUnlabeledTokens sets the names of the Secrets in a namespace that have the keys of a token and no label.
func (c *Compiler) SetUnlabeledTokens(namespace string, names []string) {
	c.update(func(ch *change) {
		for name := range maps.Clone(c.tokenFaults[namespace]) {
			if key := named(namespace, name); c.tokens[key].unlabeled && !slices.Contains(names, name) {
				ch.putToken(key, nil)
			}
		}
		for _, name := range names {
			key := named(namespace, name)
			if _, labeled := c.secrets[key]; labeled {
				continue
			}
			if known, read := c.tokens[key]; read && !known.unlabeled {
				continue
			}
			unlabeled := unlabeledToken(key)
			ch.putToken(key, &unlabeled)
		}
	})
}

// toLower returns s in lower case, and an empty text if it is too long for a slug or not ASCII.
func toLower(s string) string {
	var buf [travis.MaxSlug]byte
	lowered, ok := lower(buf[:], s)
	if !ok {
		return ""
	}
	return string(lowered)
}

// slugOf returns s in lower case if it is owner/name, and an empty text otherwise.
func slugOf(s string) string {
	if !travis.IsSlug(s) {
		return ""
	}
	return strings.ToLower(s)
}

// setFault records a token Secret's fault; an empty one removes it.
func (c *Compiler) setFault(secret types.NamespacedName, fault string) {
	faults := c.tokenFaults[secret.Namespace]
	if fault == "" {
		delete(faults, secret.Name)
		return
	}
	if faults == nil {
		faults = map[string]string{}
		c.tokenFaults[secret.Namespace] = faults
	}
	faults[secret.Name] = fault
}

// showFaults returns the faults of at most three token Secrets of a namespace, in parentheses.
func (c *Compiler) showFaults(namespace string) string {
	faults := slices.Sorted(maps.Values(c.tokenFaults[namespace]))
	if rest := len(faults) - 3; rest > 0 {
		faults = append(faults[:3], fmt.Sprintf("and %d more", rest))
	}
	if len(faults) == 0 {
		return ""
	}
	return " (" + strings.Join(faults, "; ") + ")"
}
