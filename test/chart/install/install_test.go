package install_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/travishook/travishook/controllers"
	"github.com/travishook/travishook/test/chart/pod"
)

var update = flag.Bool("update", false, "update the golden notes")

var _ = Describe("helm install", func() {
	for _, file := range values() {
		name := strings.TrimSuffix(filepath.Base(file), ".values.yaml")

		It("takes "+name, func(ctx context.Context) {
			out := install(ctx, "--values", file)

			By("saying what to do next, with the user's own values")
			_, notes, found := strings.Cut(out, "NOTES:\n")
			Expect(found).To(BeTrue(), out)
			golden := "../testdata/" + name + ".notes.txt"
			if *update {
				Expect(os.WriteFile(golden, []byte(notes), 0o644)).To(Succeed())
			}
			want, err := os.ReadFile(golden)
			Expect(err).NotTo(HaveOccurred())
			Expect(notes).To(Equal(string(want)), "go test ./test/chart/install -update updates it")

			By("rendering nothing that the API server does not know")
			rendered := run(ctx, "template", "travishook", program.Chart(), "--values", file)
			said := kubectl(ctx, rendered, "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-")
			Expect(said).NotTo(ContainSubstring("Warning"))

			By("having a pod that restricted Pod Security admits")
			Expect(admitPod(ctx)).To(Succeed())
		})
	}

	It("can be upgraded, and keeps the CRDs when it goes", func(ctx context.Context) {
		install(ctx)
		run(ctx, "upgrade", "travishook", program.Chart(), "--set-json", `config={"log":{"level":"debug"}}`)
		settings, err := client.CoreV1().ConfigMaps(namespace).Get(ctx, "travishook", metav1.GetOptions{})
		Expect(err).NotTo(HaveOccurred())
		Expect(settings.Data["settings.yaml"]).To(ContainSubstring("level: debug"))

		run(ctx, "uninstall", "travishook")
		_, err = client.CoreV1().ConfigMaps(namespace).Get(ctx, "travishook", metav1.GetOptions{})
		Expect(apierrors.IsNotFound(err)).To(BeTrue(), "the settings should be deleted: %v", err)
		Expect(kubectl(ctx, "", "get", "travisroutes", "-A")).To(ContainSubstring("No resources found"))
	})
})

var _ = Describe("the volume of the store", func() {
	// The API server returns another number, with the unit m, Pi or P.
	DescribeTable("has the same size after an upgrade, and cannot shrink", func(ctx context.Context, size, smaller string) {
		install(ctx, "--set", "store.size="+size)
		run(ctx, "upgrade", "travishook", program.Chart(), "--set", "store.size="+size)
		_, err := program.Run(ctx, "upgrade", "travishook", program.Chart(), "--namespace", namespace, "--kubeconfig", plane.Kubeconfig, "--set", "store.size="+smaller)
		Expect(err).To(MatchError(ContainSubstring("a claim cannot shrink to " + smaller)))
	},
		Entry(nil, "2.2Gi", "2.1Gi"),
		Entry(nil, "1.77778Gi", "1.77777Gi"),
		Entry(nil, "1025Ti", "1024Ti"),
		Entry(nil, "2Ti", "2T"),
	)

	It("grows with an upgrade if its class can, and keeps its class", func(ctx context.Context) {
		install(ctx, "--set", "store.storageClassName=fast")
		upgrade := func(set string) error {
			_, err := program.Run(ctx, "upgrade", "travishook", program.Chart(), "--namespace", namespace, "--kubeconfig", plane.Kubeconfig, "--set", set)
			return err
		}
		Expect(upgrade("store.storageClassName=fast,store.size=2048Mi")).To(Succeed(), "the same size")
		Expect(upgrade("store.storageClassName=slow")).To(MatchError(ContainSubstring(`store.storageClassName: the volume has the class "fast", and a claim cannot change it to "slow"`)))
		Expect(upgrade("store.storageClassName=fast,store.size=4Gi")).To(MatchError(ContainSubstring(
			`store.size: the claim travishook-store has 2Gi, and its StorageClass "fast" does not let it grow to 4Gi`)), "nothing provisions this class")

		By("growing")
		kubectl(ctx, "", "patch", "storageclass", "fast", "--type=merge", "-p", `{"allowVolumeExpansion":true}`)
		DeferCleanup(func(ctx context.Context) {
			kubectl(ctx, "", "patch", "storageclass", "fast", "--type=merge", "-p", `{"allowVolumeExpansion":false}`)
		})
		Expect(upgrade("store.storageClassName=fast,store.size=4Gi")).To(MatchError(ContainSubstring(
			"store.size: the claim travishook-store has no volume yet, and only a bound claim can grow to 4Gi: keep 2Gi until the pod has started once")))
		// The controller that binds it is not here.
		kubectl(ctx, "", "patch", "persistentvolumeclaim", "travishook-store", "-n", namespace, "--subresource=status", "--type=merge", "-p",
			`{"status":{"phase":"Bound","capacity":{"storage":"2Gi"}}}`)
		Expect(upgrade("store.storageClassName=fast,store.size=4Gi")).To(Succeed())
		claim, err := client.CoreV1().PersistentVolumeClaims(namespace).Get(ctx, "travishook-store", metav1.GetOptions{})
		Expect(err).NotTo(HaveOccurred())
		Expect(claim.Spec.Resources.Requests.Storage().String()).To(Equal("4Gi"))

		By("going back, which a rollback cannot: it applies the size of that time")
		kubectl(ctx, "", "patch", "persistentvolumeclaim", "travishook-store", "-n", namespace, "--subresource=status", "--type=merge", "-p",
			`{"status":{"capacity":{"storage":"4Gi"}}}`)
		_, err = program.Run(ctx, "rollback", "travishook", "1", "--namespace", namespace, "--kubeconfig", plane.Kubeconfig)
		Expect(err).To(MatchError(ContainSubstring("field can not be less than")))
		Expect(upgrade("store.storageClassName=fast,store.size=4Gi")).To(Succeed())
		run(ctx, "upgrade", "travishook", program.Chart(), "--set", "store.storageClassName=fast,store.size=4Gi,config.log.level=debug")
		Expect(run(ctx, "rollback", "travishook")).To(ContainSubstring("success"), "to a revision since it has grown")
	})

	It("goes to a release of another name only when it is told so", func(ctx context.Context) {
		install(ctx)
		claim := claimOfTheStore(ctx)
		run(ctx, "uninstall", "travishook")

		args := []string{"install", "builds", program.Chart(), "--namespace", namespace, "--kubeconfig", plane.Kubeconfig, "--set", "fullnameOverride=travishook"}
		_, err := program.Run(ctx, args...)
		Expect(err).To(MatchError(ContainSubstring("invalid ownership metadata")))
		kubectl(ctx, "", "annotate", "persistentvolumeclaim", "travishook-store", "--namespace", namespace, "--overwrite", "meta.helm.sh/release-name=builds")
		_, err = program.Run(ctx, args...)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func(ctx context.Context) { run(ctx, "uninstall", "builds") })
		expectClaim(ctx, claim)
	})

	It("keeps its access mode", func(ctx context.Context) {
		install(ctx)
		_, err := program.Run(ctx, "upgrade", "travishook", program.Chart(), "--namespace", namespace, "--kubeconfig", plane.Kubeconfig,
			"--set", "store.accessMode=ReadWriteOncePod,store.handover=false")
		Expect(err).To(MatchError(ContainSubstring("store.accessMode: the claim travishook-store has ReadWriteOnce, and a claim cannot change it: " +
			"set store.accessMode to ReadWriteOnce, or use another claim with store.existingClaim")))
	})
})

var _ = Describe("the operator's rights", func() {
	It("are the whole cluster's by default, and no more than it needs", func(ctx context.Context) {
		install(ctx)
		for _, ns := range []string{"", "team-a", namespace} {
			Expect(may(ctx, "watch", "travishook.dev", "travisroutes", ns)).To(BeTrue())
			Expect(may(ctx, "patch", "travishook.dev", "travisroutes/status", ns)).To(BeTrue())
			Expect(may(ctx, "list", "", "secrets", ns)).To(BeTrue())
			Expect(may(ctx, "create", "events.k8s.io", "events", ns)).To(BeTrue())
		}
		Expect(may(ctx, "list", "", "namespaces", "")).To(BeTrue())
		Expect(may(ctx, "create", "coordination.k8s.io", "leases", namespace)).To(BeTrue())
		Expect(may(ctx, "update", "coordination.k8s.io", "leases", namespace, controllers.StatusLease)).To(BeTrue())
		Expect(may(ctx, "watch", "", "configmaps", namespace)).To(BeTrue())
		Expect(may(ctx, "create", "authentication.k8s.io", "tokenreviews", "")).To(BeTrue())
		Expect(may(ctx, "create", "authorization.k8s.io", "subjectaccessreviews", "")).To(BeTrue())

		for _, ns := range []string{"", "team-a", namespace} {
			Expect(may(ctx, "update", "travishook.dev", "travisroutes", ns)).To(BeFalse(), "it writes to no spec")
			Expect(may(ctx, "update", "", "secrets", ns)).To(BeFalse(), "it writes to no Secret")
		}
		Expect(may(ctx, "get", "", "configmaps", "team-a")).To(BeTrue())
		Expect(may(ctx, "list", "", "configmaps", "team-a")).To(BeFalse())
		Expect(may(ctx, "update", "coordination.k8s.io", "leases", "team-a", controllers.StatusLease)).To(BeFalse())
		Expect(may(ctx, "update", "coordination.k8s.io", "leases", namespace, "another")).To(BeFalse())
	})

	It("end at the chosen namespaces", func(ctx context.Context) {
		install(ctx, "--set-json", `namespaces=["team-a"]`)
		for _, ns := range []string{"team-a", namespace} {
			Expect(may(ctx, "watch", "travishook.dev", "travisroutes", ns)).To(BeTrue())
			Expect(may(ctx, "list", "", "secrets", ns)).To(BeTrue())
		}
		for _, ns := range []string{"", "default"} {
			Expect(may(ctx, "watch", "travishook.dev", "travisroutes", ns)).To(BeFalse())
			Expect(may(ctx, "list", "", "secrets", ns)).To(BeFalse())
		}
		Expect(may(ctx, "update", "coordination.k8s.io", "leases", namespace, controllers.StatusLease)).To(BeTrue())
		Expect(may(ctx, "create", "authentication.k8s.io", "tokenreviews", "")).To(BeTrue(), "people may ask it all the same")
	})

	It("include no cluster-wide right if the API for people is off", func(ctx context.Context) {
		install(ctx, "--set-json", `namespaces=["team-a"],api={"enabled":false},aggregateRoles=false`)
		Expect(may(ctx, "create", "authentication.k8s.io", "tokenreviews", "")).To(BeFalse())
		Expect(kubectl(ctx, "", "get", "clusterroles,clusterrolebindings", "-l", "app.kubernetes.io/name=travishook")).
			To(ContainSubstring("No resources found"))
	})
})

var _ = Describe("kubectl apply -k", func() {
	apply := func(ctx context.Context, folder string) {
		GinkgoHelper()
		said := kubectl(ctx, "", "apply", "--server-side", "--force-conflicts", "--validate=strict", "-k", folder)
		Expect(said).NotTo(ContainSubstring("Warning"))
	}
	remove := func(ctx context.Context, folder string) {
		GinkgoHelper()
		kubectl(ctx, "", "delete", "--ignore-not-found", "-k", folder)
	}
	var operator string
	BeforeEach(func(ctx context.Context) {
		operator = filepath.Join(plane.Root, "config", "default")
		apply(ctx, filepath.Join(plane.Root, "config", "setup"))
		apply(ctx, operator)
		DeferCleanup(remove, operator)
		DeferCleanup(deleteClaim) // which config/setup has, and delete -k keeps
	})

	It("installs the operator, without a warning, and delete -k keeps the routes", func(ctx context.Context) {
		Expect(admitPod(ctx)).To(Succeed())
		Expect(may(ctx, "list", "", "secrets", "team-a")).To(BeTrue())

		kubectl(ctx, oldRoute, "apply", "-f", "-")
		DeferCleanup(func(ctx context.Context) { kubectl(ctx, oldRoute, "delete", "-f", "-") })
		remove(ctx, operator)
		_, err := client.AppsV1().Deployments(namespace).Get(ctx, "travishook", metav1.GetOptions{})
		Expect(apierrors.IsNotFound(err)).To(BeTrue(), "the operator should be deleted: %v", err)
		kubectl(ctx, "", "get", "travisroute", "old", "-n", "team-a")
		ns, err := client.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{})
		Expect(err).NotTo(HaveOccurred())
		Expect(ns.DeletionTimestamp).To(BeNil())
	})

	// overlay returns a folder with a kustomization of the base and more.
	overlay := func(base, more string) string {
		GinkgoHelper()
		folder, err := filepath.EvalSymlinks(GinkgoT().TempDir())
		Expect(err).NotTo(HaveOccurred())
		base, err = filepath.Rel(folder, base)
		Expect(err).NotTo(HaveOccurred())
		text := `{apiVersion: kustomize.config.k8s.io/v1beta1, kind: Kustomization, resources: ["` + base + `"], ` + more + `}`
		Expect(os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(text), 0o600)).To(Succeed())
		return folder
	}

	It("grows the volume, and applies again", func(ctx context.Context) {
		kubectl(ctx, "", "patch", "storageclass", "standard", "--type=merge", "-p", `{"allowVolumeExpansion":true}`)
		DeferCleanup(func(ctx context.Context) {
			kubectl(ctx, "", "patch", "storageclass", "standard", "--type=merge", "-p", `{"allowVolumeExpansion":false}`)
		})
		kubectl(ctx, "", "patch", "persistentvolumeclaim", "travishook-store", "-n", namespace, "--subresource=status", "--type=merge", "-p",
			`{"status":{"phase":"Bound","capacity":{"storage":"2Gi"}}}`)
		larger := overlay(filepath.Join(plane.Root, "config", "setup"), `patches: [{target: {kind: PersistentVolumeClaim, name: travishook-store},
			patch: '[{"op":"replace","path":"/spec/resources/requests/storage","value":"8Gi"}]'}]`)
		for range 2 {
			apply(ctx, larger)
			Expect(claimOfTheStore(ctx).Spec.Resources.Requests.Storage().String()).To(Equal("8Gi"))
		}
	})

	It("restarts the pod when the settings change", func(ctx context.Context) {
		before := settingsObject(ctx)

		overlay := overlay(operator, `configMapGenerator: [{name: travishook, namespace: travishook-system, behavior: replace, files: [settings.yaml]}]`)
		settings := "apiVersion: settings.travishook.dev/v1alpha1\nkind: Settings\nlog: {level: debug}\n"
		Expect(os.WriteFile(filepath.Join(overlay, "settings.yaml"), []byte(settings), 0o600)).To(Succeed())
		apply(ctx, overlay)
		DeferCleanup(remove, overlay)
		after := settingsObject(ctx)
		Expect(after.Data["settings.yaml"]).To(ContainSubstring("level: debug"))
		Expect(after.Name).NotTo(Equal(before.Name), "another name changes the pod's template")
	})
})

// settingsObject returns the ConfigMap that the operator's pod mounts.
func settingsObject(ctx context.Context) *corev1.ConfigMap {
	GinkgoHelper()
	object, err := client.CoreV1().ConfigMaps(namespace).Get(ctx, pod.Files(podTemplate(ctx).Spec)["/etc/travishook/"].Name, metav1.GetOptions{})
	Expect(err).NotTo(HaveOccurred())
	return object
}

// install installs a release that goes with the spec.
func install(ctx context.Context, args ...string) string {
	GinkgoHelper()
	DeferCleanup(func(ctx context.Context) {
		run(ctx, "uninstall", "travishook", "--ignore-not-found")
		deleteClaim(ctx)
	})
	return run(ctx, append([]string{"install", "travishook", program.Chart()}, args...)...)
}

// deleteClaim deletes the claim, which outlives the release.
func deleteClaim(ctx context.Context) {
	GinkgoHelper()
	const name = "travishook-store"
	kubectl(ctx, "", "delete", "persistentvolumeclaim", name, "-n", namespace, "--ignore-not-found", "--wait=false")
	// The controller that removes the finalizer is not here.
	if kubectl(ctx, "", "get", "persistentvolumeclaim", name, "-n", namespace, "--ignore-not-found", "-o", "name") != "" {
		kubectl(ctx, "", "patch", "persistentvolumeclaim", name, "-n", namespace, "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
	}
}

// podTemplate is the pod of the one Deployment in the cluster.
func podTemplate(ctx context.Context) corev1.PodTemplateSpec {
	GinkgoHelper()
	deployments, err := client.AppsV1().Deployments(namespace).List(ctx, metav1.ListOptions{})
	Expect(err).NotTo(HaveOccurred())
	Expect(deployments.Items).To(HaveLen(1))
	return deployments.Items[0].Spec.Template
}

// admitPod returns an error unless the namespace, which enforces restricted Pod Security, admits the
// operator's pod.
func admitPod(ctx context.Context) error {
	GinkgoHelper()
	template := podTemplate(ctx)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "probe", Labels: template.Labels}, Spec: template.Spec}
	_, err := client.CoreV1().Pods(namespace).Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	return err
}

// may reports whether the operator's service account has a right. An empty namespace means all namespaces,
// and no name means every object.
func may(ctx context.Context, verb, group, resource, ns string, name ...string) bool {
	GinkgoHelper()
	resource, subresource, _ := strings.Cut(resource, "/")
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: "system:serviceaccount:" + namespace + ":travishook",
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: verb, Group: group, Resource: resource, Subresource: subresource, Namespace: ns, Name: strings.Join(name, ""),
		},
	}}
	answer, err := client.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
	Expect(err).NotTo(HaveOccurred())
	return answer.Status.Allowed
}
