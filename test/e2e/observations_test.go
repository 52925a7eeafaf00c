package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/operator"
	"github.com/travishook/travishook/test/suite"
)

var _ = Describe("Two replicas on a NATS cluster", func() {
	It("show the same on the status and to kubectl travis why, whichever writes and whichever is asked", func(ctx context.Context) {
		f := newReplicas(ctx, 1)
		r := openChannel()
		f.apply(ctx, tokenSecret+"---"+accountSecret(r)+"---"+webhookAccount+"---"+route)
		f.waitReady(ctx)
		writer := f.all(0)[0]
		Eventually(writer.Log).Should(ContainSubstring("acquired the status lease"))
		other := f.join(ctx)
		for _, p := range []*operator.Process{writer, other} {
			f.awaitServing(ctx, p)
		}
		plugin, err := operator.BuildPlugin(ctx, plane.Root)
		Expect(err).NotTo(HaveOccurred())
		status := func() (string, error) {
			return get(ctx, suite.Routes, f.name, "example", "{.status.conditions[?(@.type=='Ready')].message}")
		}

		By("letting each of them see something that the other does not")
		Expect(f.postTo(ctx, writer.URL+"/"+proof(token), travistest.Build{ID: 1, Number: "1"})).To(Equal(http.StatusAccepted))
		Eventually(texts(r)).Should(HaveLen(1))
		Expect(f.postTo(ctx, writer.URL+"/"+proof(token), travistest.Build{ID: 2, Number: "2", RepositoryID: 99})).To(Equal(http.StatusForbidden))
		Eventually(status).Should(ContainSubstring("another repository has the same name"))
		redirected(ctx, other.URL+"/"+proof(token))
		Eventually(status).Should(And(ContainSubstring("another repository has the same name"), ContainSubstring("redirect")),
			"what the other replica saw, written by the one that has the lease")
		r.Refuse(http.StatusNotFound)
		Expect(f.postTo(ctx, other.URL+"/"+proof(token), travistest.Build{ID: 3, Number: "3", Result: travis.Broken})).To(Equal(http.StatusAccepted))
		failure := func() (string, error) {
			return get(ctx, suite.Defaults, f.system, "default", "{.status.accounts[0].lastFailure.reason}")
		}
		Eventually(failure).Should(ContainSubstring("404"), "whichever sent it")

		By("asking each why")
		answers := map[string]string{}
		Eventually(func(g Gomega) {
			for name, p := range map[string]*operator.Process{"writer": writer, "other": other} {
				var err error
				answers[name], err = f.why(ctx, plugin, p)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(answers[name]).To(And(ContainSubstring("build 3 (broken): dead letter"), ContainSubstring("build 1 (passed): delivered"), ContainSubstring("a redirect")))
			}
			g.Expect(answers["other"]).To(Equal(answers["writer"]))
		}).Should(Succeed())

		By("killing the replica that has the lease")
		writer.Kill()
		f.drop(writer)
		Eventually(other.Log).Should(ContainSubstring("acquired the status lease"))
		kubectl(ctx, "", "patch", "travisroute", "example", "-n", f.name, "--type=merge", "-p", `{"spec":{"events":["passed","broken"]}}`)
		Eventually(status).Should(ContainSubstring("announces passed,broken"))
		Expect(status()).To(And(ContainSubstring("another repository has the same name"), ContainSubstring("redirect")))
		kubectl(ctx, "", "patch", "travisdefaults", "default", "-n", f.system, "--type=merge", "-p", `{"spec":{"events":["passed"]}}`)
		Eventually(func() (string, error) {
			return get(ctx, suite.Defaults, f.system, "default", "{.status.observedGeneration}")
		}).Should(Equal("2"))
		Expect(failure()).To(ContainSubstring("404"))
		Eventually(f.why).WithArguments(ctx, plugin, other).Should(And(ContainSubstring("build 3 (broken): dead letter"), ContainSubstring("build 1 (passed): delivered")))
	})
})

// redirected is what a redirect makes of a webhook.
func redirected(ctx context.Context, url string) {
	GinkgoHelper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	Expect(err).NotTo(HaveOccurred())
	r.Header.Set("User-Agent", "Travis CI Notifications")
	r.Header.Set("Travis-Repo-Slug", "example/example")
	Expect(status(r)).To(Equal(http.StatusMethodNotAllowed))
}

// whyAge is what differs between two answers at different times.
var whyAge = regexp.MustCompile(`since \d{4}-\S+`)

// why is what kubectl travis why says when it asks one replica, as somebody who signs in with a certificate. It is
// for polls.
func (s *site) why(ctx context.Context, plugin string, p *operator.Process) (string, error) {
	return s.whyOf(ctx, "example/example", plugin, p)
}

// whyOf is why for another repository.
func (s *site) whyOf(ctx context.Context, repository, plugin string, p *operator.Process) (string, error) {
	ca := filepath.Join(s.dir, "api.crt")
	url, err := p.API(ctx, ca)
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, plugin, "why", repository, "-n", s.name, "--kubeconfig", plane.Kubeconfig, "--operator", url, "--operator-ca", ca)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("kubectl travis why: %w: %s", err, out)
	}
	return whyAge.ReplaceAllString(string(out), "since then"), nil
}
