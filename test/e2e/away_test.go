package e2e

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/gate"
)

// openGate opens a gate to a server until the spec ends.
func openGate(target string) *gate.Gate {
	GinkgoHelper()
	g, err := gate.New(func() (string, error) { return target, nil })
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(g.Shut)
	return g
}

// kubeconfigThrough returns the administrator's kubeconfig, with the API server behind the gate.
func kubeconfigThrough(g *gate.Gate, server string) string {
	GinkgoHelper()
	text, err := os.ReadFile(plane.Kubeconfig)
	Expect(err).NotTo(HaveOccurred())
	path := filepath.Join(GinkgoT().TempDir(), "kubeconfig")
	Expect(os.WriteFile(path, []byte(strings.ReplaceAll(string(text), server, g.Address)), 0o600)).To(Succeed())
	return path
}

// away returns how long the API server is unreachable while webhooks arrive; make e2e uses ten minutes.
func away() time.Duration {
	GinkgoHelper()
	set := os.Getenv("TRAVISHOOK_AWAY")
	if set == "" {
		return 0
	}
	span, err := time.ParseDuration(set)
	Expect(err).NotTo(HaveOccurred())
	return span
}

// postFor posts builds like b, one a second, for that long, and at least one. It returns how many.
func (s *site) postFor(ctx context.Context, span time.Duration, b travistest.Build) (posted int) {
	GinkgoHelper()
	end := time.After(span)
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for {
		Expect(s.postOnce(ctx, b)).To(Equal(http.StatusAccepted))
		posted++
		b.ID++
		select {
		case <-every.C:
		case <-end:
			return posted
		}
	}
}

var _ = Describe("While the API server is unavailable", func() {
	It("receives, stores and delivers, also after a restart, with the last table; and catches up", func(ctx context.Context) {
		server, err := url.Parse(plane.Config.Host)
		Expect(err).NotTo(HaveOccurred())
		g := openGate(server.Host)
		s, r := newSite(ctx), openChannel()
		s.kubeconfig = kubeconfigThrough(g, server.Host)
		s.apply(ctx, tokenSecret+"---"+accountSecret(r)+"---"+webhookAccount+"---"+route)
		s.start(ctx)
		s.waitReady(ctx)
		Expect(s.post(ctx, travistest.Build{ID: 1, Number: "1"})).To(Equal(http.StatusAccepted))
		Eventually(texts(r)).Should(HaveLen(1))

		By("shutting the API server off: events are delivered with the known credentials")
		g.Shut()
		Expect(s.postOnce(ctx, travistest.Build{ID: 2, Number: "2", Result: travis.Broken})).To(Equal(http.StatusAccepted))
		Eventually(texts(r)).Should(HaveLen(2))

		By("keeping it off for the time of TRAVISHOOK_AWAY")
		meanwhile := s.postFor(ctx, away(), travistest.Build{ID: 1000, Result: travis.Failed})
		Eventually(texts(r)).WithTimeout(time.Minute).Should(HaveLen(2 + meanwhile))

		By("restarting the operator: events are stored with the last table, and wait for their credential")
		Expect(s.operator.Stop()).To(Succeed()) // a kill could lose the connection before the answer
		s.start(ctx)
		Expect(s.post(ctx, travistest.Build{ID: 3, Number: "3", Result: travis.Fixed})).To(Equal(http.StatusAccepted))
		Expect(s.postOnce(ctx, travistest.Build{ID: 4, Repository: "unknown/unknown"})).To(Equal(http.StatusNoContent))
		forged := travistest.Request(ctx, s.operator.URL+"/"+proof("a wrong token"), travistest.Build{ID: 5}, s.key)
		Expect(status(forged)).To(Equal(http.StatusForbidden))

		By("adding a route meanwhile, and making the API server available again")
		s.apply(ctx, strings.NewReplacer("name: example,", "name: other,", "repository: example/example", "repository: other/other").Replace(route))
		Expect(g.Open()).To(Succeed())
		// A client that was refused for minutes retries twice a minute.
		Eventually(texts(r)).WithTimeout(2 * time.Minute).Should(And(HaveLen(3+meanwhile), ContainElements(
			ContainSubstring("build/1: passed"), ContainSubstring("build/2: broken"), ContainSubstring("build/3: fixed"))))
		Eventually(kubectl).WithTimeout(2*time.Minute).WithPolling(time.Second/2).WithArguments(ctx, "", "get", "travisroutes", "-n", s.name).Should(And(
			ContainSubstring("#3 fixed"), MatchRegexp(`other +other/other +\* +False`)))
	})
})
