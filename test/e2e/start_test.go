package e2e

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/travishook/travishook/test/controlplane"
)

// run starts an operator that cannot work, and returns its exit code and last line.
func run(ctx context.Context, args ...string) (code int, last string) {
	GinkgoHelper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG=", "HOME="+GinkgoT().TempDir())
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	Expect(errors.As(err, &exit)).To(BeTrue(), "it did not fail: %v\n%s", err, out)
	Expect(ctx.Err()).NotTo(HaveOccurred(), "it did not end: %s", out)
	Expect(string(out)).NotTo(ContainSubstring("goroutine "), "a stack trace")
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return exit.ExitCode(), lines[len(lines)-1]
}

var _ = Describe("An operator that cannot work", func() {
	var s *site
	BeforeEach(func(ctx context.Context) { s = newSite(ctx) })

	// with writes settings and returns the flags of an operator on the suite's cluster.
	with := func(settings, kubeconfig string) []string {
		path := filepath.Join(s.dir, "settings.yaml")
		Expect(os.WriteFile(path, []byte(settings), 0o600)).To(Succeed())
		return []string{"--settings", path, "--kubeconfig", kubeconfig, "--namespace", s.system}
	}
	sentence := func(ctx context.Context, args []string, want string) {
		GinkgoHelper()
		code, last := run(ctx, args...)
		Expect(code).To(Equal(1))
		Expect(last).To(HavePrefix("travishook: "))
		Expect(last).To(ContainSubstring(want))
	}

	It("reports that there is no cluster", func(ctx context.Context) {
		sentence(ctx, with(s.settings(), ""), "there is no cluster")
	})
	It("reports a missing kubeconfig", func(ctx context.Context) {
		sentence(ctx, with(s.settings(), filepath.Join(s.dir, "none")), "no such file")
	})
	It("reports an unknown setting", func(ctx context.Context) {
		sentence(ctx, with(s.settings()+"\nstoer: {}\n", plane.Kubeconfig), `unknown field "stoer"`)
	})
	It("reports missing rights", func(ctx context.Context) {
		user, err := plane.AddUser(ctx, s.system+"-poor", rbacv1.PolicyRule{
			APIGroups: []string{"travishook.dev"}, Resources: []string{"*"}, Verbs: []string{"*"},
		})
		Expect(err).NotTo(HaveOccurred())
		sentence(ctx, with(s.settings(), user.Kubeconfig), "list secrets in namespace "+s.name)
	})
	It("reports a port that is in use", func(ctx context.Context) {
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		defer taken.Close()
		settings := strings.Replace(s.settings(), `receiver: {address: "127.0.0.1:0"`, `receiver: {address: "`+taken.Addr().String()+`"`, 1)
		sentence(ctx, with(settings, plane.Kubeconfig), "another program uses the port")
	})
	It("reports a store that cannot be opened", func(ctx context.Context) {
		Expect(os.WriteFile(filepath.Join(s.dir, "store"), nil, 0o600)).To(Succeed())
		sentence(ctx, with(s.settings(), plane.Kubeconfig), filepath.Join(s.dir, "store"))
	})
	It("reports a store that another process uses", func(ctx context.Context) {
		s.start(ctx)
		sentence(ctx, with(s.settings(), plane.Kubeconfig), "another")
	})
	It("reports missing CRDs", func(ctx context.Context) {
		bare, err := controlplane.Start(ctx, controlplane.WithoutCRDs())
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(bare.Stop)
		sentence(ctx, with(s.settings(), bare.Kubeconfig), "kubectl apply -f config/crd/bases")
	})
})
