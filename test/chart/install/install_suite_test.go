// Package install_test installs the operator on a real API server, with Helm and kustomize. There is no
// kubelet: it checks that the objects are accepted, and which permissions they grant. Jobs run on this machine.
package install_test

import (
	"context"
	"path/filepath"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/travishook/travishook/test/controlplane"
	"github.com/travishook/travishook/test/helm"
	"github.com/travishook/travishook/test/suite"
)

const namespace = "travishook-system"

var (
	plane   *controlplane.ControlPlane
	client  kubernetes.Interface
	program *helm.Helm
	binary  string // of the operator
)

func TestInstall(t *testing.T) {
	suite.Run(t, "Install")
}

var _ = BeforeSuite(func(ctx context.Context) {
	plane = suite.StartControlPlane(ctx, controlplane.WithoutCRDs())
	var err error
	client, err = kubernetes.NewForConfig(plane.Config)
	Expect(err).NotTo(HaveOccurred())
	program, err = helm.New(ctx, plane.Root, GinkgoT().TempDir())
	Expect(err).NotTo(HaveOccurred())
	binary = suite.BuildOperator(ctx, plane)
	suite.AddThirdPartyCRDs(ctx, plane)
	sandbox := &nodev1.RuntimeClass{ObjectMeta: metav1.ObjectMeta{Name: "gvisor"}, Handler: "runsc"}
	_, err = client.NodeV1().RuntimeClasses().Create(ctx, sandbox, metav1.CreateOptions{})
	Expect(err).NotTo(HaveOccurred())
	createClasses(ctx)
	for _, name := range []string{namespace, "team-a"} {
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
			Name: name, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
		}}
		_, err := client.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{})
		Expect(err).NotTo(HaveOccurred())
	}
	suite.RunJobs(ctx, plane, namespace, binary)
})

// values returns the values files of the golden renders.
func values() []string {
	files, err := filepath.Glob("../testdata/*.values.yaml")
	if err != nil || len(files) == 0 {
		panic("no values files in test/chart/testdata")
	}
	return files
}

func run(ctx context.Context, args ...string) string {
	GinkgoHelper()
	out, err := program.Run(ctx, append(args, "--namespace", namespace, "--kubeconfig", plane.Kubeconfig)...)
	Expect(err).NotTo(HaveOccurred())
	return out
}

// kubectl returns both outputs of kubectl, because they include warnings.
func kubectl(ctx context.Context, stdin string, args ...string) string {
	GinkgoHelper()
	return suite.Kubectl(ctx, plane, stdin, args...)
}
