package routing

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
)

// names returns the routes of each namespace that match events of a slug.
func names(c *Compiler, slug string) map[string][]string {
	repository, ok := c.Table().Repository(slug)
	if !ok {
		return nil
	}
	found := map[string][]string{}
	for _, n := range repository.Namespaces {
		for _, r := range n.Routes {
			found[n.Name] = append(found[n.Name], r.Name)
		}
	}
	return found
}

func TestPatternsOfRepositories(t *testing.T) {
	c := NewCompiler(testConfig())
	c.PutRoute(testRoute("a", "all", specOf("Example/*", "", "passed")))
	c.PutRoute(testRoute("a", "one", specOf("example/one", "", "passed")))
	c.PutRoute(testRoute("b", "services", specOf("example/service-?", "", "passed")))
	c.PutRoute(testRoute("b", "other", specOf("other/*", "", "passed")))
	for slug, want := range map[string]map[string][]string{
		"example/one":        {"a": {"all", "one"}},
		"EXAMPLE/Two":        {"a": {"all"}},
		"example/service-1":  {"a": {"all"}, "b": {"services"}},
		"example/service-10": {"a": {"all"}},
		"other/x":            {"b": {"other"}},
		"unknown/x":          nil,
		"example":            nil,
		"example/*":          nil, // a pattern and no repository
		"example/a/b":        nil,
		"example/ü":          nil,
	} {
		if diff := cmp.Diff(want, names(c, slug)); diff != "" {
			t.Errorf("%s: %s", slug, diff)
		}
	}
	c.DeleteRoute(types.NamespacedName{Namespace: "a", Name: "all"})
	if diff := cmp.Diff(map[string][]string{"a": {"one"}}, names(c, "example/one")); diff != "" {
		t.Errorf("after the route was deleted: %s", diff)
	}
	if got := names(c, "example/two"); got != nil {
		t.Errorf("example/two goes to %v after the route was deleted", got)
	}
}

// A route for several repositories is authorized for each of them by itself.
func TestPatternsAreAuthorizedRepositoryByRepository(t *testing.T) {
	c := NewCompiler(testConfig())
	key := types.NamespacedName{Namespace: "a", Name: "all"}
	c.PutRoute(testRoute("a", "all", specOf("example/*", "", "passed")))
	verdict := func() Verdict { v, _ := c.Verdict(key); return v }
	reasons := func() (all []string) {
		for _, p := range verdict().Unresolved {
			all = append(all, p.Reason)
		}
		return all
	}
	if !slices.Contains(reasons(), v1alpha1.ReasonTokenNotFound) {
		t.Errorf("without anything: %q", reasons())
	}
	c.PutSecret(testSecret("a", "token", v1alpha1.SecretTypeToken, "repository", "example/one", "token", "s3cret"))
	if slices.Contains(reasons(), v1alpha1.ReasonTokenNotFound) || !strings.Contains(verdict().Authorized, "by token for example/one") {
		t.Errorf("with a token: %q, %q", reasons(), verdict().Authorized)
	}
	trust := func(slug string) (proofs int, signatureOnly bool) {
		repository, ok := c.Table().Repository(slug)
		if !ok {
			t.Fatalf("%s is unknown", slug)
		}
		return len(repository.Namespaces[0].Proofs), repository.Namespaces[0].SignatureOnly
	}
	if proofs, only := trust("example/one"); proofs != 1 || only {
		t.Errorf("example/one: %d proofs, signature only %t", proofs, only)
	}
	if proofs, only := trust("example/two"); proofs != 0 || only {
		t.Errorf("example/two has no token, and %d proofs, signature only %t", proofs, only)
	}
	c.PutDefaults(testDefaults(operatorNamespace, v1alpha1.TravisDefaultsSpec{SignatureOnly: &v1alpha1.SignatureOnly{
		Namespaces: v1alpha1.NamespaceSelection{From: v1alpha1.FromAll}, Repositories: []v1alpha1.RepositoryGlob{"example/t*"},
	}}))
	if _, only := trust("example/two"); !only {
		t.Error("example/two is granted")
	}
	if _, only := trust("example/one"); only {
		t.Error("example/one is not granted")
	}
	if !strings.Contains(verdict().Authorized, "authorized by signatureOnly") {
		t.Errorf("with a grant: %q", verdict().Authorized)
	}
	c.DeleteSecret(types.NamespacedName{Namespace: "a", Name: "token"})
	if got := verdict().Authorized; got != "authorized by signatureOnly" {
		t.Errorf("with the grant alone: %q", got)
	}
}

func TestAPatternHasNoRepositoryID(t *testing.T) {
	c := NewCompiler(testConfig())
	spec := specOf("example/*", "")
	spec.RepositoryID = 7
	c.PutRoute(testRoute("a", "all", spec))
	v, _ := c.Verdict(types.NamespacedName{Namespace: "a", Name: "all"})
	if v.Accepted() || !strings.Contains(v.Invalid[0].Message, "repositoryID pins one repository") {
		t.Errorf("%+v", v.Invalid)
	}
	for _, wrong := range []string{"*/example", "ex*/a", "example/", "example/a/*", "*"} {
		c.PutRoute(testRoute("a", "wrong", specOf(wrong, "")))
		if v, _ := c.Verdict(types.NamespacedName{Namespace: "a", Name: "wrong"}); v.Accepted() {
			t.Errorf("%q is accepted", wrong)
		}
	}
}

// BenchmarkPatternLookup is a lookup among many routes, of an owner whose repositories a pattern matches.
func BenchmarkPatternLookup(b *testing.B) {
	for _, n := range sizes {
		c := filled(b, n)
		c.PutRoute(testRoute("team-0", "all", specOf("owner-0/*", "")))
		table := c.Table()
		for name, slug := range map[string]string{"declared": "owner-0/name-7", "matched": "owner-0/unheard-of", "another owner": "owner-1/name-17"} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					table.Repository(slug)
				}
			})
		}
	}
}
