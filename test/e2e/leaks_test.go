package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/leaks"
)

var _ = Describe("After a thousand webhooks", func() {
	const channels = 50 // each gets at most twenty messages at once
	It("the operator has no more open than before", func(ctx context.Context) {
		s, r := newSite(ctx), openChannel()
		s.apply(ctx, manyRoutes(r, channels))
		s.start(ctx)
		if _, err := leaks.Open(s.operator.PID()); err != nil {
			Skip("SKIPPED: there is no /proc here to look into; run the suite on Linux")
		}
		kubectl(ctx, "", "wait", "travisroute", "--all", "-n", s.name, "--for=condition=Ready", "--timeout=90s")
		relay := func(from, to int64) {
			GinkgoHelper()
			for build := from; build < to; build++ {
				b := travistest.Build{ID: build, Repository: fmt.Sprintf("example/project-%d", build%channels), RepositoryID: build%channels + 1}
				Expect(s.postTo(ctx, s.operator.URL, b)).To(Equal(http.StatusAccepted))
			}
			Eventually(texts(r)).WithTimeout(2 * patience).Should(HaveLen(int(to)))
		}
		// The log and kept connections are open from the first webhook on.
		relay(0, channels)
		before, err := leaks.Open(s.operator.PID())
		Expect(err).NotTo(HaveOccurred())

		relay(channels, 1000)
		strangers(ctx, s, 50)
		Eventually(func() (int, error) {
			http.DefaultClient.CloseIdleConnections()
			now, err := leaks.Open(s.operator.PID())
			return len(now), err
		}).WithTimeout(2*patience).Should(BeNumerically("<=", len(before)), "what was open before: %v", before)
	})
})

// strangers send half of a webhook, and disconnect.
func strangers(ctx context.Context, s *site, n int) {
	GinkgoHelper()
	address, err := url.Parse(s.operator.URL)
	Expect(err).NotTo(HaveOccurred())
	for range n {
		connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", address.Host)
		Expect(err).NotTo(HaveOccurred())
		_, err = io.WriteString(connection, "POST /travis HTTP/1.1\r\nHost: a\r\nTravis-Repo-Slug: example/project-0\r\n"+
			"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\npayload=")
		Expect(err).NotTo(HaveOccurred())
		Expect(connection.Close()).To(Succeed())
	}
}
