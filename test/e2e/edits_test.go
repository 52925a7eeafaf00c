package e2e

import (
	"context"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/prosody"
	"github.com/travishook/travishook/test/suite"
)

// editRoute shows each build of example/example in one message.
const editRoute = route + `  message: {updates: Edit}
`

// started is a state of a run of build 123 that started some minutes ago.
func started(result travis.Result, minutes time.Duration) travistest.Build {
	began := now().Add(-minutes * time.Minute)
	return travistest.Build{Result: result, Started: began, Finished: began.Add(time.Minute)}
}

var _ = Describe("A route with updates: Edit", func() {
	It("corrects a build's message in an XMPP room, also after it was restarted", func(ctx context.Context) {
		bot := prosody.Account{Name: "ci", Password: "the bot's own password"}
		server := prosody.Start(GinkgoTB(), prosody.Options{Accounts: []prosody.Account{bot}})
		people := server.Join(GinkgoTB(), "ann", "example@"+prosody.Rooms)
		s := newSite(ctx)
		s.apply(ctx, tokenSecret+`---
apiVersion: travishook.dev/v1alpha1
kind: TravisDefaults
metadata: {name: default, namespace: SYSTEM}
spec:
  accounts:
  - name: chat
    xmpp: {jid: `+bot.JID()+`, secretRef: {name: jabber}}
---
`+jabberSecret(server, bot)+"---"+strings.Replace(editRoute, "{account: chat}", "{account: chat, address: example@"+prosody.Rooms+"}", 1))
		s.start(ctx)
		s.waitReady(ctx)
		// says posts a state, waits until the room has n messages, and checks those since the last one.
		var all []prosody.Message
		says := func(b travistest.Build, n int, want ...string) {
			GinkgoHelper()
			Expect(s.post(ctx, b)).To(Equal(http.StatusAccepted))
			before := len(all)
			all = people.Messages(GinkgoTB(), n)
			Expect(all).To(HaveLen(n))
			for i, m := range all[before:] {
				Expect(m.Body).To(ContainSubstring(want[i]))
				Expect(m.Nick).To(Equal("ci"))
			}
		}
		says(started(travis.Pending, 6), 1, "build/123: pending for push to main")
		first := all[0].ID
		Expect(all[0].Replaces).To(BeEmpty())

		By("correcting it, and announcing the failure, which a correction does not")
		says(started(travis.Broken, 6), 3, "build/123: broken for push to main", "build/123: broken")
		Expect(all[1].Replaces).To(Equal(first))
		Expect(all[2].Replaces).To(BeEmpty())

		By("restarting the operator and the build")
		Expect(s.operator.Stop()).To(Succeed())
		s.start(ctx)
		says(started(travis.Pending, 3), 4, "build/123: pending for push to main")
		Expect(all[3].Replaces).To(Equal(first))
		says(started(travis.Fixed, 3), 6, "build/123: fixed for push to main", "build/123: fixed")
		Expect(all[4].Replaces).To(Equal(first))
		Expect(all[5].Replaces).To(BeEmpty())
	})

	It("sends the states that waited for a channel as one edit", func(ctx context.Context) {
		s, r := newSite(ctx), openChannel()
		s.apply(ctx, tokenSecret+"---"+accountSecret(r)+"---"+webhookAccount+"---"+editRoute)
		s.start(ctx)
		s.waitReady(ctx)
		Expect(s.post(ctx, started(travis.Pending, 6))).To(Equal(http.StatusAccepted))
		Eventually(r.Shown).Should(ConsistOf(ContainSubstring("build/123: pending")))

		r.Refuse(http.StatusServiceUnavailable)
		for _, b := range []travistest.Build{started(travis.Broken, 6), started(travis.Pending, 3), started(travis.Fixed, 3)} {
			Expect(s.post(ctx, b)).To(Equal(http.StatusAccepted))
		}
		// An attempt that began before the last state was accepted has ended then.
		Eventually(r.Refused).Should(BeNumerically(">", r.Refused()))
		r.Refuse(0)

		Eventually(r.Shown).Should(ConsistOf(ContainSubstring("build/123: fixed")))
		Expect(r.Messages()).To(HaveLen(2), "the first message and one edit")
		Eventually(get).WithArguments(ctx, suite.Routes, s.name, "example", "{.status.channels}").
			Should(And(ContainSubstring(`"event":"fixed"`), Not(ContainSubstring("waiting"))))
	})
})
