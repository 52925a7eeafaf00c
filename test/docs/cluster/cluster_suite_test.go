// Package cluster_test follows the instructions of pages, with a real API server.
package cluster_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/test/controlplane"
	"github.com/travishook/travishook/test/docs"
	"github.com/travishook/travishook/test/helm"
	"github.com/travishook/travishook/test/suite"
)

// patience limits each wait for something that takes a second or two on a quiet machine.
const patience = 90 * time.Second

const system = "travishook-system"

var (
	plane   *controlplane.ControlPlane
	program *helm.Helm
	binary  string
	pages   []docs.Page
)

func TestCluster(t *testing.T) {
	suite.Run(t, "Pages in a cluster")
}

var _ = BeforeSuite(func(ctx context.Context) {
	SetDefaultEventuallyTimeout(patience)
	plane = suite.StartControlPlane(ctx)
	binary = suite.BuildOperator(ctx, plane)
	var err error
	program, err = helm.New(ctx, plane.Root, GinkgoT().TempDir())
	Expect(err).NotTo(HaveOccurred())
	pages, err = docs.Pages(plane.Root)
	Expect(err).NotTo(HaveOccurred())
	suite.AddThirdPartyCRDs(ctx, plane)
	suite.AddStorageClass(ctx, plane)
	for _, ns := range []string{system, "team-a", "flux-system", "argocd"} {
		kubectl(ctx, "", "create", "namespace", ns)
	}
	suite.RunJobs(ctx, plane, system, binary)
})

func kubectl(ctx context.Context, stdin string, args ...string) string {
	GinkgoHelper()
	return suite.Kubectl(ctx, plane, stdin, args...)
}

// run runs a program on the suite's cluster and returns its output.
func run(ctx context.Context, stdin, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+plane.Kubeconfig)
	cmd.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w", filepath.Base(name), strings.Join(args, " "), err)
	}
	return out.String(), nil
}

// file writes text to a new file and returns the path.
func file(name, text string) string {
	GinkgoHelper()
	path := filepath.Join(GinkgoT().TempDir(), name)
	Expect(os.WriteFile(path, []byte(text), 0o600)).To(Succeed())
	return path
}
