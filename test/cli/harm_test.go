package cli

import (
	"context"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
)

// What the command line leaves alone, and what it says then: the things that would hurt somebody.
var _ = Describe("The command line", func() {
	var team string
	teams := 0
	BeforeEach(func(ctx SpecContext) {
		teams++
		team = fmt.Sprintf("harm-%d", teams)
		s.kubectl(ctx, "create", "namespace", team)
	})
	// typed runs kubectl travis in the team's namespace; input is a shell's redirection or pipe.
	typed := func(ctx context.Context, args string) string {
		return s.run(ctx, "kubectl travis -n "+team+" "+args)
	}
	objects := func(ctx context.Context) string {
		return s.kubectl(ctx, "get", "travisroutes,travisdefaults,secrets", "-n", team, "-o", "name")
	}

	It("keeps no Secret of an account that the server refuses", func(ctx SpecContext) {
		Expect(typed(ctx, "account Not_A_Name --webhook < room.txt")).To(And(ContainSubstring("an account's name is made of lower-case letters"), ContainSubstring("(exit code 1)")))
		Expect(objects(ctx)).To(BeEmpty())
	})

	It("writes nothing on a dry run, whoever does it", func(ctx SpecContext) {
		for _, how := range []string{"client", "server"} {
			Expect(typed(ctx, "route a/b '' --account room --dry-run="+how)).To(ContainSubstring("created (" + map[string]string{"client": "", "server": "server "}[how] + "dry run)"))
			Expect(typed(ctx, "token a/b --generate --dry-run="+how)).NotTo(ContainSubstring("/travis/"))
			Expect(typed(ctx, "account room --webhook --dry-run="+how+" < room.txt")).To(ContainSubstring("dry run)"))
			Expect(typed(ctx, "defaults fixed --dry-run="+how)).To(ContainSubstring("dry run)"))
		}
		Expect(objects(ctx)).To(BeEmpty())
	})

	It("prints manifests that kubectl takes", func(ctx SpecContext) {
		Expect(typed(ctx, "account room --webhook --dry-run=client -o yaml < room.txt | kubectl apply -f -")).To(And(
			ContainSubstring("secret/travis-account-room created"), ContainSubstring("travisdefaults.travishook.dev/default created")))
		Expect(typed(ctx, "import travishook.json 2>/dev/null | kubectl apply -f -")).To(ContainSubstring("travisroute.travishook.dev/example-example-example-conference-example-com created"))
	})

	It("finds a route by its room, whether or not it names the default account", func(ctx SpecContext) {
		typed(ctx, "account own --webhook < room.txt")
		typed(ctx, "token a/b --generate")
		typed(ctx, "route a/b one passed")
		Expect(typed(ctx, "route a/b one fixed --account own")).To(Equal("travisroute.travishook.dev/a-b-one configured\n"))
		Expect(typed(ctx, "routes -o name")).To(Equal("travisroute.travishook.dev/a-b-one\n"))
	})

	It("leaves alone what a GitOps tool applied, by whatever sign", func(ctx SpecContext) {
		s.run(ctx, "kubectl travis -n "+team+" route a/b '' --account room --dry-run=client -o yaml 2>/dev/null | kubectl apply --server-side --field-manager=argocd-controller -f -")
		before := s.kubectl(ctx, "get", "travisroutes", "-n", team, "-o", "yaml")
		Expect(typed(ctx, "route a/b '' --account room fixed")).To(And(
			ContainSubstring("belongs to Argo CD"), ContainSubstring("- fixed"), Not(ContainSubstring("managedFields")), ContainSubstring("(exit code 1)")))
		Expect(typed(ctx, "remove a/b")).To(ContainSubstring("belongs to Argo CD"))
		Expect(s.kubectl(ctx, "get", "travisroutes", "-n", team, "-o", "yaml")).To(Equal(before))
	})

	It("makes no account's Secret where a tool owns the defaults", func(ctx SpecContext) {
		typed(ctx, "defaults fixed")
		s.kubectl(ctx, "label", "travisdefaults", "default", "-n", team, "app.kubernetes.io/managed-by=Helm")
		Expect(typed(ctx, "account room --webhook < room.txt")).To(And(ContainSubstring("belongs to Helm"), ContainSubstring("name: room")))
		Expect(objects(ctx)).NotTo(ContainSubstring("secret/"))
	})

	It("takes one room out of a route that has two, and keeps the token for the other", func(ctx SpecContext) {
		typed(ctx, "token a/b --generate")
		typed(ctx, "route a/b one --account room --name both")
		typed(ctx, "route a/b two --account room --name both")
		Expect(typed(ctx, "route a/b two --account room fixed")).To(ContainSubstring("tells other rooms too"))
		Expect(typed(ctx, "remove a/b one")).To(ContainSubstring("configured"))
		Expect(typed(ctx, "routes -o jsonpath='{.items[*].spec.channels[*].address}'")).To(Equal("two"))
		Expect(objects(ctx)).To(ContainSubstring("secret/"))
		Expect(typed(ctx, "remove a/b two")).To(And(ContainSubstring("travisroute.travishook.dev/both deleted"), ContainSubstring("secret/travis-token-a-b deleted")))
		Expect(objects(ctx)).To(BeEmpty())
	})

	It("keeps a token that somebody else made", func(ctx SpecContext) {
		s.kubectl(ctx, "create", "secret", "generic", "theirs", "-n", team, "--from-literal=repository=a/b", "--from-literal=token=x")
		s.kubectl(ctx, "label", "secret", "theirs", "-n", team, "travishook.dev/secret-type=token")
		typed(ctx, "route a/b '' --account room")
		Expect(typed(ctx, "remove a/b")).To(ContainSubstring("theirs holds a token of a/b and was not made by this command line: it stays"))
		Expect(objects(ctx)).To(ContainSubstring("secret/theirs"))
	})

	It("shows no token unless asked, and then only to who may read Secrets", func(ctx SpecContext) {
		typed(ctx, "token a/b < new-token.txt")
		typed(ctx, "route a/b '' --account room fixed")
		Expect(typed(ctx, "config")).To(And(ContainSubstring("secret: travis-token-a-b"), Not(ContainSubstring(token))))
		Expect(typed(ctx, "config --show-secrets")).To(ContainSubstring(token))

		reader, err := s.plane.AddUser(ctx, team+"-reader", rule("travishook.dev", "travisroutes", "get", "list"), rule("travishook.dev", "travisdefaults", "get"))
		Expect(err).NotTo(HaveOccurred())
		Expect(typed(ctx, "config --kubeconfig "+reader.Kubeconfig)).NotTo(ContainSubstring("token"))
		Expect(typed(ctx, "config --show-secrets --kubeconfig "+reader.Kubeconfig)).To(And(ContainSubstring("you may not do that"), ContainSubstring("(exit code 1)")))
		Expect(typed(ctx, "route a/b other --kubeconfig "+reader.Kubeconfig)).To(And(HavePrefix("error: you may not do that"), ContainSubstring("(exit code 1)")))
		Expect(typed(ctx, "routes -o name")).To(Equal("travisroute.travishook.dev/a-b-room\n"))
	})

	It("does not guess the defaults of who may not read them", func(ctx SpecContext) {
		writer, err := s.plane.AddUser(ctx, team+"-writer", rule("travishook.dev", "travisroutes", "*"))
		Expect(err).NotTo(HaveOccurred())
		role := s.plane.Kubectl + " -n " + team + " create role r --verb=get --resource=travisdefaults.travishook.dev && " +
			s.plane.Kubectl + " -n " + team + " create rolebinding r --role=r --user=" + team + "-writer"
		s.run(ctx, role)
		Expect(typed(ctx, "route a/b room --kubeconfig "+writer.Kubeconfig)).To(And(ContainSubstring("name the events"), ContainSubstring("--follow-defaults")))
		Expect(objects(ctx)).To(BeEmpty())
		Expect(typed(ctx, "route a/b room fixed --kubeconfig "+writer.Kubeconfig)).To(Equal("travisroute.travishook.dev/a-b-room created\n"))
	})
})

func rule(group, resource string, verbs ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: []string{resource}, Verbs: verbs}
}
