package install_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
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
		deployment, err = client.AppsV1().Deployments(namespace).Get(ctx, "travishook", metav1.GetOptions{})
		Expect(err).NotTo(HaveOccurred())
		Expect(deployment.Spec.Replicas).To(HaveValue(BeEquivalentTo(1)))
		Expect(deployment.Spec.Template.Spec.Volumes).To(ContainElement(HaveField("VolumeSource.PersistentVolumeClaim.ClaimName", claim.Name)),
			"it takes the old volume up")
		expectClaim(ctx, claim)
	})
})

// claimOfTheStore returns the chart's claim.
func claimOfTheStore(ctx context.Context) *corev1.PersistentVolumeClaim {
	GinkgoHelper()
	claim, err := client.CoreV1().PersistentVolumeClaims(namespace).Get(ctx, "travishook-store", metav1.GetOptions{})
	Expect(err).NotTo(HaveOccurred())
	return claim
}

// expectClaim checks that a claim is still the same, and not being deleted.
func expectClaim(ctx context.Context, want *corev1.PersistentVolumeClaim) {
	GinkgoHelper()
	got, err := client.CoreV1().PersistentVolumeClaims(namespace).Get(ctx, want.Name, metav1.GetOptions{})
	Expect(err).NotTo(HaveOccurred())
	Expect(got.UID).To(Equal(want.UID))
	Expect(got.DeletionTimestamp).To(BeNil())
}
