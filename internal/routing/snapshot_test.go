package routing

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/travis"
)

// bothTrusts returns a compiler with one route authorized by a token and one by a grant.
func bothTrusts(t *testing.T) *Compiler {
	t.Helper()
	c := NewCompiler(Config{OperatorNamespace: "system", Services: map[string]notify.Service{}})
	c.PutNamespace("team", map[string]string{"chat": "yes"})
	c.PutDefaults(&v1alpha1.TravisDefaults{
		ObjectMeta: metav1.ObjectMeta{Namespace: "system", Name: "default", Generation: 2},
		Spec: v1alpha1.TravisDefaultsSpec{SignatureOnly: &v1alpha1.SignatureOnly{
			Namespaces: v1alpha1.NamespaceSelection{
				From: "Selector", Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"chat": "yes"}},
			},
			Repositories: []v1alpha1.RepositoryGlob{"free/*"},
		}},
	})
	for _, slug := range []string{"free/one", "Paid/One"} {
		c.PutRoute(&v1alpha1.TravisRoute{
			ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: strings.ToLower(strings.ReplaceAll(slug, "/", "-")), UID: "u", Generation: 1},
			Spec:       v1alpha1.TravisRouteSpec{Repository: slug, Channels: []v1alpha1.Channel{{Account: "a", Address: "x"}}},
		})
	}
	c.PutSecret(Secret{Namespace: "team", Name: "t", Type: v1alpha1.SecretTypeToken, Data: map[string]secret.Value{
		"repository": secret.New("Paid/One"), "token": secret.New("hush hush hush"),
	}})
	return c
}

func TestARestoredTableJudgesAsTheOneBefore(t *testing.T) {
	before := bothTrusts(t)
	data, err := before.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	after := NewCompiler(Config{OperatorNamespace: "system", Services: map[string]notify.Service{}})
	if err := after.Restore(data); err != nil {
		t.Fatal(err)
	}
	event := &travis.Event{Build: travis.Build{Result: travis.Passed, Type: travis.Push}}
	for _, slug := range []string{"FREE/one", "paid/one"} {
		was, ok1 := before.Table().Repository(slug)
		is, ok2 := after.Table().Repository(slug)
		if !ok1 || !ok2 {
			t.Fatalf("%s: known before %t, after %t", slug, ok1, ok2)
		}
		w, i := was.Namespaces[0], is.Namespaces[0]
		if w.SignatureOnly != i.SignatureOnly || !cmp.Equal(w.Proofs, i.Proofs) {
			t.Errorf("%s is authorized differently than before", slug)
		}
		if diff := cmp.Diff(w.Match(event), i.Match(event)); diff != "" || len(i.Match(event)) != 1 {
			t.Errorf("%s: targets differ (-before +after)\n%s", slug, diff)
		}
	}
}

func TestASnapshotHoldsNoSecret(t *testing.T) {
	c := bothTrusts(t)
	c.PutSecret(Secret{Namespace: "system", Name: "cred", Type: v1alpha1.SecretTypeCredential, Data: map[string]secret.Value{
		"password": secret.New("swordfish-swordfish"),
	}})
	data, err := c.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	for _, hidden := range []string{"hush", "swordfish"} {
		if bytes.Contains(data, []byte(hidden)) {
			t.Errorf("%q is in it", hidden)
		}
	}
}

func TestADamagedSnapshotIsRefused(t *testing.T) {
	for name, data := range map[string]string{
		"not JSON":        "{",
		"another version": `{"version": 99}`,
		"a broken hash":   `{"version": 1, "tokens": [{"namespace": "a", "name": "b", "repository": "c/d", "proof": "zz"}]}`,
	} {
		c := NewCompiler(Config{OperatorNamespace: "system"})
		if err := c.Restore([]byte(data)); err == nil || !strings.Contains(err.Error(), "restore the routing table") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHeldIsWhatIsThere(t *testing.T) {
	c := bothTrusts(t)
	h := c.Objects()
	if len(h.Routes) != 2 || len(h.Defaults) != 1 || len(h.Secrets) != 1 || len(h.Namespaces) != 1 {
		t.Fatalf("held: %+v", h)
	}
	for _, r := range h.Routes {
		c.DeleteRoute(r)
	}
	c.DeleteSecret(h.Secrets[0])
	if h := c.Objects(); len(h.Routes)+len(h.Secrets) != 0 {
		t.Errorf("held after deleting: %+v", h)
	}
}

func TestAChannelKeepsItsNameWhileItsAccountComesAndGoes(t *testing.T) {
	config := testConfig()
	c := NewCompiler(config)
	system := config.OperatorNamespace
	c.PutRoute(&v1alpha1.TravisRoute{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "r", UID: "u", Generation: 1},
		Spec:       v1alpha1.TravisRouteSpec{Repository: "a/b", Channels: []v1alpha1.Channel{{Address: "Room@Example.com"}}},
	})
	channel := func() string {
		r, ok := c.Table().Route("team", "r")
		if !ok || len(r.Targets) != 1 {
			t.Fatal("the route is not there with its one target")
		}
		return r.Targets[0].Channel
	}
	first := channel()
	steps := []struct {
		name string
		do   func()
	}{
		{"the defaults appear", func() {
			c.PutDefaults(&v1alpha1.TravisDefaults{
				ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "default", Generation: 1},
				Spec:       v1alpha1.TravisDefaultsSpec{Accounts: []v1alpha1.Account{xmppAccount("jabber")}},
			})
		}},
		{"the credential appears", func() {
			c.PutSecret(Secret{Namespace: system, Name: "jabber", Type: v1alpha1.SecretTypeCredential,
				Data: map[string]secret.Value{"password": secret.New("swordfish")}})
		}},
		{"the credential goes", func() { c.DeleteSecret(named(system, "jabber")) }},
	}
	for _, step := range steps {
		step.do()
		if got := channel(); got != first {
			t.Errorf("after %s it is %q, was %q: a build's events would be parted", step.name, got, first)
		}
	}
}
