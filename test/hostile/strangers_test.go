package hostile

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("Strangers", func() {
	It("who announce large bodies and send one byte hold nothing that honest webhooks need", func(ctx context.Context) {
		base, err := url.Parse(process.URL)
		Expect(err).NotTo(HaveOccurred())
		for i := range size(300, 600) {
			conn, err := net.Dial("tcp", base.Host)
			if err != nil {
				break // connections are bounded, too
			}
			DeferCleanup(func() { _ = conn.Close() })
			length := 300_000
			if i%2 == 0 {
				length = 3_000
			}
			_, _ = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: hooks.example.com\r\nContent-Type: application/x-www-form-urlencoded\r\n"+
				"Travis-Repo-Slug: honest/app\r\nSignature: AAAA\r\nContent-Length: %d\r\n\r\np", base.Path, length)
		}
		for range 15 {
			expectWebhook(ctx)
		}
		By("accepting large ones, too")
		large := nextBuild("honest/app", 1)
		large.Message = strings.Repeat("A commit message. ", 20_000)
		Expect(postWebhook(ctx, large, proof("honest/app", honestToken))).To(Equal(http.StatusAccepted))
		expectMessage(large)
		expectHonestService(ctx)
	})

	It("who send a GET as Travis would after a redirect write nothing into a status", func(ctx context.Context) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, process.URL, http.NoBody)
		Expect(err).NotTo(HaveOccurred())
		request.Header.Set("User-Agent", "Travis CI Notifications")
		request.Header.Set("Travis-Repo-Slug", "honest/app")
		response, err := http.DefaultClient.Do(request)
		Expect(err).NotTo(HaveOccurred())
		Expect(response.Body.Close()).To(Succeed())
		Expect(response.StatusCode).To(Equal(http.StatusMethodNotAllowed))
		expectHonestService(ctx)
		Expect(kubectl(ctx, "", "get", "travisroute", "first", "-n", honest, "-o", "jsonpath={.status}")).NotTo(ContainSubstring("redirect"))
	})
})

func expectWebhook(ctx context.Context) {
	GinkgoHelper()
	build := nextBuild("honest/app", 1)
	Expect(postWebhook(ctx, build, proof("honest/app", honestToken))).To(Equal(http.StatusAccepted))
}
