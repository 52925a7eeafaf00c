package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/client-go/rest"

	"github.com/travishook/travishook/test/controlplane"
	"github.com/travishook/travishook/test/port"
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

		By("naming a few of many, because kubectl describe pod shows the last 2048 bytes")
		var many []string
		for n := range 200 {
			many = append(many, fmt.Sprintf("team-%d", n))
		}
		settings := strings.Replace(s.settings(), "namespaces: ["+s.name+"]", "namespaces: ["+strings.Join(many, ",")+"]", 1)
		code, last := run(ctx, with(settings, user.Kubeconfig)...)
		Expect(code).To(Equal(1))
		Expect(last).To(MatchRegexp(`^travishook: the operator's service account may not \w+ secrets in namespace .* and \d+ more; grant it the permissions in config/rbac$`))
		Expect(len(last)).To(BeNumerically("<", 2048))
	})
	It("reports an API server that is too old", func(ctx context.Context) {
		older := olderServer(ctx)
		sentence(ctx, with(s.settings(), older), "the cluster runs Kubernetes v1.29.14; travishook requires 1.30 or newer")
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
		first := s.operator
		s.start(ctx)
		Eventually(s.operator.Log).Should(ContainSubstring("another process has the store open"))
		Expect(s.operator.Stop()).To(Succeed(), "it waits, and can be stopped")
		Expect(first.Stop()).To(Succeed())
	})
	It("reports missing CRDs", func(ctx context.Context) {
		bare, err := controlplane.Start(ctx, controlplane.WithoutCRDs())
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(bare.Stop)
		sentence(ctx, with(s.settings(), bare.Kubeconfig), "kubectl apply --server-side -k config/setup")
	})
})

// olderServer returns a kubeconfig of the suite's API server, as seen through a proxy that calls it older.
func olderServer(ctx context.Context) string {
	GinkgoHelper()
	address, err := url.Parse(plane.Config.Host)
	Expect(err).NotTo(HaveOccurred())
	transport, err := rest.TransportFor(plane.Config)
	Expect(err).NotTo(HaveOccurred())
	proxy := httputil.NewSingleHostReverseProxy(address)
	proxy.Transport = transport
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/version" {
			_, _ = io.WriteString(w, `{"major":"1","minor":"29","gitVersion":"v1.29.14"}`)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	DeferCleanup(server.Close)
	file := filepath.Join(GinkgoT().TempDir(), "kubeconfig")
	kubectl(ctx, "", "config", "--kubeconfig", file, "set-cluster", "older", "--server", server.URL)
	kubectl(ctx, "", "config", "--kubeconfig", file, "set-context", "older", "--cluster", "older")
	kubectl(ctx, "", "config", "--kubeconfig", file, "use-context", "older")
	return file
}

var _ = Describe("A key URL that cannot be reached", func() {
	It("is named by the readiness probe, an Event of the pod, and the route", func(ctx context.Context) {
		GinkgoT().Setenv("POD_NAME", "travishook-0")
		GinkgoT().Setenv("POD_UID", "0123")
		s := newSite(ctx)
		probes, err := port.Free()
		Expect(err).NotTo(HaveOccurred())
		settings, _, _ := strings.Cut(s.settings(), "trust:")
		s.startWith(ctx, strings.Replace(settings, `probes: {address: "127.0.0.1:0"}`, fmt.Sprintf("probes: {address: %q}", probes), 1)+
			`trust: {keys: [{name: far, url: "https://127.0.0.1:1/config"}]}`)
		const reason = `signing keys are not known yet \(far: it cannot be reached: .*connection refused\)`

		Eventually(func() (string, error) { return body("http://" + probes + "/readyz?verbose") }).Should(MatchRegexp(`^\[-\]ready failed: ` + reason + `\n$`))
		Eventually(func(g Gomega) {
			g.Expect(s.podEvents(ctx)).To(MatchRegexp(`^Warning NoKey Pod/travishook-0/0123: webhooks are refused, and Travis does not send them again: ` + reason + `\n$`))
		}).Should(Succeed())
		s.apply(ctx, tokenSecret+"---"+accountSecret(openChannel())+"---"+webhookAccount+"---"+route)
		Eventually(func() string {
			return kubectl(ctx, "", "get", "travisroute", "example", "-n", s.name, "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].message}`)
		}).Should(ContainSubstring("connection refused"))
	})
})

// body returns the body of an answer, whatever its status.
func body(url string) (string, error) {
	answer, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return string(text), err
}

// podEvents returns the Events of the pod as text.
func (s *site) podEvents(ctx context.Context) string {
	GinkgoHelper()
	return kubectl(ctx, "", "get", "events", "-n", s.system, "-o",
		`jsonpath={range .items[?(@.involvedObject.kind=="Pod")]}{.type} {.reason} {.involvedObject.kind}/{.involvedObject.name}/{.involvedObject.uid}: {.message}{"\n"}{end}`)
}
