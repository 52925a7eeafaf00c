package main

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/notify/registry"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/travis"
)

// table measures the routing table by its size.
func table(ctx context.Context, b *benchmark) (section, error) {
	if err := flag.Set("test.benchtime", (b.span / 2).String()); err != nil {
		return section{}, err
	}
	s := section{
		title: "The routing table, by its size",
		head: []string{
			"routes", "look up a known repository", "an unknown one", "look up and match an event",
			"memory per 10 000 routes", "one edited route in effect, p50", "p99",
		},
		note: "Routes to XMPP rooms through one account, each of its own repository, ten to a namespace. An edit is in effect " +
			"once the new table is published; the time until the watch delivers it is not included.",
	}
	for _, n := range b.routes {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		s.rows = append(s.rows, tableRow(n))
		b.say("%d routes: done", n)
	}
	return s, nil
}

func tableRow(n int) []string {
	before := heap()
	c := compiled(n)
	memory := "" // for few routes, the rest of the process dominates
	if n >= 10_000 {
		memory = fmt.Sprintf("%.0f MiB", float64(heap()-before)/float64(n)*10_000/(1<<20))
	}
	event := &travis.Event{Build: travis.Build{Type: travis.Push, Result: travis.Passed, Branch: "main"}}
	edits := edit(c, n)
	return []string{
		thousands(float64(n)),
		cost(func() { c.Table().Repository("Owner-0/Name-7") }),
		cost(func() { c.Table().Repository("owner-0/unheard-of") }),
		cost(func() {
			repository, _ := c.Table().Repository("owner-0/name-7")
			for _, namespace := range repository.Namespaces {
				namespace.Match(event)
			}
		}),
		memory,
		microseconds(edits.quantile(0.5)), microseconds(edits.quantile(0.99)),
	}
}

// cost is what doing it takes: time and allocations.
func cost(do func()) string {
	r := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			do()
		}
	})
	return fmt.Sprintf("%.0f ns, %d allocs", float64(r.T.Nanoseconds())/float64(r.N), r.AllocsPerOp())
}

// compiled returns a compiler with n routes.
func compiled(n int) *routing.Compiler {
	c := routing.NewCompiler(routing.Config{OperatorNamespace: systemNamespace, Services: registry.Services})
	c.PutSecret(routing.Secret{
		Namespace: systemNamespace, Name: "jabber", Type: v1alpha1.SecretTypeCredential,
		Data: map[string]secret.Value{"password": secret.New("correct horse")},
	})
	c.PutDefaults(&v1alpha1.TravisDefaults{
		ObjectMeta: metav1.ObjectMeta{Namespace: systemNamespace, Name: v1alpha1.DefaultsName},
		Spec: v1alpha1.TravisDefaultsSpec{
			Accounts: []v1alpha1.Account{{
				Name: "jabber", XMPP: &v1alpha1.XMPPAccount{JID: "ci@example.com", SecretRef: v1alpha1.SecretReference{Name: "jabber"}},
			}},
			SignatureOnly: &v1alpha1.SignatureOnly{
				Namespaces: v1alpha1.NamespaceSelection{From: v1alpha1.FromAll}, Repositories: []v1alpha1.RepositoryGlob{"*/*"},
			},
		},
	})
	for i := range n {
		c.PutRoute(tableRoute(i, 1))
	}
	return c
}

// tableRoute returns route number i, to the channel of a generation.
func tableRoute(i int, generation int64) *v1alpha1.TravisRoute {
	return &v1alpha1.TravisRoute{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: fmt.Sprintf("team-%d", i/10), Name: fmt.Sprintf("route-%d", i), UID: "1", Generation: generation,
		},
		Spec: v1alpha1.TravisRouteSpec{
			Repository: fmt.Sprintf("owner-%d/name-%d", i/10, i),
			Channels:   []v1alpha1.Channel{{Address: fmt.Sprintf("builds-%d@conference.example.com", generation)}},
		},
	}
}

// edit edits one route after the other.
func edit(c *routing.Compiler, n int) delays {
	const edits = 1000
	took := make(delays, edits)
	for i := range took {
		edited := tableRoute((i*7919)%n, int64(i)+2) // 7919 is prime, which scatters the routes
		began := time.Now()
		c.PutRoute(edited)
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took
}

func heap() int64 {
	runtime.GC()
	runtime.GC() // frees what the first one's finalizers released
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
