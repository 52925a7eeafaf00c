package e2e

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/chat"
	"github.com/travishook/travishook/test/port"
	"github.com/travishook/travishook/test/powerloss/disk"
	"github.com/travishook/travishook/test/suite"
)

// pressureChannels is large enough that no channel gets more messages than its burst.
const pressureChannels = 24

// manyRoutes returns manifests of routes for as many repositories, each to a channel of its own.
func manyRoutes(r *chat.Channel, size int) string {
	var keys, routes strings.Builder
	for n := range size {
		fmt.Fprintf(&keys, "  channel-%d: %s/%d\n", n, r.URL, n) // a URL of its own: keys of one URL are one destination
		fmt.Fprintf(&routes, `---
apiVersion: travishook.dev/v1alpha1
kind: TravisRoute
metadata: {name: route-%d, namespace: TEAM}
spec:
  repository: example/project-%d
  channels: [{account: chat, address: channel-%d}]
  events: ["*"]
`, n, n, n)
	}
	return webhookAccount + `  signatureOnly:
    namespaces: {from: All}
    repositories: ["example/*"]
---
apiVersion: v1
kind: Secret
metadata: {name: chat, namespace: SYSTEM, labels: {travishook.dev/secret-type: credential}}
stringData:
` + keys.String() + routes.String()
}

// postLarge posts a build of some 17 kB, as often as Travis does.
func (s *site) postLarge(ctx context.Context, build int64) int {
	GinkgoHelper()
	n := build % pressureChannels
	return status(travistest.Request(ctx, s.operator.URL, travistest.Build{
		Repository: fmt.Sprintf("example/project-%d", n), RepositoryID: n + 1,
		ID: build, Number: fmt.Sprint(build), Message: strings.Repeat("too much ", 2000),
	}, s.key))
}

// storeEvents returns the Events about the store as text.
func (s *site) storeEvents(ctx context.Context) (string, error) {
	return get(ctx, suite.Events, s.system, "",
		`{range .items[?(@.action=="TakeEvents")]}{.type} {.reason} {.involvedObject.kind}/{.involvedObject.name}/{.involvedObject.uid}: {.message}{"\n"}{end}`)
}

// condition returns the StoreAvailable condition of the cluster's defaults.
func (s *site) condition(ctx context.Context) (string, error) {
	return get(ctx, suite.Defaults, s.system, "default",
		`{range .status.conditions[?(@.type=="StoreAvailable")]}{.status} {.reason}: {.message}{end}`)
}

var _ = Describe("A store that accepts no events", func() {
	var s *site
	var r *chat.Channel
	BeforeEach(func(ctx context.Context) {
		GinkgoT().Setenv("POD_NAME", "travishook-0")
		GinkgoT().Setenv("POD_UID", "0123")
		s, r = newSite(ctx), openChannel()
	})

	// restart starts the operator with a store in dir, and returns where its readiness probe is.
	restart := func(ctx context.Context, dir, limit string) (readyz string) {
		GinkgoHelper()
		probes, err := port.Free()
		Expect(err).NotTo(HaveOccurred())
		s.startWith(ctx, strings.NewReplacer(
			fmt.Sprintf("store: {directory: %q}", filepath.Join(s.dir, "store")),
			fmt.Sprintf("store: {directory: %q, maxSize: %s}", filepath.Join(dir, "store"), limit),
			`probes: {address: "127.0.0.1:0"}`, fmt.Sprintf("probes: {address: %q}", probes)).Replace(s.settings()))
		return "http://" + probes + "/readyz?verbose"
	}

	// start starts the operator with a small store in dir.
	start := func(ctx context.Context, dir string) (readyz string) {
		GinkgoHelper()
		s.apply(ctx, manyRoutes(r, pressureChannels))
		readyz = restart(ctx, dir, "16Mi")
		kubectl(ctx, "", "wait", "travisroute", "--all", "-n", s.name, "--for=condition=Ready", "--timeout=90s")
		Eventually(s.postLarge).WithArguments(ctx, int64(1)).Should(Equal(http.StatusAccepted))
		Eventually(s.condition).WithArguments(ctx).Should(Equal("True StoreAvailable: the store accepts events"))
		Expect(s.storeEvents(ctx)).To(BeEmpty(), "no Event while the store is available")
		return readyz
	}

	// refuse posts until the store refuses.
	refuse := func(ctx context.Context) {
		GinkgoHelper()
		for build := int64(2); ; build++ {
			if status := s.postLarge(ctx, build); status != http.StatusAccepted {
				Expect(status).To(Equal(http.StatusServiceUnavailable))
				return
			}
			Expect(build).To(BeNumerically("<", 5000))
		}
	}

	It("of a namespace that has used its share is reported in Events, on the cluster's defaults, on its routes and by why", func(ctx context.Context) {
		release := r.Hold() // a channel that rejected messages would get the next one up to a minute after it recovered
		start(ctx, s.dir)
		refuse(ctx)
		Eventually(s.storeEvents).WithArguments(ctx).Should(MatchRegexp(
			`^Warning ShareUsed Pod/travishook-0/0123: webhooks are refused, and Travis does not send them again: some namespaces have used their share of the store: ` + s.name + `\. .+\n$`))
		Eventually(s.condition).WithArguments(ctx).Should(HavePrefix("False ShareUsed: webhooks are refused"))
		Expect(kubectl(ctx, "", "describe", "travisdefaults", "default", "-n", s.system)).To(MatchRegexp(`Warning +ShareUsed `))
		Expect(kubectl(ctx, "", "get", "travisdefaults", "default", "-n", s.system)).To(MatchRegexp(`default +True`),
			"nothing is wrong with the manifest")
		route := func(ctx context.Context) string {
			return kubectl(ctx, "", "describe", "travisroute", "route-0", "-n", s.name)
		}
		Eventually(route).WithArguments(ctx).Should(And(
			MatchRegexp(`namespace `+s.name+` has used its share of the store: \d+ deliveries take`),
			MatchRegexp(`Warning +ShareUsed `)))
		Eventually(s.whyOf).WithArguments(ctx, "example/project-0", plugin(ctx), s.operator).Should(ContainSubstring("has used up its share of the store"))

		By("letting the channels accept the waiting messages")
		release()
		Eventually(s.condition).WithArguments(ctx).WithTimeout(6 * patience).Should(HavePrefix("True StoreAvailable"))
		Eventually(s.storeEvents).WithArguments(ctx).Should(HaveSuffix("\nNormal StoreAvailable Pod/travishook-0/0123: the store accepts events\n"))
		Expect(s.postLarge(ctx, 10_000)).To(Equal(http.StatusAccepted))
	})

	It("because of its limit accepts them after a restart with a larger one, and sends what waits", func(ctx context.Context) {
		release := r.Hold()
		start(ctx, s.dir)
		refuse(ctx)
		s.operator.Kill()
		restart(ctx, s.dir, "64Mi")
		Eventually(s.postLarge).WithArguments(ctx, int64(10_000)).Should(Equal(http.StatusAccepted))
		Eventually(s.condition).WithArguments(ctx).Should(HavePrefix("True StoreAvailable"))
		release()
		Eventually(texts(r)).WithTimeout(4 * patience).Should(ContainElements(ContainSubstring("build/1: passed"), ContainSubstring("build/10000: passed")))
	})

	It("is reported while its disk is full, and the operator stays up", func(ctx context.Context) {
		d := disk.New(GinkgoTB(), 48<<20)
		r.Refuse(http.StatusServiceUnavailable)
		readyz := start(ctx, d.Dir)
		empty := d.Fill(GinkgoTB())
		refuse(ctx)
		Eventually(s.storeEvents).WithArguments(ctx).Should(MatchRegexp(
			`^Warning StoreUnavailable Pod/travishook-0/0123: webhooks are refused, and Travis does not send them again: store is unavailable: .+no space left on device.+ Stored deliveries are safe.+\n$`))
		Eventually(s.condition).WithArguments(ctx).Should(MatchRegexp("^False StoreUnavailable: webhooks are refused.+no space left on device"))
		full := MatchRegexp(`^\[-\]ready failed: .+: no space left on device`)
		Eventually(func() (string, error) { return body(readyz) }).Should(full)

		By("restarting it with a larger limit, before the volume is larger")
		s.operator.Kill()
		readyz = restart(ctx, d.Dir, "32Mi")
		Eventually(func() (string, error) { return body(readyz) }).Should(full)

		By("making room on the disk")
		empty()
		r.Refuse(0)
		Eventually(func() (string, error) { return body(readyz) }).WithTimeout(4 * patience).Should(Equal("[+]ready ok\n"))
		Eventually(s.condition).WithArguments(ctx).WithTimeout(4 * patience).Should(HavePrefix("True StoreAvailable"))
		Expect(s.postLarge(ctx, 10_000)).To(Equal(http.StatusAccepted))
		Eventually(texts(r)).WithTimeout(4 * patience).Should(ContainElement(ContainSubstring("build/1: passed")))
		Expect(s.operator.Stop()).To(Succeed())
	})
})
