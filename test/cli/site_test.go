package cli

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/chat"
	"github.com/travishook/travishook/test/controlplane"
	"github.com/travishook/travishook/test/operator"
	"github.com/travishook/travishook/test/suite"
)

// token is the last token of example/example, as in testdata/new-token.txt.
const token = "another-token-for-the-time-after"

// site is a cluster with an operator, a chat channel, and a user with kubectl and the plugin.
type site struct {
	plane    *controlplane.ControlPlane
	operator *operator.Process
	channel  *chat.Channel
	dir      string   // the person's folder,
	env      []string // and environment
	lastID   string   // the delivery that the person saw last
}

func newSite(ctx context.Context) *site {
	GinkgoHelper()
	s := &site{dir: GinkgoT().TempDir()}
	s.plane = suite.StartControlPlane(ctx)
	s.channel = suite.OpenChannel()
	for _, namespace := range []string{"travishook-system", "team-a"} {
		s.kubectl(ctx, "create", "namespace", namespace)
	}
	Expect(os.CopyFS(s.dir, testdata())).To(Succeed())
	Expect(os.WriteFile(filepath.Join(s.dir, "chat.txt"), []byte(s.channel.URL+"\n"), 0o600)).To(Succeed())
	s.startOperator(ctx)
	s.person(ctx)
	return s
}

// testdata contains the files that the page's commands use.
func testdata() fs.FS { return os.DirFS("testdata") }

// startOperator starts an operator that trusts the tests' key.
func (s *site) startOperator(ctx context.Context) {
	GinkgoHelper()
	binary := suite.BuildOperator(ctx, s.plane)
	dir := GinkgoT().TempDir()
	certificate(dir)
	settings := fmt.Sprintf(`apiVersion: settings.travishook.dev/v1alpha1
kind: Settings
receiver: {address: "127.0.0.1:0", linger: 0s, publicURL: "https://hooks.example.com/travis"}
probes: {address: "127.0.0.1:0"}
metrics: {address: "127.0.0.1:0"}
api: {address: "127.0.0.1:0", tls: {certFile: %q, keyFile: %q}}
store: {directory: %q}
trust:
  keys:
  - name: test
    pem: |
      %s
`, filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"), filepath.Join(dir, "store"),
		strings.ReplaceAll(strings.TrimSpace(travistest.PEM(travistest.Key())), "\n", "\n      "))
	file := filepath.Join(dir, "settings.yaml")
	Expect(os.WriteFile(file, []byte(settings), 0o600)).To(Succeed())
	// As the chart does, so that users find the public URL.
	s.kubectl(ctx, "create", "configmap", "travishook", "--namespace", "travishook-system", "--from-file", file)
	s.kubectl(ctx, "label", "configmap", "travishook", "--namespace", "travishook-system", "app.kubernetes.io/name=travishook")

	starting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var err error
	s.operator, err = operator.Start(starting, binary, "--settings", file, "--kubeconfig", s.plane.Kubeconfig, "--namespace", "travishook-system")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { s.operator.Kill() })
	address, err := s.operator.APIAddress(starting)
	Expect(err).NotTo(HaveOccurred())
	s.env = append(s.env, "TRAVISHOOK_OPERATOR=https://"+address, "TRAVISHOOK_OPERATOR_CA="+filepath.Join(dir, "tls.crt"))
}

// person creates a user who signs in with a token, works in team-a, and has the plugin in the PATH.
func (s *site) person(ctx context.Context) {
	GinkgoHelper()
	bin := GinkgoT().TempDir()
	Expect(operator.InstallPlugin(ctx, s.plane.Root, bin)).To(Succeed())
	Expect(os.Symlink(s.plane.Kubectl, filepath.Join(bin, "kubectl"))).To(Succeed())

	s.kubectl(ctx, "create", "serviceaccount", "ann", "--namespace", "default")
	s.kubectl(ctx, "create", "clusterrolebinding", "ann", "--clusterrole=cluster-admin", "--serviceaccount=default:ann")
	credential := strings.TrimSpace(s.kubectl(ctx, "create", "token", "ann", "--namespace", "default"))
	kubeconfig := filepath.Join(GinkgoT().TempDir(), "config")
	read, err := os.ReadFile(s.plane.Kubeconfig)
	Expect(err).NotTo(HaveOccurred())
	Expect(os.WriteFile(kubeconfig, read, 0o600)).To(Succeed())
	for _, args := range [][]string{
		{"set-credentials", "ann", "--token", credential},
		{"set-context", "--current", "--user", "ann", "--namespace", "team-a"},
	} {
		s.kubectl(ctx, append([]string{"config", "--kubeconfig", kubeconfig}, args...)...)
	}
	s.env = append(s.env, "KUBECONFIG="+kubeconfig, "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+s.dir)
}

// kubectl runs kubectl as the administrator.
func (s *site) kubectl(ctx context.Context, args ...string) string {
	GinkgoHelper()
	return suite.Kubectl(ctx, s.plane, "", args...)
}
