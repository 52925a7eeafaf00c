package routing

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/travis"
)

func TestRepositoryLookup(t *testing.T) {
	c := NewCompiler(testConfig())
	longest := "a/" + strings.Repeat("b", travis.MaxSlug-2)
	for i, slug := range []string{"Example/Example", longest} {
		c.PutRoute(testRoute("a", fmt.Sprint(i), specOf(slug, "")))
	}
	tests := map[string]bool{
		"example/example":              true,
		"EXAMPLE/eXAMPLE":              true,
		longest:                        true,
		longest + "b":                  false,
		"":                             false,
		"example":                      false,
		"example/example/":             false,
		"example/exampl\u212a":         false, // the Kelvin sign, which folds to k
		"example/exampl\xff":           false,
		"example/example\x00":          false,
		strings.Repeat("x", 1_000_000): false,
	}
	table := c.Table()
	for slug, want := range tests {
		if r, ok := table.Repository(slug); ok != want || ok && r.Slug != strings.ToLower(slug) {
			t.Errorf("Repository(%.60q) = %v, want %v", slug, ok, want)
		}
		if allocs := testing.AllocsPerRun(100, func() { table.Repository(slug) }); allocs != 0 {
			t.Errorf("Repository(%.60q) allocates %v times", slug, allocs)
		}
	}
}

// The proof is Travis' own: hex(SHA-256(slug + token)), with the slug as the Secret spells it and one
// trailing newline trimmed from each.
func TestProofs(t *testing.T) {
	c := NewCompiler(testConfig())
	c.PutSecret(testSecret("a", "new", v1alpha1.SecretTypeToken, "repository", "Example/example\r\n", "token", "new\r\n"))
	c.PutSecret(testSecret("a", "old", v1alpha1.SecretTypeToken, "repository", "Example/example", "token", "old\n\n"))
	c.PutSecret(testSecret("a", "other", v1alpha1.SecretTypeToken, "repository", "example/other", "token", "new"))
	repository, _ := c.Table().Repository("example/example")
	got := repository.Namespaces[0].Proofs
	for i, text := range []string{"Example/examplenew", "Example/exampleold\n"} {
		proof := sha256.Sum256([]byte(text))
		if want := sha256.Sum256([]byte(hex.EncodeToString(proof[:]))); len(got) != 2 || got[i] != want {
			t.Errorf("proof %d is not that of %q: %x", i, text, got)
		}
	}
	for _, name := range []string{"new", "old"} {
		c.DeleteSecret(types.NamespacedName{Namespace: "a", Name: name})
	}
	if _, ok := c.Table().Repository("example/example"); ok {
		t.Error("the repository is known after its last token was deleted")
	}
}

func TestAccount(t *testing.T) {
	c := NewCompiler(testConfig())
	c.PutSecret(testSecret(operatorNamespace, "jabber", v1alpha1.SecretTypeCredential, "password", "s3cret"))
	c.PutDefaults(testDefaults(operatorNamespace, v1alpha1.TravisDefaultsSpec{Accounts: []v1alpha1.Account{xmppAccount("jabber")}}))

	first, err := c.Table().Account("team-a", "") // the only one is the default
	if err != nil {
		t.Fatal(err)
	}
	if first.Name != "jabber" || first.Namespace != operatorNamespace || first.Service != "xmpp" || !first.Trusted ||
		first.Credential["password"].Reveal() != "s3cret" {
		t.Errorf("Account = %+v", first)
	}
	var config struct{ JID string }
	if err := json.Unmarshal(first.Config, &config); err != nil || config.JID != "ci@example.com" {
		t.Errorf("Config = %s", first.Config)
	}
	if address, err := first.ResolveAddress("Builds@Example.com"); err != nil || address != "builds@example.com" {
		t.Errorf("ResolveAddress = %q, %v", address, err)
	}

	own := xmppAccount("jabber")
	c.PutSecret(testSecret("team-a", "jabber", v1alpha1.SecretTypeCredential, "password", "other"))
	c.PutDefaults(testDefaults("team-a", v1alpha1.TravisDefaultsSpec{Accounts: []v1alpha1.Account{own}}))
	second, err := c.Table().Account("team-a", "jabber")
	if err != nil || second.Namespace != "team-a" || second.Trusted || second.Version == first.Version {
		t.Errorf("the namespace's own account does not go before the cluster's: %+v, %v", second, err)
	}

	_, err = c.Table().Account("team-a", "nowhere")
	var p *Problem
	if !errors.As(err, &p) || p.Reason != v1alpha1.ReasonAccountNotFound {
		t.Errorf("error = %v", err)
	}
}

// Nothing that is shown of a table or a verdict contains a secret.
func TestNothingSecretIsShown(t *testing.T) {
	c := NewCompiler(testConfig())
	c.PutSecret(testSecret(operatorNamespace, "jabber", v1alpha1.SecretTypeCredential, "password", "s3cret"))
	c.PutSecret(testSecret("a", "token", v1alpha1.SecretTypeToken, "repository", "example/example", "token", "s3cret"))
	c.PutDefaults(testDefaults(operatorNamespace, v1alpha1.TravisDefaultsSpec{Accounts: []v1alpha1.Account{xmppAccount("jabber")}}))
	c.PutRoute(testRoute("a", "example", specOf("example/example", "", "passed")))
	account, _ := c.Table().Account("a", "jabber")
	verdict, _ := c.Verdict(types.NamespacedName{Namespace: "a", Name: "example"})
	marshalled, _ := json.Marshal(account)
	shown := fmt.Sprintf("%+v %#v %s %+v %s", account, account, marshalled, verdict, account.Version)
	if strings.Contains(shown, "s3cret") {
		t.Error(shown)
	}
}
