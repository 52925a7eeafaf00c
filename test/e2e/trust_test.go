package e2e

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/suite"
)

// ready is the message of the route's condition Ready.
func (s *site) ready(ctx context.Context) func() (string, error) {
	return func() (string, error) {
		return get(ctx, suite.Routes, s.name, "example", "{.status.conditions[?(@.type=='Ready')].message}")
	}
}

var _ = Describe("Trust", func() {
	It("is given on the signature alone where the cluster's defaults grant it", func(ctx context.Context) {
		s, r := newSite(ctx), openChannel()
		s.apply(ctx, accountSecret(r)+"---"+webhookAccount+"  signatureOnly: {namespaces: {from: All}, repositories: [example/*]}\n---"+route)
		s.start(ctx)
		s.waitReady(ctx)
		Expect(s.postTo(ctx, s.operator.URL, travistest.Build{})).To(Equal(http.StatusAccepted))
		Eventually(texts(r)).Should(HaveLen(1))

		By("taking the grant away")
		s.apply(ctx, webhookAccount)
		Eventually(s.ready(ctx)).Should(ContainSubstring("no token or grant"))
		Expect(s.postTo(ctx, s.operator.URL, travistest.Build{ID: 2})).To(Equal(http.StatusNoContent))
	})

	It("is kept by two tokens at once while one is rotated", func(ctx context.Context) {
		s, r := newSite(ctx), openChannel()
		s.apply(ctx, tokenSecret+"---"+accountSecret(r)+"---"+webhookAccount+"---"+route)
		s.apply(ctx, strings.NewReplacer("example-token", "next-token", token, "the next token").Replace(tokenSecret))
		s.start(ctx)
		s.waitReady(ctx)
		Expect(s.postTo(ctx, s.operator.URL+"/"+proof("the next token"), travistest.Build{ID: 1})).To(Equal(http.StatusAccepted))
		Expect(s.postTo(ctx, s.operator.URL+"/"+proof(token), travistest.Build{ID: 2})).To(Equal(http.StatusAccepted))

		kubectl(ctx, "", "delete", "secret", "example-token", "-n", s.name)
		Eventually(func() int {
			return s.postTo(ctx, s.operator.URL+"/"+proof(token), travistest.Build{ID: 3, Result: travis.Broken})
		}).Should(Equal(http.StatusForbidden))
		Expect(s.postTo(ctx, s.operator.URL+"/"+proof("the next token"), travistest.Build{ID: 4})).To(Equal(http.StatusAccepted))
	})

	It("is refused to another repository with the same name, until a person confirms its id", func(ctx context.Context) {
		s, r := newSite(ctx), openChannel()
		s.apply(ctx, tokenSecret+"---"+accountSecret(r)+"---"+webhookAccount+"---"+route)
		s.start(ctx)
		s.waitReady(ctx)
		repository := func() (string, error) {
			return get(ctx, suite.Routes, s.name, "example", "{.status.repository}")
		}
		Expect(repository()).To(BeEmpty())
		Expect(s.post(ctx, travistest.Build{ID: 1, RepositoryID: 1234})).To(Equal(http.StatusAccepted))
		Eventually(repository).Should(MatchJSON(`{"id": 1234, "source": "FirstEvent"}`))
		Expect(s.post(ctx, travistest.Build{ID: 2, RepositoryID: 99})).To(Equal(http.StatusForbidden))
		Eventually(s.ready(ctx)).Should(ContainSubstring("spec.repositoryID"))

		kubectl(ctx, "", "patch", "travisroute", "example", "-n", s.name, "--type=merge", "-p", `{"spec":{"repositoryID":99}}`)
		Eventually(repository).Should(MatchJSON(`{"id": 99, "source": "Spec"}`))
		Eventually(func() int { return s.post(ctx, travistest.Build{ID: 3, RepositoryID: 99}) }).Should(Equal(http.StatusAccepted))
	})

	It("is given by a key in a labeled Secret of the operator's namespace", func(ctx context.Context) {
		s, r := newSite(ctx), openChannel()
		s.apply(ctx, tokenSecret+"---"+accountSecret(r)+"---"+webhookAccount+"---"+route)
		before, _, _ := strings.Cut(s.settings(), "  - name: test")
		s.startWith(ctx, before+"  - {name: ours, secret: {name: travis-key, key: key.pem}}\n")
		Eventually(s.ready(ctx)).Should(ContainSubstring("travishook.dev/secret-type=key"))

		kubectl(ctx, travistest.PEM(s.key), "create", "secret", "generic", "travis-key", "-n", s.system, "--from-file=key.pem=/dev/stdin")
		kubectl(ctx, "", "label", "secret", "travis-key", "-n", s.system, "travishook.dev/secret-type=key")
		s.waitReady(ctx)
		Expect(s.post(ctx, travistest.Build{})).To(Equal(http.StatusAccepted))
		Eventually(texts(r)).Should(HaveLen(1))
	})

	It("waits for a key at a URL, and shows on the route what the URL returns instead", func(ctx context.Context) {
		var body string
		config := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
		DeferCleanup(config.Close)
		body = "<html>Sign in</html>"
		s, r := newSite(ctx), openChannel()
		s.apply(ctx, tokenSecret+"---"+accountSecret(r)+"---"+webhookAccount+"---"+route)
		before, _, _ := strings.Cut(s.settings(), "  - name: test")
		s.startWith(ctx, before+"  - {name: ours, url: "+config.URL+"/config}\n")
		Eventually(s.ready(ctx)).Should(And(ContainSubstring("ours"), ContainSubstring("a web page instead of JSON")))
		Expect(s.postOnce(ctx, travistest.Build{})).To(Equal(http.StatusServiceUnavailable))
	})
})

var _ = Describe("A redirect in front of the receiver", func() {
	It("is shown on the status of the routes whose events it swallows", func(ctx context.Context) {
		s, r := newSite(ctx), openChannel()
		s.apply(ctx, tokenSecret+"---"+accountSecret(r)+"---"+webhookAccount+"---"+route)
		s.start(ctx)
		s.waitReady(ctx)
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.operator.URL+"/"+proof(token), nil)
		Expect(err).NotTo(HaveOccurred())
		request.Header.Set("User-Agent", "Travis CI Notifications")
		request.Header.Set("Travis-Repo-Slug", "example/example")
		Eventually(func() int { return status(request) }).Should(Equal(http.StatusMethodNotAllowed))
		Eventually(s.ready(ctx)).Should(ContainSubstring("redirect"))
		Eventually(s.operator.Log).Should(ContainSubstring("redirect"))
	})
})

var _ = Describe("An account that a tenant defines", func() {
	It("cannot connect to the cluster", func(ctx context.Context) {
		s, r := newSite(ctx), openChannel()
		mine := strings.NewReplacer("SYSTEM", "TEAM")
		s.apply(ctx, tokenSecret+"---"+mine.Replace(accountSecret(r))+"---"+mine.Replace(webhookAccount)+"---"+route)
		s.start(ctx)
		s.waitReady(ctx)
		Expect(s.post(ctx, travistest.Build{})).To(Equal(http.StatusAccepted))
		Eventually(get).WithArguments(ctx, suite.Routes, s.name, "example", "{.status.channels}").
			Should(And(ContainSubstring(`"dead":1`), ContainSubstring("a loopback address")))
		Expect(r.Refused()).To(BeZero())
		Expect(r.Messages()).To(BeEmpty())
	})
})
