package install_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/travishook/travishook/internal/travis/travistest"
)

var _ = Describe("The operator in a pod of the chart", func() {
	var k *kubelet
	BeforeEach(func(ctx context.Context) { k = newKubelet(ctx) })

	It("serves HTTPS with the certificate of the Secret", func(ctx context.Context) {
		own := newIdentity()
		put(ctx, "hooks", corev1.SecretTypeTLS, map[string][]byte{"tls.crt": own.certificate, "tls.key": own.key})
		install(ctx, "--set", "receiver.tls.secretName=hooks")

		p := k.run(ctx)
		awaitReady(ctx, strings.Replace(p.URL, "http://", "https://", 1), own.trust())
		Eventually(p.Log, patience).Should(ContainSubstring(acquiredLease))
		Expect(p.Log()).NotTo(ContainSubstring("forbidden"), "the chart's rights suffice")
	})

	It("shares the store of a NATS cluster that asks for a certificate and credentials", func(ctx context.Context) {
		servers, own := newIdentity(), newIdentity()
		url, credentials := natsServer(servers, own)
		put(ctx, "nats", corev1.SecretTypeOpaque, map[string][]byte{
			"travishook.creds": credentials, "authority": servers.certificate, "client": own.certificate, "client-key": own.key,
		})
		install(ctx, "--set-json", fmt.Sprintf(`config={"store":{"external":{"url":%q,"replicas":1}}},replicas=2,store={"external":{
			"credentials":{"secretName":"nats","key":"travishook.creds"},
			"ca":{"secretName":"nats","key":"authority"},
			"tls":{"secretName":"nats","cert":"client","key":"client-key"}}}`, strings.Replace(url, "nats://", "tls://", 1)))

		first, second := k.run(ctx), k.run(ctx)
		awaitReady(ctx, first.URL, nil)
		awaitReady(ctx, second.URL, nil)
		Eventually(func() string { return first.Log() + second.Log() }, patience).Should(ContainSubstring(acquiredLease))
		Expect(first.Log() + second.Log()).NotTo(ContainSubstring("forbidden"))
	})
})

// acquiredLease is logged by the replica that writes status.
const acquiredLease = "acquired the status lease"

// awaitReady waits until the operator processes webhooks, which requires the table, the keys and the store.
// The repository is not declared, so the answer is 204.
func awaitReady(ctx context.Context, url string, trusted *x509.CertPool) {
	GinkgoHelper()
	browser := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: trusted},
	}}
	Eventually(func() (int, error) {
		response, err := browser.Do(travistest.Request(ctx, url, travistest.Build{}, travistest.Key()))
		if err != nil {
			return 0, err
		}
		return response.StatusCode, response.Body.Close()
	}, patience).Should(Equal(http.StatusNoContent))
}
