package routing

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/travishook/travishook/api/v1alpha1"
)

// filled returns a compiler with n routes, ten per namespace, each with a repository of its own.
func filled(tb testing.TB, n int) *Compiler {
	tb.Helper()
	c := NewCompiler(testConfig())
	c.PutSecret(testSecret(operatorNamespace, "jabber", v1alpha1.SecretTypeCredential, "password", "s3cret"))
	c.PutDefaults(testDefaults(operatorNamespace, v1alpha1.TravisDefaultsSpec{
		Accounts:      []v1alpha1.Account{xmppAccount("jabber")},
		SignatureOnly: &v1alpha1.SignatureOnly{Namespaces: v1alpha1.NamespaceSelection{From: v1alpha1.FromAll}, Repositories: []v1alpha1.RepositoryGlob{"*/*"}},
	}))
	for i := range n {
		c.PutRoute(benchRoute(i, "builds"))
	}
	return c
}

func benchRoute(i int, room string) *v1alpha1.TravisRoute {
	return testRoute(fmt.Sprintf("team-%d", i/10), fmt.Sprintf("route-%d", i), v1alpha1.TravisRouteSpec{
		Repository: fmt.Sprintf("owner-%d/name-%d", i/10, i),
		Channels:   []v1alpha1.Channel{{Address: room + "@example.com"}},
	})
}

var sizes = []int{10, 10_000, 100_000}

func BenchmarkLookup(b *testing.B) {
	for _, n := range sizes {
		table := filled(b, n).Table()
		for name, slug := range map[string]string{"known": "Owner-0/name-7", "unknown": "owner-0/unheard-of"} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					table.Repository(slug)
				}
			})
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	for _, n := range sizes {
		table := filled(b, n).Table()
		e := testEvent()
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				repository, _ := table.Repository("owner-0/name-7")
				for _, namespace := range repository.Namespaces {
					namespace.Match(e)
				}
			}
		})
	}
}

// BenchmarkEdit edits one of many routes, until the new table is published.
func BenchmarkEdit(b *testing.B) {
	for _, n := range sizes {
		c := filled(b, n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				c.PutRoute(benchRoute(7, fmt.Sprintf("room-%d", i)))
			}
		})
	}
}

// BenchmarkRotate changes the credential of the account that every route uses.
func BenchmarkRotate(b *testing.B) {
	c := filled(b, 100_000)
	for i := 0; b.Loop(); i++ {
		c.PutSecret(testSecret(operatorNamespace, "jabber", v1alpha1.SecretTypeCredential, "password", fmt.Sprint(i)))
	}
}

// BenchmarkLoad loads all routes as a starting replica does. It also reports the memory of 10 000 routes.
func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var before, after runtime.MemStats
			var c *Compiler
			runtime.GC()
			runtime.ReadMemStats(&before)
			for b.Loop() {
				c = filled(b, n)
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			runtime.KeepAlive(c)
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(n)*10_000/(1<<20), "MiB/10k-routes")
		})
	}
}
