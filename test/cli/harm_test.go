package cli

import (
	"context"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
)

// What the command line must not change or disclose.
var _ = Describe("The command line", func() {
	var team string
	teams := 0
	BeforeEach(func(ctx SpecContext) {
		teams++
		team = fmt.Sprintf("harm-%d", teams)
		s.kubectl(ctx, "create", "namespace", team)
	})
	// travis runs kubectl travis in the team's namespace. args may end with a redirection or a pipe.
	travis := func(ctx context.Context, args string) string {
		return s.run(ctx, "kubectl travis -n "+team+" "+args)
	}
	objects := func(ctx context.Context) string {
		return s.kubectl(ctx, "get", "travisroutes,travisdefaults,secrets", "-n", team, "-o", "name")
	}

	It("stores no Secret of an account that the API server rejects", func(ctx SpecContext) {
		Expect(travis(ctx, "account Not_A_Name --webhook < chat.txt")).To(And(ContainSubstring("an account's name consists of lower-case letters"), ContainSubstring("(exit code 1)")))
		Expect(objects(ctx)).To(BeEmpty())
	})

	It("writes nothing in a dry run", func(ctx SpecContext) {
		for _, how := range []string{"client", "server"} {
			Expect(travis(ctx, "route a/b '' --account chat --dry-run="+how)).To(ContainSubstring("created (" + map[string]string{"client": "", "server": "server "}[how] + "dry run)"))
			Expect(travis(ctx, "token a/b --generate --dry-run="+how)).NotTo(ContainSubstring("/travis/"))
			Expect(travis(ctx, "account chat --webhook --dry-run="+how+" < chat.txt")).To(ContainSubstring("dry run)"))
			Expect(travis(ctx, "defaults fixed --dry-run="+how)).To(ContainSubstring("dry run)"))
		}
		Expect(objects(ctx)).To(BeEmpty())
	})

	It("prints manifests that kubectl accepts", func(ctx SpecContext) {
		Expect(travis(ctx, "account chat --webhook --dry-run=client -o yaml < chat.txt | kubectl apply -f -")).To(And(
			ContainSubstring("secret/travis-account-chat created"), ContainSubstring("travisdefaults.travishook.dev/default created")))
		Expect(travis(ctx, "import travishook.json 2>/dev/null | kubectl apply -f -")).To(ContainSubstring("travisroute.travishook.dev/example-example-example-conference-example-com created"))
	})

	It("finds a route by its channel, whether or not it names the default account", func(ctx SpecContext) {
		travis(ctx, "account own --webhook < chat.txt")
		travis(ctx, "token a/b --generate")
		travis(ctx, "route a/b one passed")
		Expect(travis(ctx, "route a/b one fixed --account own")).To(Equal("travisroute.travishook.dev/a-b-one configured\n"))
		Expect(travis(ctx, "routes -o name")).To(Equal("travisroute.travishook.dev/a-b-one\n"))
	})

	It("does not change what a GitOps tool manages", func(ctx SpecContext) {
		s.run(ctx, "kubectl travis -n "+team+" route a/b '' --account chat --dry-run=client -o yaml 2>/dev/null | kubectl apply --server-side --field-manager=argocd-controller -f -")
		specs := []string{"get", "travisroutes", "-n", team, "-o", "jsonpath={range .items[*]}{.metadata.name} {.metadata.generation} {.spec}{end}"}
		before := s.kubectl(ctx, specs...)
		Expect(travis(ctx, "route a/b '' --account chat fixed")).To(And(
			ContainSubstring("is managed by Argo CD"), ContainSubstring("- fixed"), Not(ContainSubstring("managedFields")), ContainSubstring("(exit code 1)")))
		Expect(travis(ctx, "remove a/b")).To(ContainSubstring("is managed by Argo CD"))
		Expect(s.kubectl(ctx, specs...)).To(Equal(before))
	})

	It("makes no Secret of an account if a tool manages the defaults", func(ctx SpecContext) {
		travis(ctx, "defaults fixed")
		s.kubectl(ctx, "label", "travisdefaults", "default", "-n", team, "app.kubernetes.io/managed-by=Helm")
		Expect(travis(ctx, "account chat --webhook < chat.txt")).To(And(ContainSubstring("is managed by Helm"), ContainSubstring("name: chat")))
		Expect(objects(ctx)).NotTo(ContainSubstring("secret/"))
	})

	It("removes one of two channels, and keeps the token for the other", func(ctx SpecContext) {
		travis(ctx, "token a/b --generate")
		travis(ctx, "route a/b one --account chat --name both")
		travis(ctx, "route a/b two --account chat --name both")
		Expect(travis(ctx, "route a/b two --account chat fixed")).To(ContainSubstring("has other channels too"))
		Expect(travis(ctx, "remove a/b one")).To(ContainSubstring("configured"))
		Expect(travis(ctx, "routes -o jsonpath='{.items[*].spec.channels[*].address}'")).To(Equal("two"))
		Expect(objects(ctx)).To(ContainSubstring("secret/"))
		Expect(travis(ctx, "remove a/b two")).To(And(ContainSubstring("travisroute.travishook.dev/both deleted"), ContainSubstring("secret/travis-token-a-b deleted")))
		Expect(objects(ctx)).To(BeEmpty())
	})

	It("keeps a token that another user made", func(ctx SpecContext) {
		s.kubectl(ctx, "create", "secret", "generic", "theirs", "-n", team, "--from-literal=repository=a/b", "--from-literal=token=x")
		s.kubectl(ctx, "label", "secret", "theirs", "-n", team, "travishook.dev/secret-type=token")
		travis(ctx, "route a/b '' --account chat")
		Expect(travis(ctx, "remove a/b")).To(ContainSubstring("theirs has a token of a/b and was not created by kubectl travis: it is kept"))
		Expect(objects(ctx)).To(ContainSubstring("secret/theirs"))
	})

	It("shows no token unless asked, and then only to users who may read Secrets", func(ctx SpecContext) {
		travis(ctx, "token a/b < new-token.txt")
		travis(ctx, "route a/b '' --account chat fixed")
		Expect(travis(ctx, "config")).To(And(ContainSubstring("secret: travis-token-a-b"), Not(ContainSubstring(token))))
		Expect(travis(ctx, "config --show-secrets")).To(ContainSubstring(token))

		reader, err := s.plane.AddUser(ctx, team+"-reader", rule("travishook.dev", "travisroutes", "get", "list"), rule("travishook.dev", "travisdefaults", "get"))
		Expect(err).NotTo(HaveOccurred())
		Expect(travis(ctx, "config --kubeconfig "+reader.Kubeconfig)).NotTo(ContainSubstring("token"))
		Expect(travis(ctx, "config --show-secrets --kubeconfig "+reader.Kubeconfig)).To(And(ContainSubstring("forbidden: "), ContainSubstring("(exit code 1)")))
		Expect(travis(ctx, "route a/b other --kubeconfig "+reader.Kubeconfig)).To(And(HavePrefix("error: forbidden: "), ContainSubstring("(exit code 1)")))
		Expect(travis(ctx, "routes -o name")).To(Equal("travisroute.travishook.dev/a-b-chat\n"))
	})

	It("does not guess defaults that the caller may not read", func(ctx SpecContext) {
		writer, err := s.plane.AddUser(ctx, team+"-writer", rule("travishook.dev", "travisroutes", "*"))
		Expect(err).NotTo(HaveOccurred())
		role := s.plane.Kubectl + " -n " + team + " create role r --verb=get --resource=travisdefaults.travishook.dev && " +
			s.plane.Kubectl + " -n " + team + " create rolebinding r --role=r --user=" + team + "-writer"
		s.run(ctx, role)
		Expect(travis(ctx, "route a/b chat --kubeconfig "+writer.Kubeconfig)).To(And(ContainSubstring("name the events"), ContainSubstring("--follow-defaults")))
		By("Asking for the defaults, where naming events would set them")
		Expect(travis(ctx, "defaults --kubeconfig "+writer.Kubeconfig)).To(And(ContainSubstring("the default events are unknown: you may not read"),
			Not(ContainSubstring("name the events"))))
		Expect(objects(ctx)).To(BeEmpty())
		Expect(travis(ctx, "route a/b chat fixed --kubeconfig "+writer.Kubeconfig)).To(Equal("travisroute.travishook.dev/a-b-chat created\n"))
	})

	It("asks the operator with a client certificate and with --as, with the rights of that user", func(ctx SpecContext) {
		travis(ctx, "route a/b '' --account chat fixed")
		reader, err := s.plane.AddUser(ctx, team+"-cert", rule("travishook.dev", "travisroutes", "get"), rule("certificates.k8s.io", "certificatesigningrequests", "create"))
		Expect(err).NotTo(HaveOccurred())
		stranger, err := s.plane.AddUser(ctx, team+"-stranger", rule("travishook.dev", "travisroutes", "get"))
		Expect(err).NotTo(HaveOccurred())
		const found = "route %s/a-b-chat: not ready"
		asAdmin, asReader := " --kubeconfig "+s.plane.Kubeconfig, " --kubeconfig "+reader.Kubeconfig

		Expect(travis(ctx, "why a/b"+asAdmin)).To(ContainSubstring(fmt.Sprintf(found, team)))
		Expect(travis(ctx, "redrive --route a-b-chat"+asAdmin)).To(Equal("No dead letters in namespace " + team + ".\n"))
		Expect(s.kubectl(ctx, "get", "certificatesigningrequests", "-o", "name")).To(BeEmpty(), "the plugin deletes what it made")
		Expect(travis(ctx, "why a/b"+asReader)).To(ContainSubstring(fmt.Sprintf(found, team)))
		Expect(travis(ctx, "redrive --route a-b-chat"+asReader)).To(And(ContainSubstring(`"`+team+`-cert" may not update`), ContainSubstring("(exit code 1)")))
		Expect(travis(ctx, "why a/b --kubeconfig "+stranger.Kubeconfig)).To(And(ContainSubstring("certificatesigningrequests"), ContainSubstring("(exit code 1)")))

		By("honoring --as, or refusing it")
		Expect(travis(ctx, "why a/b --as "+team+"-cert")).To(ContainSubstring(fmt.Sprintf(found, team)))
		Expect(travis(ctx, "redrive --route a-b-chat --as "+team+"-cert")).To(ContainSubstring(`"` + team + `-cert" may not update`))
		Expect(travis(ctx, "why a/b --as "+team+"-stranger")).To(And(ContainSubstring("certificatesigningrequests"), ContainSubstring("(exit code 1)")))
	})

	It("refuses the certificate signing request of another user", func(ctx SpecContext) {
		travis(ctx, "route a/b '' --account chat fixed")
		reader, err := s.plane.AddUser(ctx, team+"-forger", rule("certificates.k8s.io", "certificatesigningrequests", "create", "get", "list"))
		Expect(err).NotTo(HaveOccurred())
		Expect(travis(ctx, "why a/b --kubeconfig "+reader.Kubeconfig)).To(ContainSubstring("may not get TravisRoutes of namespace " + team))
		requests := strings.Fields(s.kubectl(ctx, "get", "certificatesigningrequests", "-o", "jsonpath={.items[*].metadata.name}"))
		Expect(requests).NotTo(BeEmpty())
		name := requests[0]
		Expect(travis(ctx, "why a/b --token travishook-csr.GUESSED."+name)).To(And(ContainSubstring("rejects the token"), ContainSubstring("(exit code 1)")))
	})

	It("deletes accounts and tokens that it made, and finds the webhook URL again", func(ctx SpecContext) {
		travis(ctx, "account own --webhook < chat.txt")
		travis(ctx, "token a/b < new-token.txt")
		url := travis(ctx, "token A/b --url --public-url https://hooks.example.com/travis")
		Expect(url).To(MatchRegexp(`(?m)^https://hooks\.example\.com/travis/[0-9a-f]{64}$`))
		Expect(travis(ctx, "token a/b --rotate < new-token.txt")).To(ContainSubstring("already has this token"))
		travis(ctx, "route a/b --account own fixed")
		Expect(travis(ctx, "account own --delete")).To(And(ContainSubstring("/a-b-own still name the account"), ContainSubstring("secret/travis-account-own deleted")))
		Expect(travis(ctx, "account own --delete")).To(ContainSubstring("no account"))
		Expect(travis(ctx, "token a/b --delete")).To(ContainSubstring("secret/travis-token-a-b deleted"))
		Expect(objects(ctx)).NotTo(ContainSubstring("secret/"))
	})

	It("clears conditions with empty flags, and lists namespaces with defaults only", func(ctx SpecContext) {
		travis(ctx, `route a/b --account chat fixed --filter 'build.branch == "main"' --branches main --build-types push`)
		travis(ctx, "route a/b --account chat fixed --filter '' --branches '' --build-types ''")
		Expect(travis(ctx, "routes -o jsonpath='{.items[*].spec}'")).To(And(Not(ContainSubstring("filter")), Not(ContainSubstring("branches")), Not(ContainSubstring("buildTypes"))))
		travis(ctx, "remove a/b")
		travis(ctx, "defaults fixed")
		Expect(travis(ctx, "config -A")).To(ContainSubstring("namespace: " + team))
	})

	It("says that a token Secret only lacks its label", func(ctx SpecContext) {
		s.kubectl(ctx, "create", "secret", "generic", "theirs", "-n", team, "--from-literal=repository=a/b", "--from-literal=token=x")
		travis(ctx, "route a/b --account chat fixed")
		status := func() string { return travis(ctx, "routes -o jsonpath='{.items[*].status.conditions}'") }
		Eventually(status).WithTimeout(patience).Should(ContainSubstring("kubectl label secret -n " + team + " theirs travishook.dev/secret-type=token"))
		Expect(travis(ctx, "why a/b")).To(ContainSubstring("kubectl label secret -n " + team + " theirs travishook.dev/secret-type=token"))
		for _, how := range []string{"--generate", "--url", "--delete"} {
			Expect(travis(ctx, "token a/b "+how)).To(ContainSubstring("kubectl label secret -n " + team + " theirs travishook.dev/secret-type=token"))
		}
		s.kubectl(ctx, "label", "secret", "-n", team, "theirs", "travishook.dev/secret-type=token")
		Eventually(status).WithTimeout(patience).Should(Not(ContainSubstring("theirs")))
	})

	It("suggests the repository, the event and the route that is probably meant", func(ctx SpecContext) {
		travis(ctx, "token example/website < new-token.txt")
		travis(ctx, "route example/website --account chat fixed")
		Expect(travis(ctx, "token example/websit --url")).To(ContainSubstring("example/websit has no token in namespace " + team + "; did you mean example/website?"))
		Expect(travis(ctx, "token a/b --delete")).To(And(ContainSubstring("a/b has no token"), Not(ContainSubstring("--generate"))))
		Expect(travis(ctx, "route example/website --acount chat")).To(And(ContainSubstring("did you mean --account?"), ContainSubstring("(exit code 2)")))
		Expect(travis(ctx, "account ours --slack < <(echo tokn=xoxb-1)")).To(ContainSubstring(`there is no key "tokn", did you mean token?`))
		s.kubectl(ctx, "create", "secret", "generic", "travis-account-own", "-n", team, "--from-literal=pasword=x")
		s.kubectl(ctx, "label", "secret", "travis-account-own", "-n", team, "travishook.dev/secret-type=credential", "app.kubernetes.io/managed-by=kubectl-travis")
		s.kubectl(ctx, "create", "secret", "generic", "hooks", "-n", team, "--from-literal=builds="+s.channel.URL)
		s.kubectl(ctx, "label", "secret", "hooks", "-n", team, "travishook.dev/secret-type=credential")
		s.apply(ctx, `{apiVersion: travishook.dev/v1alpha1, kind: TravisDefaults, metadata: {name: default, namespace: `+team+`}, spec: {accounts: [
			{name: own, xmpp: {jid: ci@example.com, secretRef: {name: travis-account-own}}}, {name: hooks, webhook: {secretRef: {name: hooks}}}]}}`)
		travis(ctx, "route example/other bilds --account hooks fixed")
		Eventually(s.message).WithArguments(ctx, team, "example-other-hooks-bilds").WithTimeout(patience).Should(ContainSubstring(`has no key "bilds"; did you mean "builds"?`))
		Eventually(func() string {
			return s.kubectl(ctx, "get", "travisdefaults", "-n", team, "-o", "jsonpath={.items[*].status.accounts}")
		}).
			WithTimeout(patience).Should(ContainSubstring(`did you mean \"password\"?`))
		Expect(travis(ctx, "defaults pasd")).To(ContainSubstring("did you mean passed?"))
		Expect(travis(ctx, "deliveries nowhere")).To(And(ContainSubstring("there are: "), ContainSubstring("example-website-chat")))
	})

	It("knows the routes of a pattern by each repository that it matches", func(ctx SpecContext) {
		travis(ctx, "route 'example/*' --account chat broken --name all")
		travis(ctx, "route example/other --account chat broken --name other")
		Expect(travis(ctx, "routes example/website -o name")).To(Equal("travisroute.travishook.dev/all\n"))
		Expect(travis(ctx, "routes Example/Other -o name")).To(ContainSubstring("/other\n"))
		Expect(travis(ctx, "routes 'example/*' -o name")).To(Equal("travisroute.travishook.dev/all\n"))
		Expect(travis(ctx, "render all --event broken")).To(And(ContainSubstring("broken, push, to chat:"), ContainSubstring("[example/example]")))
		Expect(travis(ctx, "why 'example/*'")).To(ContainSubstring("is a pattern: name one repository"))
		Eventually(func() string { return travis(ctx, "why example/website") }).WithTimeout(patience).Should(ContainSubstring("route " + team + "/all: not ready"))
	})

	It("removes what import made", func(ctx SpecContext) {
		travis(ctx, "import travishook.json 2>/dev/null | kubectl apply -f -")
		Expect(travis(ctx, "remove example/example")).To(And(ContainSubstring("example-conference-example-com deleted"), ContainSubstring("secret/travis-token-example-example deleted")))
		Expect(objects(ctx)).NotTo(ContainSubstring("secret/"))
	})

	It("reports routes that do not exist", func(ctx SpecContext) {
		travis(ctx, "route a/b --account chat fixed")
		Expect(travis(ctx, "deliveries a-b-cht")).To(And(ContainSubstring("no TravisRoute "+team+"/a-b-cht; did you mean a-b-chat?"), ContainSubstring("(exit code 1)")))
		Expect(travis(ctx, "redrive --route a-b-cht")).To(ContainSubstring("did you mean a-b-chat?"))
		Expect(travis(ctx, "test a-b-cht")).To(ContainSubstring("did you mean a-b-chat?"))
		Expect(travis(ctx, "version -o json")).To(ContainSubstring(`"operator": "`))
	})
})

func rule(group, resource string, verbs ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: []string{resource}, Verbs: verbs}
}
