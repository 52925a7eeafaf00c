package install_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var _ = Describe("The CRDs", func() {
	It("of an older chart are upgraded together with it, whoever wrote them last", func(ctx context.Context) {
		older := olderChart(ctx)
		deleteCRDs(ctx)
		DeferCleanup(deleteCRDs)
		DeferCleanup(func(ctx context.Context) { run(ctx, "uninstall", "travishook", "--ignore-not-found") })
		run(ctx, "install", "travishook", older, "--set", "crds.upgrade=false")
		Expect(schemaOf(ctx)).To(ContainSubstring(staleRule))
		Expect(schemaOf(ctx)).NotTo(ContainSubstring(`"repositoryID"`))
		kubectl(ctx, oldRoute, "apply", "-f", "-")

		By("leaving them alone if asked to")
		run(ctx, "upgrade", "travishook", program.Chart(), "--set", "crds.upgrade=false")
		Expect(schemaOf(ctx)).To(ContainSubstring(staleRule))

		By("replacing what the new version no longer has, and adding what it has, also of a new kind")
		kubectl(ctx, "", "delete", "crd", "travisdefaults.travishook.dev")
		run(ctx, "upgrade", "travishook", program.Chart(), "--set", "crds.upgrade=true")
		Expect(schemaOf(ctx)).NotTo(ContainSubstring(staleRule))
		Expect(schemaOf(ctx)).To(ContainSubstring(`"repositoryID"`))
		Expect(kubectl(ctx, "", "get", "travisdefaults", "-A")).To(ContainSubstring("No resources found"))

		By("keeping the routes, which tell kstatus that no operator has seen them")
		Expect(kubectl(ctx, "", "get", "travisroute", "old", "-n", "team-a", "-o", "jsonpath={.status.observedGeneration}")).To(Equal("-1"))
		Expect(kubectl(ctx, "", "get", "travisroute", "old", "-n", "team-a", "-o", "name")).To(ContainSubstring("travisroute.travishook.dev/old"))
		kubectl(ctx, "", "patch", "travisroute", "old", "-n", "team-a", "--type=merge", "-p", `{"spec":{"repositoryID":7}}`)

		By("leaving nothing of the hook behind, least of all its rights")
		Expect(kubectl(ctx, "", "get", "jobs,serviceaccounts,clusterroles,clusterrolebindings", "-A",
			"-l", "app.kubernetes.io/name=travishook-crds")).To(ContainSubstring("No resources found"))
	})

	It("can be applied by hand after Helm and after the hook, without a conflict", func(ctx context.Context) {
		install(ctx)
		page, err := os.ReadFile(filepath.Join(plane.Root, "docs", "operations", "upgrade.md"))
		Expect(err).NotTo(HaveOccurred())
		_, command, found := strings.Cut(string(page), "kubectl apply --server-side --force-conflicts -f charts/travishook/crds")
		Expect(found).To(BeTrue(), "the page has another command: %s", command)
		kubectl(ctx, "", "apply", "--server-side", "--force-conflicts", "-f", filepath.Join(program.Chart(), "crds"))
		run(ctx, "upgrade", "travishook", program.Chart())
	})

	It("are all that the hook may change", func(ctx context.Context) {
		rendered := run(ctx, "template", "travishook", program.Chart(), "--show-only", "templates/crds.yaml")
		kubectl(ctx, rendered, "apply", "-f", "-")
		DeferCleanup(func(ctx context.Context) { kubectl(ctx, rendered, "delete", "-f", "-") })
		const kind, own = "customresourcedefinitions", "travisroutes.travishook.dev"
		for verb, want := range map[string]bool{"get": true, "patch": true, "update": true, "create": true, "delete": false} {
			Expect(hookMay(ctx, verb, "apiextensions.k8s.io", kind, own)).To(Equal(want), verb)
			Expect(hookMay(ctx, verb, "apiextensions.k8s.io", kind, "certificates.cert-manager.io")).To(BeFalse(), verb)
			Expect(hookMay(ctx, verb, "apiextensions.k8s.io", kind, "")).To(BeFalse(), verb)
			Expect(hookMay(ctx, verb, "travishook.dev", "travisroutes", "")).To(BeFalse(), verb)
			Expect(hookMay(ctx, verb, "", "secrets", "")).To(BeFalse(), verb)
		}
		Expect(may(ctx, "patch", "apiextensions.k8s.io", kind, "", own)).To(BeFalse(), "the operator itself may not")
	})

	It("of which the hook says in a sentence that it may not change them", func(ctx context.Context) {
		install(ctx)
		kubectl(ctx, "", "create", "serviceaccount", "nobody", "-n", namespace)
		DeferCleanup(func(ctx context.Context) { kubectl(ctx, "", "delete", "serviceaccount", "nobody", "-n", namespace) })
		account, err := plane.AddUserInGroups("system:serviceaccount:"+namespace+":nobody", "system:authenticated")
		Expect(err).NotTo(HaveOccurred())
		out := applyCRDs(ctx, account.Kubeconfig)
		Expect(out).To(HavePrefix("travishook: apply CRD travis"), out)
		Expect(out).To(ContainSubstring(`User "system:serviceaccount:` + namespace + `:nobody" cannot get resource "customresourcedefinitions"`))
	})
})

// staleRule is a rule of the older CRD that the present one lacks.
const staleRule = "an older rule"

const oldRoute = `
apiVersion: travishook.dev/v1alpha1
kind: TravisRoute
metadata: {name: old, namespace: team-a}
spec: {repository: a/b, channels: [{address: "#c"}]}
`

// olderChart returns a copy of the chart whose CRD of routes lacks a field and has another rule.
func olderChart(ctx context.Context) string {
	GinkgoHelper()
	chart := filepath.Join(GinkgoT().TempDir(), "travishook")
	Expect(os.CopyFS(chart, os.DirFS(program.Chart()))).To(Succeed())
	file := filepath.Join(chart, "crds", "travishook.dev_travisroutes.yaml")
	edited := kubectl(ctx, "", "patch", "--local", "-f", file, "-o", "yaml", "--type=json", "-p", `[
		{"op":"remove","path":"/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/repositoryID"},
		{"op":"add","path":"/spec/versions/0/schema/openAPIV3Schema/properties/spec/x-kubernetes-validations",
		 "value":[{"rule":"self.repository != 'x/x'","message":"`+staleRule+`"}]}]`)
	Expect(os.WriteFile(file, []byte(edited), 0o600)).To(Succeed())
	return chart
}

// deleteCRDs deletes the CRDs, and with them all routes.
func deleteCRDs(ctx context.Context) {
	GinkgoHelper()
	kubectl(ctx, "", "delete", "--ignore-not-found", "crd", "travisroutes.travishook.dev", "travisdefaults.travishook.dev")
}

func schemaOf(ctx context.Context) string {
	GinkgoHelper()
	return kubectl(ctx, "", "get", "crd", "travisroutes.travishook.dev", "-o", "jsonpath={.spec.versions[0].schema}")
}

// applyCRDs returns what the operator prints when it may not apply its CRDs.
func applyCRDs(ctx context.Context, kubeconfig string) string {
	GinkgoHelper()
	out, err := exec.CommandContext(ctx, binary, "--apply-crds", "--kubeconfig", kubeconfig).CombinedOutput()
	Expect(err).To(HaveOccurred())
	return string(out)
}

func hookMay(ctx context.Context, verb, group, resource, name string) bool {
	GinkgoHelper()
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User:               "system:serviceaccount:" + namespace + ":travishook-crds",
		ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: verb, Group: group, Resource: resource, Name: name},
	}}
	answer, err := client.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
	Expect(err).NotTo(HaveOccurred())
	return answer.Status.Allowed
}
