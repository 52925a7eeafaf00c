package main

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
)

const (
	systemNamespace = "travishook-system"
	// perNamespace is how many repositories a namespace has, each with a route to a room of its
	// own, all through one webhook account.
	perNamespace = 16
)

// street is a number of repositories whose builds go to rooms of one kind.
type street struct {
	name string
	n    int
	room func(i int) string // path at the sink
	ids  int64              // their numbers begin after it
}

// rooms take messages.
func rooms(n int) street {
	return street{name: "team", n: n, room: func(int) string { return "/take" }, ids: 0}
}

// dead rooms take none: they hang and refuse in turn.
func dead(n int) street {
	return street{name: "dead", n: n, ids: 1 << 20, room: func(i int) string {
		if i%2 == 0 {
			return "/hang"
		}
		return "/refuse"
	}}
}

// loud is one repository of which there is a flood.
func loud() street {
	return street{name: "loud", n: 1, room: func(int) string { return "/take" }, ids: 2 << 20}
}

func (s street) namespace(i int) string { return fmt.Sprintf("%s-%d", s.name, i/perNamespace) }
func (s street) route(i int) string     { return fmt.Sprintf("route-%d", i) }
func (s street) repository(i int) string {
	return fmt.Sprintf("%s-%d/project-%d", s.name, i/perNamespace, i)
}

// declare puts the street's objects into the table, as a cluster would hold them.
func (s street) declare(c *routing.Compiler, sink string) {
	for first := 0; first < s.n; first += perNamespace {
		urls := map[string]secret.Value{}
		for i := first; i < min(first+perNamespace, s.n); i++ {
			key := fmt.Sprintf("room-%d", i)
			urls[key] = secret.New(fmt.Sprintf("%s%s/%s", sink, s.room(i), key))
			c.PutRoute(s.object(i, key))
		}
		namespace := s.namespace(first)
		c.PutSecret(routing.Secret{Namespace: namespace, Name: "chat", Type: v1alpha1.SecretTypeCredential, Data: urls})
		c.PutDefaults(&v1alpha1.TravisDefaults{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.DefaultsName},
			Spec: v1alpha1.TravisDefaultsSpec{Accounts: []v1alpha1.Account{{
				Name: "chat", Webhook: &v1alpha1.WebhookAccount{SecretRef: v1alpha1.SecretReference{Name: "chat"}},
			}}},
		})
	}
}

func (s street) object(i int, room string) *v1alpha1.TravisRoute {
	return &v1alpha1.TravisRoute{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace(i), Name: s.route(i), UID: "1", Generation: 1},
		Spec:       v1alpha1.TravisRouteSpec{Repository: s.repository(i), Channels: []v1alpha1.Channel{{Address: room}}},
	}
}

// grantAll lets every namespace hear what is signed, as a cluster of one team does.
func grantAll(c *routing.Compiler) {
	c.PutDefaults(&v1alpha1.TravisDefaults{
		ObjectMeta: metav1.ObjectMeta{Namespace: systemNamespace, Name: v1alpha1.DefaultsName},
		Spec: v1alpha1.TravisDefaultsSpec{SignatureOnly: &v1alpha1.SignatureOnly{
			Namespaces: v1alpha1.NamespaceSelection{From: v1alpha1.FromAll}, Repositories: []v1alpha1.RepositoryGlob{"*/*"},
		}},
	})
}

// build is what webhook number i of all tells of: its repositories have their turn one after
// the other.
func (s street) build(i int) travistest.Build {
	return travistest.Build{
		Repository: s.repository(i % s.n), RepositoryID: s.ids + int64(i%s.n) + 1,
		ID: int64(i) + 1, Number: fmt.Sprint(i + 1), Result: travis.Passed,
		Message:  "Explain the benchmark\n\n" + strings.Repeat("A commit message of some lines. ", 8),
		Finished: time.Now(),
	}
}

// webhooks are the builds from to, unsigned.
func (s street) webhooks(from, to int) []travistest.Build {
	builds := make([]travistest.Build, 0, to-from)
	for i := from; i < to; i++ {
		builds = append(builds, s.build(i))
	}
	return builds
}
