package e2e

import (
	"context"
	"net/http"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/prosody"
	"github.com/travishook/travishook/test/suite"
)

var _ = Describe("The smallest route", func() {
	It("sends a build to an XMPP room", func(ctx context.Context) {
		bot := prosody.Account{Name: "ci", Password: "the bot's own password"}
		server := prosody.Start(GinkgoTB(), prosody.Options{Accounts: []prosody.Account{bot}})
		people := server.Join(GinkgoTB(), "ann", "example@"+prosody.Rooms)

		s := newSite(ctx)
		s.apply(ctx, `
apiVersion: travishook.dev/v1alpha1
kind: TravisRoute
metadata: {name: example, namespace: TEAM}
spec:
  repository: example/example
  channels:
  - address: example@`+prosody.Rooms+`
---
apiVersion: travishook.dev/v1alpha1
kind: TravisDefaults
metadata: {name: default, namespace: SYSTEM}
spec:
  accounts:
  - name: jabber
    xmpp: {jid: `+bot.JID()+`, secretRef: {name: jabber}}
---
`+jabberSecret(server, bot)+"---"+tokenSecret)
		s.start(ctx)
		s.waitReady(ctx)

		Expect(s.post(ctx, travistest.Build{Result: travis.Fixed})).To(Equal(http.StatusAccepted))

		messages := people.Messages(GinkgoTB(), 1)
		Expect(messages[0].Body).To(HavePrefix(
			"[Travis-CI] [example/example] build/123: fixed for push to main at 62aae5f."))
		Expect(messages[0].Nick).To(Equal("ci"))
		By("showing the build on the route's status")
		Eventually(kubectl).WithArguments(ctx, "", "get", "travisroute", "example", "-n", s.name).
			Should(ContainSubstring("#123 fixed"))
		By("showing on the status of the defaults that the account is logged in")
		Eventually(get).WithArguments(ctx, suite.Defaults, s.system, "default", "{.status.accounts}").
			Should(And(ContainSubstring(`"connected":true`), ContainSubstring(`"usable":true`), ContainSubstring("lastDelivered")))
	})
})

var _ = Describe("A route's events", func() {
	It("are the current defaults, if the route lists none", func(ctx context.Context) {
		s, r := newSite(ctx), openChannel()
		s.apply(ctx, tokenSecret+"---"+accountSecret(r)+"---"+webhookAccount+"---"+`
apiVersion: travishook.dev/v1alpha1
kind: TravisRoute
metadata: {name: example, namespace: TEAM}
spec: {repository: example/example, channels: [{account: chat}]}
`)
		s.start(ctx)
		s.waitReady(ctx)
		Expect(s.post(ctx, travistest.Build{ID: 1, Result: travis.Canceled})).To(Equal(http.StatusNoContent))

		kubectl(ctx, "", "patch", "travisdefaults", "default", "-n", s.system, "--type=merge", "-p", `{"spec":{"events":["canceled"]}}`)
		Eventually(get).WithArguments(ctx, suite.Routes, s.name, "example", "{.status.eventSummary}").
			Should(Equal("canceled"))

		Expect(s.post(ctx, travistest.Build{ID: 2, Result: travis.Canceled})).To(Equal(http.StatusAccepted))
		Eventually(texts(r)).Should(ConsistOf(ContainSubstring("canceled")))
	})
})

var _ = Describe("A route with the annotation that asks for a test", func() {
	It("sends one test message for each value, and shows the result on its status", func(ctx context.Context) {
		s, r := newSite(ctx), openChannel()
		s.apply(ctx, tokenSecret+"---"+accountSecret(r)+"---"+webhookAccount+"---"+route)
		s.start(ctx)
		s.waitReady(ctx)
		test := func() (string, error) {
			return get(ctx, suite.Routes, s.name, "example", "{.status.test}")
		}
		kubectl(ctx, "", "annotate", "travisroute", "example", "-n", s.name, "travishook.dev/test=one")
		Eventually(texts(r)).Should(ConsistOf(HavePrefix("[test] ")))
		Eventually(test).Should(And(ContainSubstring(`"request":"one"`), ContainSubstring(`"passed":true`)))

		By("rejecting the next message")
		r.Refuse(http.StatusNotFound)
		kubectl(ctx, "", "annotate", "--overwrite", "travisroute", "example", "-n", s.name, "travishook.dev/test=two")
		Eventually(test).Should(And(ContainSubstring(`"request":"two"`), ContainSubstring(`"passed":false`), ContainSubstring("404")))

		By("repeating no test after a restart")
		r.Refuse(0)
		Expect(s.operator.Stop()).To(Succeed())
		s.start(ctx)
		Expect(s.post(ctx, travistest.Build{})).To(Equal(http.StatusAccepted))
		Eventually(texts(r)).Should(HaveLen(2))
		Expect(texts(r)()[1]).To(ContainSubstring("build/123"))
	})
})
