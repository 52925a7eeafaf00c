package e2e

import (
	"context"
	"net/http"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	gomegatypes "github.com/onsi/gomega/types"

	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/suite"
)

// knownPeople are those of the team: Grace has no id in the channel's service.
const knownPeople = `
apiVersion: travishook.dev/v1alpha1
kind: TravisDefaults
metadata: {name: default, namespace: TEAM}
spec:
  people:
  - {name: ada, emails: [ada@example.com], ids: {webhook: ada-id}}
  - {name: grace, emails: [grace@example.com], ids: {slack: U012AB3CD}}
`

var _ = Describe("A route with mention: Author", func() {
	It("mentions who broke a build, and kubectl travis why says whom, and otherwise why nobody", func(ctx context.Context) {
		s, r := newSite(ctx), openChannel()
		s.apply(ctx, tokenSecret+"---"+accountSecret(r)+"---"+webhookAccount+"---"+knownPeople+"---"+route+"  message: {mention: Author}\n")
		s.start(ctx)
		s.waitReady(ctx)
		// breaks posts a build that broke on a branch of its own.
		breaks := func(number, author, email string, b travistest.Build) {
			GinkgoHelper()
			b.ID, b.Number, b.Branch, b.Author = int64(len(r.Messages())+1), number, "branch-"+number, author
			b.Fields = map[string]any{"author_email": email}
			Expect(s.post(ctx, b)).To(Equal(http.StatusAccepted))
			Eventually(texts(r)).Should(ContainElement(ContainSubstring("build/" + number + ":")))
		}
		breaks("1", "Ada", "Ada@Example.com", travistest.Build{Result: travis.Broken})
		breaks("2", "Grace", "grace@example.com", travistest.Build{Result: travis.Broken})
		breaks("3", "Mallory", "mallory@example.com", travistest.Build{Result: travis.Broken})
		breaks("4", "Ada", "ada@example.com", travistest.Build{Result: travis.Broken, Type: travis.PullRequest})
		breaks("5", "Ada", "ada@example.com", travistest.Build{Result: travis.Passed})

		bodies := func() (all []string) {
			for _, m := range r.Messages() {
				all = append(all, m.Body)
			}
			return all
		}
		mentions := ContainSubstring(`"mention":"ada-id"`)
		Expect(bodies()).To(HaveExactElements(mentions, Not(ContainSubstring(`"mention"`)), Not(ContainSubstring(`"mention"`)),
			Not(ContainSubstring(`"mention"`)), Not(ContainSubstring(`"mention"`))))

		path := plugin(ctx)
		said := func(number, what string) gomegatypes.GomegaMatcher {
			return MatchRegexp(`build ` + number + ` \(\w+\): 202, stored\n.*\n.*delivered after 1 attempt\n.*: delivered after \d+ ms` + what + `\n`)
		}
		Eventually(s.why).WithArguments(ctx, path, s.operator).Should(And(
			said("1", `: mentioned ada \(ada-id\)`),
			said("2", ": mentioned nobody: people has no id of grace for webhook"),
			said("3", `: mentioned nobody: the address of the commit's author, "Mallory", is not in people`),
			said("4", ": mentioned nobody: it is a build of a pull request"),
			said("5", ""),
			Not(ContainSubstring("@example.com")),
		))

		By("looking at the account, which has delivered everything and belongs to no team")
		account := func() (string, error) {
			return get(ctx, suite.Defaults, s.system, "default", "{.status.accounts[0]}")
		}
		Eventually(account).Should(ContainSubstring("lastDelivered"))
		Expect(account()).NotTo(ContainSubstring("lastFailure"))
	})
})
