package routing

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/verify"
)

// snapshotVersion is the version of the format. Other versions are not restored.
const snapshotVersion = 1

// snapshot is the input of a table, with hashes instead of tokens and without credentials: enough to
// verify, match and store webhooks while the API server is unavailable.
type snapshot struct {
	Version    int                       `json:"version"`
	Routes     []v1alpha1.TravisRoute    `json:"routes"`
	Defaults   []v1alpha1.TravisDefaults `json:"defaults"`
	Namespaces map[string]labels.Set     `json:"namespaces"`
	Tokens     []snapshotToken           `json:"tokens"`
	// Checks are the results of checking the templates, by a hash of each, with CheckVersion.
	Checks       map[string]string `json:"checks,omitempty"`
	CheckVersion string            `json:"checkVersion,omitempty"`
}

// snapshotToken is what is kept of a token Secret.
type snapshotToken struct {
	Namespace  string `json:"namespace"`
	Name       string `json:"name"`
	Repository string `json:"repository"` // in lower case
	Proof      string `json:"proof"`      // the hash of the proof, in hexadecimal
}

// Snapshot returns the input of the table, to be kept across restarts. It contains nothing secret.
func (c *Compiler) Snapshot() ([]byte, error) {
	s := c.snapshot()
	data, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode the routing table: %w", err)
	}
	return data, nil
}

func (c *Compiler) snapshot() snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := snapshot{Version: snapshotVersion, Namespaces: map[string]labels.Set{}, CheckVersion: c.config.CheckVersion}
	var messages []*v1alpha1.MessageTemplate
	for _, routes := range c.routes {
		for _, d := range routes {
			s.Routes = append(s.Routes, v1alpha1.TravisRoute{
				ObjectMeta: metav1.ObjectMeta{Namespace: d.key.Namespace, Name: d.key.Name, UID: types.UID(d.uid), Generation: d.generation},
				Spec:       *d.spec,
			})
			messages = append(messages, d.spec.Message)
		}
	}
	for _, d := range c.defaults {
		s.Defaults = append(s.Defaults, v1alpha1.TravisDefaults{
			ObjectMeta: metav1.ObjectMeta{Namespace: d.Namespace, Name: d.Name, UID: d.UID, Generation: d.Generation},
			Spec:       withoutPeople(d.Spec),
		})
		messages = append(messages, d.Spec.Message)
	}
	s.Checks = c.checks.snapshot(messages)
	for key, t := range c.tokens {
		if t.fault == "" {
			s.Tokens = append(s.Tokens, snapshotToken{key.Namespace, key.Name, t.claim.slug, hex.EncodeToString(t.proof[:])})
		}
	}
	for name, set := range c.table.Load().namespaces.all() {
		s.Namespaces[name] = set
	}
	// The order is fixed, so that the same table has the same snapshot on all replicas.
	slices.SortFunc(s.Routes, func(a, b v1alpha1.TravisRoute) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	slices.SortFunc(s.Defaults, func(a, b v1alpha1.TravisDefaults) int { return cmp.Compare(a.Namespace, b.Namespace) })
	slices.SortFunc(s.Tokens, func(a, b snapshotToken) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return s
}

// withoutPeople drops the e-mail addresses: without credentials nobody is mentioned.
func withoutPeople(spec v1alpha1.TravisDefaultsSpec) v1alpha1.TravisDefaultsSpec {
	spec.People, spec.PeopleFrom = nil, nil
	return spec
}

// Restore puts the objects of a Snapshot. Accounts have no credentials until their Secrets are put.
func (c *Compiler) Restore(data []byte) error {
	var s snapshot
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("restore the routing table: %w", err)
	}
	if s.Version != snapshotVersion {
		return fmt.Errorf("restore the routing table: its version is %d; this program reads version %d", s.Version, snapshotVersion)
	}
	if s.CheckVersion == c.config.CheckVersion {
		c.checks.restore(s.Checks)
	}
	for name, set := range s.Namespaces {
		c.PutNamespace(name, set)
	}
	for i := range s.Defaults {
		c.PutDefaults(&s.Defaults[i])
	}
	for _, t := range s.Tokens {
		if err := c.restoreToken(t); err != nil {
			return fmt.Errorf("restore the routing table: %w", err)
		}
	}
	for i := range s.Routes {
		c.PutRoute(&s.Routes[i])
	}
	return nil
}

func (c *Compiler) restoreToken(t snapshotToken) error {
	proof, err := hex.DecodeString(t.Proof)
	if err != nil || len(proof) != len(verify.Hash{}) {
		return fmt.Errorf("the hash of token %s/%s is damaged", t.Namespace, t.Name)
	}
	restored := token{claim: claimKey{t.Namespace, t.Repository}, proof: verify.Hash(proof)}
	c.update(func(ch *change) { ch.putToken(named(t.Namespace, t.Name), &restored) })
	return nil
}

// Objects are the names of all objects that were put and not deleted, by kind. Those that the cluster no
// longer has must be deleted when the API server is available again.
type Objects struct {
	Routes, Defaults, Secrets []types.NamespacedName
	Namespaces                []string
}

// Objects lists the objects that the compiler has.
func (c *Compiler) Objects() Objects {
	c.mu.Lock()
	defer c.mu.Unlock()
	var h Objects
	for _, routes := range c.routes {
		for _, d := range routes {
			h.Routes = append(h.Routes, d.key)
		}
	}
	for _, d := range c.defaults {
		h.Defaults = append(h.Defaults, named(d.Namespace, d.Name))
	}
	h.Secrets = slices.AppendSeq(slices.Collect(maps.Keys(c.secrets)), maps.Keys(c.tokens))
	for name := range c.table.Load().namespaces.all() {
		h.Namespaces = append(h.Namespaces, name)
	}
	return h
}
