package e2e

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/test/suite"
)

var _ = Describe("A restart", func() {
	It("writes no status and records no Event if nothing has changed", func(ctx context.Context) {
		const routes = 200
		s := newSite(ctx)
		r := openChannel()
		manifests := tokenSecret + "---" + accountSecret(r) + "---" + webhookAccount + "---" + route
		for i := range routes {
			manifests += "---" + strings.Replace(route, "name: example,", fmt.Sprintf("name: example-%d,", i), 1)
		}
		s.start(ctx)
		s.apply(ctx, manifests)
		kubectl(ctx, "", "wait", "travisroute", "--all", "-n", s.name, "--for=condition=Ready", "--timeout=90s")
		// An Event arrives after the status that it is about.
		Eventually(s.events).WithArguments(ctx).Should(BeNumerically(">=", routes))
		s.awaitTurns(ctx, routes)
		Expect(s.operator.Stop()).To(Succeed())
		versions, events := s.versions(ctx), s.events(ctx)

		s.start(ctx)
		s.awaitTurns(ctx, routes)
		Expect(s.versions(ctx)).To(Equal(versions), "a status was written")
		Expect(s.events(ctx)).To(Equal(events), "an Event was recorded")
	})
})

// versions are those of the site's objects, which each write changes.
func (s *site) versions(ctx context.Context) string {
	GinkgoHelper()
	const columns = "custom-columns=NAME:.metadata.name,VERSION:.metadata.resourceVersion"
	return kubectl(ctx, "", "get", "travisroutes", "-n", s.name, "-o", columns) +
		kubectl(ctx, "", "get", "travisdefaults", "-n", s.system, "-o", columns)
}

// events counts the site's Events, each as often as it happened.
func (s *site) events(ctx context.Context) int {
	GinkgoHelper()
	n := 0
	for _, ns := range []string{s.name, s.system} {
		for line := range strings.Lines(kubectl(ctx, "", "get", "events.events.k8s.io", "-n", ns, "--no-headers", "-o", "custom-columns=COUNT:.series.count,KIND:.regarding.kind")) {
			if count := strings.Fields(line); len(count) == 2 && strings.HasPrefix(count[1], "Travis") {
				again, err := strconv.Atoi(count[0])
				if err != nil {
					again = 1
				}
				n += again
			}
		}
	}
	return n
}

var (
	turnsMetric = regexp.MustCompile(`workqueue_work_duration_seconds_count\{[^}]*name="status"[^}]*\} (\d+)`)
	depthMetric = regexp.MustCompile(`workqueue_depth\{[^}]*name="status"[^}]*\} (\d+)`)
)

// awaitTurns waits until the status writer has been through at least n objects, and none waits.
func (s *site) awaitTurns(ctx context.Context, n int) {
	GinkgoHelper()
	Eventually(s.operator.Log).Should(ContainSubstring("acquired the status lease"))
	Eventually(func(g Gomega) {
		metrics, err := suite.Metrics(ctx, s.operator.Log())
		g.Expect(err).NotTo(HaveOccurred())
		turns, depth := turnsMetric.FindStringSubmatch(metrics), depthMetric.FindStringSubmatch(metrics)
		g.Expect(turns).NotTo(BeNil())
		done, err := strconv.Atoi(turns[1])
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(done).To(BeNumerically(">", n))
		g.Expect(depth).To(HaveExactElements(Not(BeEmpty()), Equal("0")))
	}).Should(Succeed())
}
