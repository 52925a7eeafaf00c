package install_test

import (
	"context"
	"net/url"
	"os/exec"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var _ = Describe("helm test", func() {
	It("succeeds while the operator answers behind the Service, and leaves nothing behind", func(ctx context.Context) {
		k := newKubelet(ctx)
		install(ctx, "--set-json", `networkPolicy={"receiverFrom":[{"namespaceSelector":{}}]}`)
		p := k.run(ctx)
		awaitReady(ctx, p.URL, nil)

		ended := helmTest(ctx)
		Expect(runTestPod(ctx, p.URL)).To(Equal(p.URL + " leads to travishook, which is ready\n"))
		Expect(<-ended).To(Succeed())
		Expect(kubectl(ctx, "", "get", "pods,networkpolicies", "-n", namespace, "-l", testPods)).To(ContainSubstring("No resources found"))
	})

	It("fails with a sentence if something else is there, and leaves the pod", func(ctx context.Context) {
		install(ctx)
		ended := helmTest(ctx)
		// The API server is a server that is not travishook.
		Expect(runTestPod(ctx, plane.Config.Host+"/travis")).To(MatchRegexp(`^travishook: check http\S+/travis: this is not travishook's receiver: the answer is 40\d`))
		Expect(<-ended).To(MatchError(ContainSubstring("pod travishook-test failed")))
		kubectl(ctx, "", "delete", "pod", "travishook-test", "-n", namespace)
	})
})

const testPods = "app.kubernetes.io/name=travishook-test"

// helmTest starts helm test and returns what it comes to.
func helmTest(ctx context.Context) <-chan error {
	ended := make(chan error, 1)
	go func() {
		_, err := program.Run(ctx, "test", "travishook", "--namespace", namespace, "--kubeconfig", plane.Kubeconfig)
		ended <- err
	}()
	return ended
}

// runTestPod replaces the kubelet for the pod of the test, and the Service that it posts to by address. It
// returns what the pod prints.
func runTestPod(ctx context.Context, address string) string {
	GinkgoHelper()
	var pod *corev1.Pod
	Eventually(func() (err error) {
		pod, err = client.CoreV1().Pods(namespace).Get(ctx, "travishook-test", metav1.GetOptions{})
		return err
	}, patience).Should(Succeed())
	Expect(pod.Spec.Containers[0].Args).To(HaveLen(1))
	flag, named, _ := strings.Cut(pod.Spec.Containers[0].Args[0], "=")
	service, err := url.Parse(named)
	Expect(err).NotTo(HaveOccurred())
	Expect(service.Hostname()).To(Equal("travishook." + namespace + ".svc"))
	out, err := exec.CommandContext(ctx, binary, flag, address).CombinedOutput()
	pod.Status.Phase = corev1.PodSucceeded
	if err != nil {
		pod.Status.Phase = corev1.PodFailed
	}
	_, err = client.CoreV1().Pods(namespace).UpdateStatus(ctx, pod, metav1.UpdateOptions{})
	Expect(err).NotTo(HaveOccurred())
	return string(out)
}
