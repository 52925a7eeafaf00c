package e2e

import (
	"context"
	"net/http"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
)

var _ = Describe("What was answered with 202", func() {
	It("arrives once, after a kill -9 right behind the answer and a restart", func(ctx context.Context) {
		s, r := newSite(ctx), openChannel()
		s.apply(ctx, tokenSecret+"---"+accountSecret(r)+"---"+webhookAccount+"---"+route)
		s.start(ctx)
		s.waitReady(ctx)

		By("rejecting messages until the operator is dead, so that nothing arrives before")
		r.Refuse(http.StatusServiceUnavailable)
		build := travistest.Build{Result: travis.Broken, Finished: now()}
		Expect(s.post(ctx, build)).To(Equal(http.StatusAccepted))
		s.operator.Kill()
		Expect(r.Drain(ctx)).To(Succeed())
		r.Refuse(0)
		Expect(r.Messages()).To(BeEmpty())

		s.start(ctx)
		Eventually(texts(r)).Should(ConsistOf(ContainSubstring("build/123: broken")))

		By("remembering across the restart that it has seen the event")
		Expect(s.post(ctx, build)).To(Equal(http.StatusNoContent))
		Expect(s.operator.Stop()).To(Succeed())
		Expect(r.Messages()).To(HaveLen(1))
	})

	It("is shown as dead with its reason if the channel rejects it, and sent again when the credential is fixed", func(ctx context.Context) {
		s, r := newSite(ctx), openChannel()
		r.Refuse(http.StatusForbidden)
		s.apply(ctx, tokenSecret+"---"+accountSecret(r)+"---"+webhookAccount+"---"+route)
		s.start(ctx)
		s.waitReady(ctx)
		Expect(s.post(ctx, travistest.Build{})).To(Equal(http.StatusAccepted))

		status := func() string { return kubectl(ctx, "", "describe", "travisroute", "example", "-n", s.name) }
		Eventually(status).Should(And(
			MatchRegexp(`Dead: +1`), MatchRegexp(`Reason: .*403`), MatchRegexp(`Type: +Delivering`)))
		Expect(status()).NotTo(ContainSubstring(r.URL), "the URL of the channel is a secret")

		By("giving the channel a new URL, which is the credential")
		fixed := openChannel()
		s.apply(ctx, accountSecret(fixed))
		Eventually(texts(fixed)).Should(ConsistOf(ContainSubstring("build/123: passed")))
		Eventually(status).ShouldNot(MatchRegexp(`Dead: +1`))
	})
})

var _ = Describe("One bad route", func() {
	It("does not keep another from its messages", func(ctx context.Context) {
		s, r := newSite(ctx), openChannel()
		s.apply(ctx, tokenSecret+"---"+accountSecret(r)+"---"+webhookAccount+"---"+route+`
---
apiVersion: travishook.dev/v1alpha1
kind: TravisRoute
metadata: {name: bad, namespace: TEAM}
spec:
  repository: example/example
  channels: [{account: nobody, address: nowhere}]
  events: ["*"]
  filter: 'build.color == "red"'
`)
		s.start(ctx)
		s.waitReady(ctx)
		Expect(s.post(ctx, travistest.Build{})).To(Equal(http.StatusAccepted))
		Eventually(texts(r)).Should(HaveLen(1))
		Eventually(kubectl).WithArguments(ctx, "", "get", "travisroute", "bad", "-n", s.name, "-o", "wide").
			Should(And(ContainSubstring("False"), ContainSubstring("color")))
	})
})
