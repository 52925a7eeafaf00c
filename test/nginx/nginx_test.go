package nginx_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/internal/travis/travistest"
)

var _ = Describe("A webhook through nginx", func() {
	var build travistest.Build

	// client has another address than the proxy, and follows redirects as Travis does: after 301 with a GET
	// without a body.
	client := func() *http.Client {
		dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
		transport := &http.Transport{
			DialContext:     dialer.DialContext,
			TLSClientConfig: &tls.Config{RootCAs: proxy.Roots},
		}
		DeferCleanup(transport.CloseIdleConnections)
		return &http.Client{Transport: transport}
	}
	send := func(request *http.Request) int {
		GinkgoHelper()
		response, err := client().Do(request)
		Expect(err).NotTo(HaveOccurred())
		Expect(response.Body.Close()).To(Succeed())
		return response.StatusCode
	}
	at := func(address string) *http.Request {
		return travistest.Request(context.Background(), address+"/travis", build, travistest.Key())
	}

	BeforeEach(func() { build = travistest.Build{} })

	It("arrives, and the log names the client and not the proxy", func() {
		Expect(send(at("https://" + proxy.HTTPS))).To(Equal(http.StatusAccepted))
		Expect(recorded.lastLine()).To(ContainSubstring(`"client"="127.0.0.2"`))
	})

	It("uses the client's address that the proxy saw, and none further away", func() {
		request := at("https://" + proxy.HTTPS)
		request.Header.Set("X-Forwarded-For", "198.51.100.1")
		Expect(send(request)).To(Equal(http.StatusAccepted))
		Expect(recorded.lastLine()).To(ContainSubstring(`"client"="127.0.0.2"`))
	})

	It("arrives with a configuration of forty megabytes", func() {
		build.ID = 2
		build.Fields = map[string]any{"config": strings.Repeat("x", 40<<20)}
		Expect(send(at("https://" + proxy.HTTPS))).To(Equal(http.StatusAccepted))
	})

	It("is refused when it is larger than 128 MiB", func() {
		build.Fields = map[string]any{"config": strings.Repeat("x", 128<<20)}
		Expect(send(at("https://" + proxy.HTTPS))).To(Equal(http.StatusRequestEntityTooLarge))
	})

	It("is logged when a redirect from HTTP to HTTPS turned it into a GET, and not shown on a status, because strangers can send the same", func() {
		Expect(send(at("http://" + proxy.HTTP))).To(Equal(http.StatusMethodNotAllowed))
		Expect(recorded.lastReason()).To(Equal("redirected"))
		Expect(recorded.noticed()).NotTo(ContainElement(ContainSubstring("redirected")))
		Expect(recorded.lastLine()).To(ContainSubstring("Travis was redirected"))
	})
})
