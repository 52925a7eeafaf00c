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
	// perNamespace is how many repositories a namespace has, each with a route to a channel of its
	// own, all through one webhook account.
	perNamespace = 16
)

// group is a number of repositories whose builds are sent to channels of one kind.
type group struct {
	name string
	n    int
	path func(i int) string // of the channel at the sink
	ids  int64              // repository ids start after it
}

// live channels accept messages.
func live(n int) group {
	return group{name: "team", n: n, path: func(int) string { return "/take" }, ids: 0}
}

// deadChannels accept no messages: every other one hangs, the rest refuse.
func deadChannels(n int) group {
	return group{name: "dead", n: n, ids: 1 << 20, path: func(i int) string {
		if i%2 == 0 {
			return "/hang"
		}
		return "/refuse"
	}}
}

// flooding is one repository that sends a flood of builds.
func flooding() group {
	return group{name: "flooding", n: 1, path: func(int) string { return "/take" }, ids: 2 << 20}
}

func (s group) namespace(i int) string { return fmt.Sprintf("%s-%d", s.name, i/perNamespace) }
func (s group) route(i int) string     { return fmt.Sprintf("route-%d", i) }
func (s group) repository(i int) string {
	return fmt.Sprintf("%s-%d/project-%d", s.name, i/perNamespace, i)
}

// declare adds the group's objects to the table, as they would be in a cluster.
func (s group) declare(c *routing.Compiler, sink string) {
	for first := 0; first < s.n; first += perNamespace {
		urls := map[string]secret.Value{}
		for i := first; i < min(first+perNamespace, s.n); i++ {
			key := fmt.Sprintf("channel-%d", i)
			urls[key] = secret.New(fmt.Sprintf("%s%s/%s", sink, s.path(i), key))
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

func (s group) object(i int, address string) *v1alpha1.TravisRoute {
	return &v1alpha1.TravisRoute{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace(i), Name: s.route(i), UID: "1", Generation: 1},
		Spec:       v1alpha1.TravisRouteSpec{Repository: s.repository(i), Channels: []v1alpha1.Channel{{Address: address}}},
	}
}

// grantAll authorizes every namespace for every repository by signature, as in a cluster of one team.
func grantAll(c *routing.Compiler) {
	c.PutDefaults(&v1alpha1.TravisDefaults{
		ObjectMeta: metav1.ObjectMeta{Namespace: systemNamespace, Name: v1alpha1.DefaultsName},
		Spec: v1alpha1.TravisDefaultsSpec{SignatureOnly: &v1alpha1.SignatureOnly{
			Namespaces: v1alpha1.NamespaceSelection{From: v1alpha1.FromAll}, Repositories: []v1alpha1.RepositoryGlob{"*/*"},
		}},
	})
}

// build returns the build of webhook number i; repositories take turns.
func (s group) build(i int) travistest.Build {
	return travistest.Build{
		Repository: s.repository(i % s.n), RepositoryID: s.ids + int64(i%s.n) + 1,
		ID: int64(i) + 1, Number: fmt.Sprint(i + 1), Result: travis.Passed,
		Message:  "Explain the benchmark\n\n" + strings.Repeat("A commit message of some lines. ", 8),
		Finished: time.Now(),
	}
}

// webhooks returns the builds from from to to, unsigned.
func (s group) webhooks(from, to int) []travistest.Build {
	builds := make([]travistest.Build, 0, to-from)
	for i := from; i < to; i++ {
		builds = append(builds, s.build(i))
	}
	return builds
}
