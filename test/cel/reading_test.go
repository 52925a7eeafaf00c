package cel

import (
	"os/exec"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/travishook/travishook/api/v1alpha1"
)

func kubectl(ctx SpecContext, args ...string) string {
	GinkgoHelper()
	out, err := exec.CommandContext(ctx, plane.Kubectl, append([]string{"--kubeconfig", plane.Kubeconfig}, args...)...).CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), "%s", out)
	return string(out)
}

var _ = Describe("what a person reads", func() {
	It("finds both kinds by their short names and category", func(ctx SpecContext) {
		accepted(ctx, defaults(`{account: jabber}`))
		o := accepted(ctx, route(`{repository: example/example, `+channel+`}`)).(*v1alpha1.TravisRoute)
		o.Status = v1alpha1.TravisRouteStatus{
			EventSummary: "passed,failure",
			Conditions: []metav1.Condition{{
				Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonTokenNotFound,
				Message: "create a Secret", LastTransitionTime: metav1.Now(),
			}},
		}
		Expect(api.Status().Update(ctx, o)).To(Succeed())
		Expect(kubectl(ctx, "get", "troute", "-n", space)).To(And(
			MatchRegexp(`NAME +REPOSITORY +EVENTS +READY +LAST BUILD +AGE`),
			MatchRegexp(`example +example/example +passed,failure +False`)))
		Expect(kubectl(ctx, "get", "troute", "-n", space, "-o", "wide")).To(ContainSubstring("create a Secret"))
		Expect(kubectl(ctx, "get", "tdefaults", "-n", space)).To(MatchRegexp(`default +jabber`))
		Expect(kubectl(ctx, "get", "travis", "-n", space)).To(And(
			ContainSubstring("travisroute.travishook.dev/example"), ContainSubstring("travisdefaults.travishook.dev/default")))
	})

	DescribeTable("explains each field", func(ctx SpecContext, path, says string) {
		Expect(kubectl(ctx, "explain", path)).To(ContainSubstring(says))
	},
		Entry(nil, "travisroute", "TravisRoute announces the builds of a Travis CI repository in chat channels."),
		Entry(nil, "travisroute.spec.events", "Travis sends broken for a build that fails after one that passed"),
		Entry(nil, "travisroute.spec.channels.address", "within the service"),
		Entry(nil, "travisdefaults.spec.accounts.xmpp", "nickname is the nickname in the rooms"),
		Entry(nil, "travisdefaults.spec.signatureOnly", "without the repository's token"),
	)

	It("keeps Flux from substituting variables in the CRDs", func(ctx SpecContext) {
		Expect(apiextensionsv1.AddToScheme(api.Scheme())).To(Succeed())
		for _, name := range []string{"travisroutes.travishook.dev", "travisdefaults.travishook.dev"} {
			var crd apiextensionsv1.CustomResourceDefinition
			Expect(api.Get(ctx, types.NamespacedName{Name: name}, &crd)).To(Succeed())
			Expect(crd.Annotations).To(HaveKeyWithValue("kustomize.toolkit.fluxcd.io/substitute", "disabled"))
		}
	})

	It("can apply every sample", func(ctx SpecContext) {
		for _, name := range []string{"travishook-system", "team-a"} {
			err := api.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
			Expect(apierrors.IsAlreadyExists(err) || err == nil).To(BeTrue(), "%v", err)
		}
		samples := filepath.Join(plane.Root, "config", "samples")
		out := kubectl(ctx, "apply", "--server-side", "--dry-run=server", "--validate=strict", "-k", samples)
		Expect(out).To(And(ContainSubstring("travisroute.travishook.dev/example serverside-applied"), ContainSubstring("secret/hook")))
	})
})
