package install_test

import (
	"context"
	"strconv"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A pod without a volume is Pending, of which Helm says nothing.
var _ = Describe("the class of the store's volume", func() {
	const pending = ", so the pod would stay Pending: "
	const noDefault = "store.storageClassName: the cluster has no default StorageClass and no free volume without a class" + pending
	refuses := func(ctx context.Context, sentence string, args ...string) {
		GinkgoHelper()
		_, err := program.Run(ctx, append([]string{"install", "travishook", program.Chart(), "--namespace", namespace, "--kubeconfig", plane.Kubeconfig}, args...)...)
		Expect(err).To(MatchError(ContainSubstring(sentence)))
		// Nothing is left to clean up.
		Expect(run(ctx, "list", "--short")).To(BeEmpty())
	}
	BeforeEach(func(ctx context.Context) {
		DeferCleanup(func(ctx context.Context) {
			classes := client.StorageV1().StorageClasses()
			Expect(classes.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{})).To(Succeed())
			createClasses(ctx)
		})
		Expect(client.StorageV1().StorageClasses().Delete(ctx, "standard", metav1.DeleteOptions{})).To(Succeed())
	})

	It("has to be set if the cluster has no default", func(ctx context.Context) {
		refuses(ctx, noDefault+"set it to one of fast, slow, or set store.existingClaim")
		refuses(ctx, `the cluster has no StorageClass "quick" and no free volume of that class`+pending+"set it to one of fast, slow", "--set", "store.storageClassName=quick")

		By("doing what it says")
		install(ctx, "--set", "store.storageClassName=fast")
		run(ctx, "uninstall", "travishook")
		install(ctx, "--set", "store.existingClaim=mine")
	})

	It("may be marked as the default by the older annotation", func(ctx context.Context) {
		class := &storagev1.StorageClass{Provisioner: "example.com/none", ObjectMeta: metav1.ObjectMeta{
			Name: "older", Annotations: map[string]string{"storageclass.beta.kubernetes.io/is-default-class": "true"},
		}}
		_, err := client.StorageV1().StorageClasses().Create(ctx, class, metav1.CreateOptions{})
		Expect(err).NotTo(HaveOccurred())
		install(ctx)
	})

	It("is found without the permission to list volumes", func(ctx context.Context) {
		role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "installer"}, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"namespaces", "persistentvolumeclaims", "secrets", "services", "serviceaccounts", "configmaps", "pods"}, Verbs: []string{"*"}},
			{APIGroups: []string{"storage.k8s.io"}, Resources: []string{"storageclasses"}, Verbs: []string{"list"}},
			{APIGroups: []string{
				"apps", "batch", "policy", "networking.k8s.io", "rbac.authorization.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "admissionregistration.k8s.io",
			}, Resources: []string{"*"}, Verbs: []string{"*"}},
		}}
		_, err := client.RbacV1().ClusterRoles().Create(ctx, role, metav1.CreateOptions{})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func(ctx context.Context) error {
			return client.RbacV1().ClusterRoles().Delete(ctx, role.Name, metav1.DeleteOptions{})
		})
		binding := &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: role.Name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "carol"}},
		}
		_, err = client.RbacV1().ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func(ctx context.Context) error {
			return client.RbacV1().ClusterRoleBindings().Delete(ctx, binding.Name, metav1.DeleteOptions{})
		})
		asCarol := []string{"--dry-run=server", "--kube-as-user=carol"}
		refuses(ctx, `cannot list resource "persistentvolumes"`, asCarol...)
		run(ctx, append([]string{"install", "travishook", program.Chart(), "--set", "store.storageClassName=fast"}, asCarol...)...)
	})

	It("needs a provisioner if the cluster has none", func(ctx context.Context) {
		Expect(client.StorageV1().StorageClasses().DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{})).To(Succeed())
		refuses(ctx, noDefault+"install a storage provisioner, or set store.existingClaim")
	})

	It("is not needed by a volume that an administrator created", func(ctx context.Context) {
		createVolume(ctx, "taken", "", &corev1.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: "team-a", Name: "other"})
		createVolume(ctx, "same-name", "", &corev1.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: "team-a", Name: "travishook-store"})
		released := createVolume(ctx, "released", "", &corev1.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: namespace, Name: "travishook-store", UID: "earlier"})
		released.Status.Phase = corev1.VolumeReleased
		_, err := client.CoreV1().PersistentVolumes().UpdateStatus(ctx, released, metav1.UpdateOptions{})
		Expect(err).NotTo(HaveOccurred())
		refuses(ctx, noDefault)
		createVolume(ctx, "free", "", nil)
		install(ctx)
		run(ctx, "uninstall", "travishook")
		deleteClaim(ctx)

		createVolume(ctx, "manual", "manual", nil)
		install(ctx, "--set", "store.storageClassName=manual")
	})

	It("is not needed by the claim of an earlier installation", func(ctx context.Context) {
		install(ctx, "--set", "store.storageClassName=fast")
		claim := claimOfTheStore(ctx)
		run(ctx, "uninstall", "travishook")
		Expect(client.StorageV1().StorageClasses().Delete(ctx, "fast", metav1.DeleteOptions{})).To(Succeed())
		install(ctx, "--set", "store.storageClassName=fast")
		expectClaim(ctx, claim)
	})

	It("is not looked up without cluster-wide permissions", func(ctx context.Context) {
		install(ctx, "--set-json", `namespaces=["team-a"],api={"enabled":false},aggregateRoles=false,crds={"upgrade":false}`)
	})
})

var storage = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("2Gi")}

// createClasses creates the StorageClasses of the suite, one of which is the default.
func createClasses(ctx context.Context) {
	GinkgoHelper()
	for _, name := range []string{"standard", "fast", "slow"} {
		class := &storagev1.StorageClass{Provisioner: "example.com/none", ObjectMeta: metav1.ObjectMeta{
			Name: name, Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": strconv.FormatBool(name == "standard")},
		}}
		_, err := client.StorageV1().StorageClasses().Create(ctx, class, metav1.CreateOptions{})
		Expect(err).NotTo(HaveOccurred())
	}
}

// createVolume creates a volume that is deleted after the spec.
func createVolume(ctx context.Context, name, class string, claim *corev1.ObjectReference) *corev1.PersistentVolume {
	GinkgoHelper()
	volume := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PersistentVolumeSpec{
		StorageClassName: class, ClaimRef: claim, Capacity: storage,
		AccessModes:            []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		PersistentVolumeSource: corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/none"}},
	}}
	created, err := client.CoreV1().PersistentVolumes().Create(ctx, volume, metav1.CreateOptions{})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func(ctx context.Context) {
		// The controller that removes the finalizer is not here.
		Expect(client.CoreV1().PersistentVolumes().Delete(ctx, name, metav1.DeleteOptions{})).To(Succeed())
		kubectl(ctx, "", "patch", "persistentvolume", name, "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
	})
	return created
}
