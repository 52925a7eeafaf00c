package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/controllers"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/operator"
	"github.com/travishook/travishook/test/suite"
)

var _ = Describe("A damaged store", func() {
	It("is reported wherever people look, and what can be read is delivered", func(ctx context.Context) {
		s, r := newSite(ctx), openChannel()
		s.apply(ctx, tokenSecret+"---"+accountSecret(r)+"---"+webhookAccount+"---"+route)
		r.Refuse(http.StatusServiceUnavailable)
		s.start(ctx)
		s.waitReady(ctx)
		for build := range int64(5) {
			Expect(s.post(ctx, travistest.Build{
				ID: build + 1, Number: fmt.Sprint(build + 1), Message: fmt.Sprintf("commit-message-%d", build+1),
			})).To(Equal(http.StatusAccepted))
		}
		s.operator.Kill()
		Expect(r.Drain(ctx)).To(Succeed())
		flipBits(filepath.Join(s.dir, "store"), "commit-message-3")
		r.Refuse(0)
		By("letting the dead operator's lease expire at once")
		kubectl(ctx, "", "delete", "lease", controllers.StatusLease, "-n", s.system)

		s.start(ctx)
		By("delivering what can be read")
		for _, build := range []string{"1", "2", "4", "5"} {
			Eventually(texts(r)).Should(ContainElement(ContainSubstring("build/" + build + ": passed")))
		}
		Expect(s.post(ctx, travistest.Build{ID: 6, Number: "6"})).To(Equal(http.StatusAccepted))
		Eventually(texts(r)).Should(ContainElement(ContainSubstring("build/6: passed")))
		Expect(texts(r)()).NotTo(ContainElement(ContainSubstring("build/3: passed")))

		By("reporting the loss: in the log, as an Event, as a condition, as a metric, and by why")
		Eventually(s.operator.Log).Should(And(ContainSubstring("store file is damaged"), ContainSubstring("store lost data and continues with the rest")))
		Eventually(get).WithArguments(ctx, suite.Events, s.system, "", `{range .items[?(@.reason=="EventsLost")]}{.type}: {.message}{"\n"}{end}`).Should(MatchRegexp(`^Warning: .*1 event in 1 message of the journal lost`))
		Eventually(get).WithArguments(ctx, suite.Defaults, s.system, "default", `{range .status.conditions[?(@.type=="StoreIntact")]}{.status} {.reason}{end}`).Should(Equal("False EventsLost"))
		Eventually(s.metrics).WithArguments(ctx).Should(And(ContainSubstring("travishook_store_lost_events 1\n"), ContainSubstring("travishook_store_lost_messages 1\n")))
		Eventually(s.why).WithArguments(ctx, plugin(ctx), s.operator).Should(ContainSubstring("a part of the store was lost"))

		By("remembering it across a restart")
		Expect(s.operator.Stop()).To(Succeed())
		s.start(ctx)
		Expect(s.post(ctx, travistest.Build{ID: 7, Number: "7"})).To(Equal(http.StatusAccepted))
		Eventually(s.metrics).WithArguments(ctx).Should(ContainSubstring("travishook_store_lost_events 1\n"))
	})
})

// flipBits flips bits of a text that is in a file of the store.
func flipBits(dir, text string) {
	GinkgoHelper()
	found := 0
	Expect(filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".blk") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if at := bytes.Index(data, []byte(text)); at >= 0 {
			found++
			data[at] ^= 0x14
			return os.WriteFile(path, data, 0o600)
		}
		return nil
	})).To(Succeed())
	Expect(found).To(Equal(1))
}

// metrics returns what the operator shows to Prometheus.
func (s *site) metrics(ctx context.Context) (string, error) {
	return suite.Metrics(ctx, s.operator.Log())
}

// plugin compiles kubectl travis.
func plugin(ctx context.Context) string {
	GinkgoHelper()
	path, err := operator.BuildPlugin(ctx, plane.Root)
	Expect(err).NotTo(HaveOccurred())
	return path
}
