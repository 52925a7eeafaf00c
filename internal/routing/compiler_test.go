package routing

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/secret"
)

func testRoute(namespace, name string, spec v1alpha1.TravisRouteSpec) *v1alpha1.TravisRoute {
	return &v1alpha1.TravisRoute{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(name)}, Spec: spec}
}

func testDefaults(namespace string, spec v1alpha1.TravisDefaultsSpec) *v1alpha1.TravisDefaults {
	return &v1alpha1.TravisDefaults{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.DefaultsName}, Spec: spec}
}

func testSecret(namespace, name, kind string, data ...string) Secret {
	s := Secret{Namespace: namespace, Name: name, Type: kind, Data: map[string]secret.Value{}}
	for i := 0; i < len(data); i += 2 {
		s.Data[data[i]] = secret.New(data[i+1])
	}
	return s
}

func xmppAccount(name string) v1alpha1.Account {
	return v1alpha1.Account{Name: name, XMPP: &v1alpha1.XMPPAccount{JID: "ci@example.com", SecretRef: v1alpha1.SecretReference{Name: name}}}
}

// A route that is applied before everything it needs becomes ready by itself, and reports at each step
// what is still missing.
func TestRouteRecovers(t *testing.T) {
	var reported []types.NamespacedName
	config := testConfig()
	config.Changed = func(c Changes) { reported = c.Routes }
	c := NewCompiler(config)
	key := types.NamespacedName{Namespace: "team-a", Name: "example"}
	steps := []struct {
		does    string
		do      func()
		reasons []string
		says    string
	}{
		{
			does: "apply the route",
			do: func() {
				c.PutRoute(testRoute("team-a", "example", v1alpha1.TravisRouteSpec{
					Repository: "example/example",
					Channels:   []v1alpha1.Channel{{Address: "builds@example.com"}},
				}))
			},
			reasons: []string{v1alpha1.ReasonAccountNotFound, v1alpha1.ReasonTokenNotFound},
			says:    `set account in the TravisDefaults of namespace "team-a" or "travishook-system"`,
		}, {
			does: "define the account",
			do: func() {
				c.PutDefaults(testDefaults(operatorNamespace, v1alpha1.TravisDefaultsSpec{Accounts: []v1alpha1.Account{xmppAccount("jabber")}}))
			},
			reasons: []string{v1alpha1.ReasonSecretNotFound, v1alpha1.ReasonTokenNotFound},
			says:    `Secret "jabber" does not exist in namespace "travishook-system"; create it with the key "password" and the label travishook.dev/secret-type=credential`,
		}, {
			does:    "create its Secret without the label",
			do:      func() { c.PutUnlabeled(types.NamespacedName{Namespace: operatorNamespace, Name: "jabber"}) },
			reasons: []string{v1alpha1.ReasonSecretNotLabeled, v1alpha1.ReasonTokenNotFound},
			says:    "kubectl label secret -n travishook-system jabber travishook.dev/secret-type=credential",
		}, {
			does: "label it",
			do: func() {
				c.PutSecret(testSecret(operatorNamespace, "jabber", v1alpha1.SecretTypeCredential, "password", "s3cret"))
			},
			reasons: []string{v1alpha1.ReasonTokenNotFound},
			says:    `create a Secret with the keys "repository" (example/example) and "token" and the label travishook.dev/secret-type=token`,
		}, {
			does:    "create the token without the label",
			do:      func() { c.SetUnlabeledTokens("team-a", []string{"token"}) },
			reasons: []string{v1alpha1.ReasonTokenNotFound},
			says:    "kubectl label secret -n team-a token travishook.dev/secret-type=token",
		}, {
			does:    "rename it",
			do:      func() { c.SetUnlabeledTokens("team-a", []string{"theirs"}) },
			reasons: []string{v1alpha1.ReasonTokenNotFound},
			says:    "kubectl label secret -n team-a theirs travishook.dev/secret-type=token",
		}, {
			does:    "delete it",
			do:      func() { c.SetUnlabeledTokens("team-a", nil) },
			reasons: []string{v1alpha1.ReasonTokenNotFound},
			says:    `in namespace "team-a": create a Secret`,
		}, {
			does: "create the token",
			do: func() {
				c.PutSecret(testSecret("team-a", "token", v1alpha1.SecretTypeToken, "repository", "Example/example", "token", "s3cret"))
			},
		}, {
			does:    "lose the keys",
			do:      func() { c.SetKeys(Keys{Signed: func(string) bool { return false }}) },
			reasons: []string{v1alpha1.ReasonNoKey},
			says:    "the operator has no public key",
		}, {
			does: "name the repository as keyless",
			do: func() {
				c.SetKeys(Keys{Signed: func(string) bool { return false }, Keyless: func(slug string) bool { return slug == "example/example" }})
			},
		}, {
			does: "replace the token by a grant, which a keyless repository cannot use",
			do: func() {
				c.PutDefaults(testDefaults(operatorNamespace, v1alpha1.TravisDefaultsSpec{
					Accounts: []v1alpha1.Account{xmppAccount("jabber")},
					SignatureOnly: &v1alpha1.SignatureOnly{
						Namespaces:   v1alpha1.NamespaceSelection{From: v1alpha1.FromAll},
						Repositories: []v1alpha1.RepositoryGlob{"*/*"},
					},
				}))
				c.DeleteSecret(types.NamespacedName{Namespace: "team-a", Name: "token"})
			},
			reasons: []string{v1alpha1.ReasonNoKey},
			says:    "the operator has no public key",
		}, {
			does: "get a key",
			do:   func() { c.SetKeys(Keys{Signed: func(string) bool { return true }}) },
		},
	}
	for _, step := range steps {
		reported = nil
		step.do()
		v, ok := c.Verdict(key)
		if !ok || !v.Accepted() {
			t.Fatalf("%s: the verdict is %+v", step.does, v)
		}
		var reasons, messages []string
		for _, p := range v.Unresolved {
			reasons = append(reasons, p.Reason)
			messages = append(messages, p.Message)
		}
		if diff := cmp.Diff(step.reasons, reasons); diff != "" {
			t.Errorf("%s: reasons: %s", step.does, diff)
		}
		if !strings.Contains(strings.Join(messages, "\n"), step.says) {
			t.Errorf("%s: nothing says %q: %q", step.does, step.says, messages)
		}
		if !slices.Contains(reported, key) {
			t.Errorf("%s: nothing was reported", step.does)
		}
	}
}

// A change recompiles the routes that depend on it, and leaves the others alone.
func TestChangeTouchesOnlyWhatDepends(t *testing.T) {
	accounts := func(first, second v1alpha1.Account) *v1alpha1.TravisDefaults {
		return testDefaults(operatorNamespace, v1alpha1.TravisDefaultsSpec{Account: "first", Accounts: []v1alpha1.Account{first, second}})
	}
	selecting := xmppAccount("second")
	selecting.AllowedNamespaces = &v1alpha1.NamespaceSelection{From: v1alpha1.FromSelector, Selector: &metav1.LabelSelector{}}
	elsewhere := xmppAccount("second")
	elsewhere.AllowedAddresses = []v1alpha1.Glob{"else@where"}
	selectingElsewhere := selecting
	selectingElsewhere.AllowedAddresses = elsewhere.AllowedAddresses
	tests := map[string]struct {
		change   func(c *Compiler)
		touched  []string
		reported []string // whose verdict changed, though they are the same
		accounts []string // reported as changed
		targets  []string // reported because their channels resolve to something else
		deleted  []string
	}{
		"credential of an account": {
			change: func(c *Compiler) {
				c.PutSecret(testSecret(operatorNamespace, "second", v1alpha1.SecretTypeCredential, "password", "new"))
			},
			accounts: []string{"second"}, // the channels resolve as before
		},
		"the same credential again": {
			change: func(c *Compiler) {
				c.PutSecret(testSecret(operatorNamespace, "second", v1alpha1.SecretTypeCredential, "password", "s3cret"))
			},
		},
		"the same route again": {
			change: func(c *Compiler) { c.PutRoute(testRoute("a", "first", specOf("example/example", "", "passed"))) },
		},
		"who may use an account": {
			change:   func(c *Compiler) { c.PutDefaults(accounts(xmppAccount("first"), xmppAccount("second"))) },
			reported: []string{"a/second", "b/second"},
			touched:  []string{"a/second", "b/second"}, // they have an account now
			targets:  []string{"a/second", "b/second"},
			accounts: []string{"second"},
		},
		"where an account may speak": {
			change:   func(c *Compiler) { c.PutDefaults(accounts(xmppAccount("first"), elsewhere)) },
			reported: []string{"a/second", "b/second"}, // they do not resolve, as before, for another reason
			touched:  []string{"a/second", "b/second"}, // but the account key is known
			targets:  []string{"a/second", "b/second"},
			accounts: []string{"second"},
		},
		"only where an account may speak": { // no route can use it, before and after
			change:   func(c *Compiler) { c.PutDefaults(accounts(xmppAccount("first"), selectingElsewhere)) },
			accounts: []string{"second"},
		},
		"labels that choose": {
			change:   func(c *Compiler) { c.PutNamespace("a", map[string]string{"any": "label"}) },
			reported: []string{"a/second"},
			touched:  []string{"a/second"},
			targets:  []string{"a/second"},
			accounts: []string{"second"},
		},
		"events of the cluster": {
			change: func(c *Compiler) {
				d := accounts(xmppAccount("first"), selecting)
				d.Spec.Events = []v1alpha1.EventName{"passed"}
				c.PutDefaults(d)
			},
			touched: []string{"a/follows", "b/follows"},
		},
		"events of one namespace": {
			change: func(c *Compiler) {
				c.PutDefaults(testDefaults("a", v1alpha1.TravisDefaultsSpec{Events: []v1alpha1.EventName{"passed"}}))
			},
			touched: []string{"a/follows"},
		},
		"default account of one namespace": {
			change:  func(c *Compiler) { c.PutDefaults(testDefaults("a", v1alpha1.TravisDefaultsSpec{Account: "second"})) },
			touched: []string{"a/first", "a/follows"},
			targets: []string{"a/first", "a/follows"}, // deliveries that wait for the other account are retried at once
		},
		"a token": {
			change: func(c *Compiler) {
				c.PutSecret(testSecret("a", "token", v1alpha1.SecretTypeToken, "repository", "example/other", "token", "new"))
			},
			reported: []string{"a/second"},
		},
		"another route": {
			change:  func(c *Compiler) { c.DeleteRoute(types.NamespacedName{Namespace: "a", Name: "first"}) },
			touched: []string{"a/first"},
			deleted: []string{"a/first"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got Changes
			config := testConfig()
			config.Changed = func(ch Changes) { got = ch }
			c := NewCompiler(config)
			for _, name := range []string{"first", "second"} {
				c.PutSecret(testSecret(operatorNamespace, name, v1alpha1.SecretTypeCredential, "password", "s3cret"))
			}
			c.PutDefaults(accounts(xmppAccount("first"), selecting))
			routes := map[string]*Route{}
			for _, ns := range []string{"a", "b"} {
				c.PutRoute(testRoute(ns, "first", specOf("example/example", "", "passed")))
				c.PutRoute(testRoute(ns, "follows", specOf("example/example", "")))
				c.PutRoute(testRoute(ns, "second", specOf("example/other", "second", "passed")))
				for _, name := range []string{"first", "follows", "second"} {
					routes[ns+"/"+name], _ = c.Table().Route(ns, name)
				}
			}
			got = Changes{}
			test.change(c)
			var touched []string
			for key, before := range routes {
				if after, _ := c.Table().Route(before.Namespace, before.Name); after != before {
					touched = append(touched, key)
				}
			}
			slices.Sort(touched)
			if diff := cmp.Diff(test.touched, touched); diff != "" {
				t.Errorf("routes that were recompiled: %s", diff)
			}
			var accounts []string
			for _, a := range got.Accounts {
				accounts = append(accounts, a.Name)
			}
			if diff := cmp.Diff(test.accounts, accounts); diff != "" {
				t.Errorf("accounts: %s", diff)
			}
			if reported := sorted(got.Routes); test.reported != nil && !slices.Equal(test.reported, reported) {
				t.Errorf("routes: %q, want %q", reported, test.reported)
			}
			if targets := sorted(got.Targets); !slices.Equal(test.targets, targets) {
				t.Errorf("targets: %q, want %q", targets, test.targets)
			}
			if deleted := sorted(got.Deleted); !slices.Equal(test.deleted, deleted) {
				t.Errorf("deleted: %q, want %q", deleted, test.deleted)
			}
		})
	}
}

func sorted(keys []types.NamespacedName) []string {
	var names []string
	for _, key := range keys {
		names = append(names, key.String())
	}
	slices.Sort(names)
	return names
}

func specOf(repository, account string, events ...v1alpha1.EventName) v1alpha1.TravisRouteSpec {
	return v1alpha1.TravisRouteSpec{
		Repository: repository,
		Channels:   []v1alpha1.Channel{{Account: account, Address: "builds@example.com"}},
		Events:     events,
	}
}

// A table never changes after it was published.
func TestTableNeverChanges(t *testing.T) {
	c := NewCompiler(testConfig())
	c.PutRoute(testRoute("a", "one", specOf("example/example", "", "passed")))
	held := c.Table()
	c.PutRoute(testRoute("a", "two", specOf("example/example", "", "passed")))
	c.DeleteRoute(types.NamespacedName{Namespace: "a", Name: "one"})
	repository, _ := held.Repository("example/example")
	if n := repository.Namespaces[0]; len(n.Routes) != 1 || n.Routes[0].Name != "one" {
		t.Errorf("the table that was held has changed: %v", n.Routes)
	}
	repository, _ = c.Table().Repository("example/example")
	if n := repository.Namespaces[0]; len(n.Routes) != 1 || n.Routes[0].Name != "two" {
		t.Errorf("the new table has %v", n.Routes)
	}
}

// Tables are read while others are made, for the race detector.
func TestReadersAndWriters(t *testing.T) {
	c := filled(t, 100)
	var group sync.WaitGroup
	for writer := range 4 {
		group.Go(func() {
			for i := range 200 {
				switch {
				case writer == 0:
					c.PutSecret(testSecret(operatorNamespace, "jabber", v1alpha1.SecretTypeCredential, "password", fmt.Sprint(i)))
				case i%3 == 0:
					c.DeleteRoute(types.NamespacedName{Namespace: "team-0", Name: fmt.Sprintf("route-%d", writer)})
				default:
					c.PutRoute(benchRoute(writer, fmt.Sprint(i)))
				}
			}
		})
	}
	for range 2 {
		group.Go(func() {
			for i := range 1000 {
				repository, ok := c.Table().Repository(fmt.Sprintf("owner-0/name-%d", i%10))
				if ok && len(repository.Namespaces[0].Match(testEvent())) != 1 {
					t.Error("a repository without its route")
				}
				c.Verdict(types.NamespacedName{Namespace: "team-0", Name: "route-1"})
			}
		})
	}
	group.Wait()
	for _, writer := range []int{1, 2, 3} { // 199 is no multiple of 3: each put its route last
		route, ok := c.Table().Route("team-0", fmt.Sprintf("route-%d", writer))
		if !ok || route.Targets[0].Address != "199@example.com" {
			t.Errorf("route %d is %v", writer, route)
		}
	}
}

// TestTransitions: a namespace's own defaults go before the cluster's, and a change reaches the table.
func TestTransitions(t *testing.T) {
	c := NewCompiler(testConfig())
	c.PutRoute(testRoute("a", "one", specOf("example/example", "", "passed")))
	c.PutRoute(testRoute("a", "all", specOf("other/*", "", "passed")))
	for _, step := range []struct {
		namespace   string
		transitions v1alpha1.Transitions
		want        bool
	}{
		{operatorNamespace, "", true}, {operatorNamespace, v1alpha1.TransitionsTravis, false},
		{"a", v1alpha1.TransitionsComputed, true}, {"a", v1alpha1.TransitionsTravis, false}, {operatorNamespace, "", false}, {"a", "", true},
	} {
		c.PutDefaults(testDefaults(step.namespace, v1alpha1.TravisDefaultsSpec{Transitions: step.transitions}))
		for _, slug := range []string{"example/example", "other/x"} {
			repository, _ := c.Table().Repository(slug)
			if n := repository.Namespaces[0]; n.Computed != step.want {
				t.Errorf("%s after %+v: computed %v", slug, step, n.Computed)
			}
		}
	}
}

// TestUpdates: a route's own go before the defaults', its text apart from its updates, and a service that
// cannot update messages is a warning.
func TestUpdates(t *testing.T) {
	c := NewCompiler(testConfig())
	spec := specOf("example/example", "jabber", "passed")
	spec.Message = &v1alpha1.MessageTemplate{Text: "own"}
	c.PutRoute(testRoute("a", "text", spec))
	spec.Message = &v1alpha1.MessageTemplate{Updates: v1alpha1.UpdatesThread}
	c.PutRoute(testRoute("a", "updates", spec))
	route := func(name string) *Route {
		r, _ := c.Table().Route("a", name)
		return r
	}
	if text, updates := route("text"), route("updates"); text.Updates != Separate || updates.Updates != Thread || updates.Message != nil {
		t.Errorf("without defaults: %+v, %+v", text, updates)
	}
	c.PutDefaults(testDefaults("a", v1alpha1.TravisDefaultsSpec{Message: &v1alpha1.MessageTemplate{Text: "default", Updates: v1alpha1.UpdatesEdit}}))
	if text, updates := route("text"), route("updates"); text.Updates != Edit || text.Message.Text != "own" ||
		updates.Updates != Thread || updates.Message.Text != "default" {
		t.Errorf("with defaults: %+v, %+v", text, updates)
	}
	config := testConfig()
	xmpp := config.Services["xmpp"]
	xmpp.Forms = []notify.Capabilities{{Edit: true}}
	config.Services["xmpp"] = xmpp
	c = NewCompiler(config)
	c.PutDefaults(testDefaults("a", v1alpha1.TravisDefaultsSpec{Accounts: []v1alpha1.Account{{
		Name: "jabber", XMPP: &v1alpha1.XMPPAccount{JID: "ci@example.com", SecretRef: v1alpha1.SecretReference{Name: "jabber"}},
	}}}))
	c.PutSecret(testSecret("a", "jabber", v1alpha1.SecretTypeCredential, "password", "correct horse"))
	for updates, want := range map[v1alpha1.Updates]bool{Separate: false, Edit: false, Thread: true} {
		spec.Message = &v1alpha1.MessageTemplate{Updates: updates}
		c.PutRoute(testRoute("a", string(updates), spec))
		v, _ := c.Verdict(types.NamespacedName{Namespace: "a", Name: string(updates)})
		warned := slices.ContainsFunc(v.Warnings, func(w string) bool {
			return strings.Contains(w, "message.updates is Thread, which xmpp does not support")
		})
		if warned != want {
			t.Errorf("%s: warnings %q", updates, v.Warnings)
		}
	}
}
