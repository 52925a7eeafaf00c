package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/test/operator"
	"github.com/travishook/travishook/test/prosody"
	"github.com/travishook/travishook/test/suite"
)

// jabberSecret returns the credential of a bot at an XMPP server.
func jabberSecret(server *prosody.Server, bot prosody.Account) string {
	return `apiVersion: v1
kind: Secret
metadata: {name: jabber, namespace: SYSTEM, labels: {travishook.dev/secret-type: credential}}
stringData:
  password: ` + bot.Password + `
  server: ` + server.Address + `
  ca.crt: |
    ` + strings.ReplaceAll(strings.TrimSpace(string(server.CA)), "\n", "\n    ") + "\n"
}

// jabber returns manifests of one account, and of a route to each room: every other one names the account,
// the rest use the default.
func jabber(server *prosody.Server, bot prosody.Account) string {
	var b strings.Builder
	b.WriteString(tokenSecret + `---
apiVersion: travishook.dev/v1alpha1
kind: TravisDefaults
metadata: {name: default, namespace: SYSTEM}
spec:
  accounts:
  - name: jabber
    xmpp: {jid: ` + bot.JID() + `, secretRef: {name: jabber}}
---
` + jabberSecret(server, bot))
	for i := range channelCount {
		account := ""
		if i%2 == 0 {
			account = "account: jabber, "
		}
		fmt.Fprintf(&b, `---
apiVersion: travishook.dev/v1alpha1
kind: TravisRoute
metadata: {name: example-%d, namespace: TEAM}
spec:
  repository: example/example
  branches: {include: [branch-%d]}
  channels: [{%saddress: %s}]
  events: ["*"]
`, i, i, account, jabberRoom(i))
	}
	return b.String()
}

func jabberRoom(i int) string { return fmt.Sprintf("room-%d@%s", i, prosody.Rooms) }

// loggedIn returns the operator that is logged in, nil unless it is exactly one, according to the logs.
func (f *replicas) loggedIn() *operator.Process {
	var found []*operator.Process
	for _, p := range f.all(0) {
		log := p.Log()
		if strings.Count(log, `"msg":"connected"`) > strings.Count(log, `"msg":"connection ended"`) {
			found = append(found, p)
		}
	}
	if len(found) != 1 {
		return nil
	}
	return found[0]
}

// awaitLogin waits until exactly one operator is logged in, and returns it.
func (f *replicas) awaitLogin() (found *operator.Process) {
	GinkgoHelper()
	Eventually(func() *operator.Process {
		found = f.loggedIn()
		return found
	}).ShouldNot(BeNil())
	return found
}

var _ = Describe("An account that is logged in all the time", func() {
	It("is so on one of three replicas, and on another when that one stops or dies", func(ctx context.Context) {
		f := newReplicas(ctx, 3)
		bot := prosody.Account{Name: "ci", Password: "the bot's own password"}
		server := prosody.Start(GinkgoTB(), prosody.Options{Accounts: []prosody.Account{bot}})
		var all []string
		for i := range channelCount {
			all = append(all, jabberRoom(i))
		}
		people := server.Join(GinkgoTB(), "ann", all...)
		received := func() (texts []string) {
			for _, m := range people.Messages(GinkgoTB(), 0) {
				if !strings.HasPrefix(m.Body, "[test]") {
					texts = append(texts, m.Body)
				}
			}
			return texts
		}
		f.apply(ctx, jabber(server, bot))
		f.waitAllReady(ctx)
		for _, p := range f.all(0) {
			f.awaitServing(ctx, p)
		}
		end := f.load(ctx)
		f.progress(channelCount * 2)
		logins := func() int { return len(slices.DeleteFunc(server.Sessions(bot), func(n int) bool { return n == 0 })) }

		By("stopping the one that is logged in")
		f.try(ctx, 0, 1)
		leaver := f.awaitLogin()
		before := logins()
		Expect(leaver.Stop()).To(Succeed())
		f.drop(leaver)
		f.progress(channelCount)
		Eventually(logins).Should(BeNumerically(">", before))

		By("killing the one that is logged in then")
		victim := f.awaitLogin()
		before = logins()
		victim.Kill()
		f.drop(victim)
		f.progress(channelCount)
		Eventually(logins).Should(BeNumerically(">", before))
		f.try(ctx, 0, 1)
		end()
		Eventually(f.missing(received)).Should(BeEmpty())
		Expect(slices.Max(server.Sessions(bot))).To(Equal(1), "sessions at once, as the server saw them")
		Expect(f.refused.Load()).To(BeZero(), "webhooks that were refused")
	})
})

// try requests test messages of some routes, and waits until they have arrived.
func (f *replicas) try(ctx context.Context, routes ...int) {
	GinkgoHelper()
	request := fmt.Sprint("request-", f.next.Load())
	for _, i := range routes {
		name := fmt.Sprint("example-", i)
		kubectl(ctx, "", "annotate", "--overwrite", "travisroute", name, "-n", f.name, "travishook.dev/test="+request)
		Eventually(get).WithArguments(ctx, suite.Routes, f.name, name, "{.status.test}").
			Should(And(ContainSubstring(request), ContainSubstring(`"passed":true`)))
	}
}
