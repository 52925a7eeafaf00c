package install_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const cluster = `config={"store":{"external":{"url":"nats://nats:4222"}}}`

var _ = Describe("helm upgrade", func() {
	It("goes from the embedded store to a NATS cluster and back, and leaves the volume", func(ctx context.Context) {
		install(ctx)
		claim := claimOfTheStore(ctx)

		By("to the NATS cluster")
		out := run(ctx, "upgrade", "travishook", program.Chart(), "--set-json", cluster)
		Expect(out).To(ContainSubstring("3 replicas share the store"))
		Expect(out).To(ContainSubstring("The volume of the embedded store still exists, with all deliveries that waited in it"))
		_, err := client.AppsV1().StatefulSets(namespace).Get(ctx, "travishook", metav1.GetOptions{})
		Expect(apierrors.IsNotFound(err)).To(BeTrue(), "the StatefulSet should be deleted: %v", err)
		deployment, err := client.AppsV1().Deployments(namespace).Get(ctx, "travishook", metav1.GetOptions{})
		Expect(err).NotTo(HaveOccurred())
		Expect(deployment.Spec.Replicas).To(HaveValue(BeEquivalentTo(3)))
		Expect(admitPod(ctx)).To(Succeed())
		expectClaim(ctx, claim)

		By("to more replicas")
		run(ctx, "upgrade", "travishook", program.Chart(), "--set-json", cluster, "--set", "replicas=5")
		deployment, err = client.AppsV1().Deployments(namespace).Get(ctx, "travishook", metav1.GetOptions{})
		Expect(err).NotTo(HaveOccurred())
		Expect(deployment.Spec.Replicas).To(HaveValue(BeEquivalentTo(5)))

		By("back")
		Expect(run(ctx, "rollback", "travishook", "1")).To(ContainSubstring("success"))
		_, err = client.AppsV1().Deployments(namespace).Get(ctx, "travishook", metav1.GetOptions{})
		Expect(apierrors.IsNotFound(err)).To(BeTrue(), "the Deployment should be deleted: %v", err)
		set, err := client.AppsV1().StatefulSets(namespace).Get(ctx, "travishook", metav1.GetOptions{})
		Expect(err).NotTo(HaveOccurred())
		Expect(set.Spec.VolumeClaimTemplates[0].Name+"-"+set.Name+"-0").To(Equal(claim.Name), "it takes the old volume up")
		expectClaim(ctx, claim)
	})
})

// claimOfTheStore creates the claim, because no StatefulSet controller runs.
func claimOfTheStore(ctx context.Context) *corev1.PersistentVolumeClaim {
	GinkgoHelper()
	set, err := client.AppsV1().StatefulSets(namespace).Get(ctx, "travishook", metav1.GetOptions{})
	Expect(err).NotTo(HaveOccurred())
	Expect(set.Spec.PersistentVolumeClaimRetentionPolicy.WhenDeleted).To(BeEquivalentTo("Retain"))
	claim := set.Spec.VolumeClaimTemplates[0]
	claim.Name += "-" + set.Name + "-0"
	return createClaim(ctx, &claim)
}

// createClaim creates a claim that is deleted after the spec.
func createClaim(ctx context.Context, claim *corev1.PersistentVolumeClaim) *corev1.PersistentVolumeClaim {
	GinkgoHelper()
	made, err := client.CoreV1().PersistentVolumeClaims(namespace).Create(ctx, claim, metav1.CreateOptions{})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func(ctx context.Context) {
		Expect(client.CoreV1().PersistentVolumeClaims(namespace).Delete(ctx, made.Name, metav1.DeleteOptions{})).To(Succeed())
		// The controller that removes the finalizer is not here.
		kubectl(ctx, "", "patch", "persistentvolumeclaim", made.Name, "-n", namespace, "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
	})
	return made
}

// expectClaim checks that a claim is still the same, and not being deleted.
func expectClaim(ctx context.Context, want *corev1.PersistentVolumeClaim) {
	GinkgoHelper()
	got, err := client.CoreV1().PersistentVolumeClaims(namespace).Get(ctx, want.Name, metav1.GetOptions{})
	Expect(err).NotTo(HaveOccurred())
	Expect(got.UID).To(Equal(want.UID))
	Expect(got.DeletionTimestamp).To(BeNil())
}
