package controlplane_test

import (
	"os/exec"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/travishook/travishook/test/controlplane"
)

func TestStart(t *testing.T) {
	c := controlplane.ForTest(t, controlplane.WithoutCRDs())

	t.Run("kubectl sees the server", func(t *testing.T) {
		out, err := exec.CommandContext(t.Context(), c.Kubectl, "--kubeconfig", c.Kubeconfig, "get", "namespaces").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "kube-system") {
			t.Fatalf("kubectl get namespaces: %v\n%s", err, out)
		}
	})

	t.Run("a user may do what was granted and nothing else", func(t *testing.T) {
		user, err := c.AddUser(t.Context(), "reader", rbacv1.PolicyRule{
			APIGroups: []string{""}, Resources: []string{"namespaces"}, Verbs: []string{"list"},
		})
		if err != nil {
			t.Fatal(err)
		}
		client, err := kubernetes.NewForConfig(user.Config)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{}); err != nil {
			t.Errorf("list namespaces: %v", err)
		}
		_, err = client.CoreV1().Secrets("default").List(t.Context(), metav1.ListOptions{})
		if !apierrors.IsForbidden(err) {
			t.Errorf("list secrets: got %v, want forbidden", err)
		}
	})
}

func TestStartLeavesNothingBehindWhenItFails(t *testing.T) {
	// Without binaries, the start fails half-way.
	t.Setenv("KUBEBUILDER_ASSETS", t.TempDir())
	if c, err := controlplane.Start(t.Context()); err == nil {
		t.Error("started without binaries", c.Stop())
	}
}
