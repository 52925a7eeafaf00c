// Package hostile attacks one operator as tenants and strangers can. Tenants have write access to
// TravisRoutes, TravisDefaults and Secrets in one namespace; strangers are clients without credentials.
// Meanwhile the new routes of an honest namespace must become ready and its messages must arrive, and
// the operator must stay within the memory limit of the chart.
//
// HOSTILE=long makes each attack as large as it was when it succeeded once; `make test` runs a part of it.
package hostile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/client-go/dynamic"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/internal/verify"
	"github.com/travishook/travishook/test/chat"
	"github.com/travishook/travishook/test/controlplane"
	"github.com/travishook/travishook/test/operator"
	"github.com/travishook/travishook/test/suite"
)

const (
	system = "travishook-system"
	honest = "honest"
	// patience bounds each wait. It is no verdict on speed: on a quiet machine a second or two suffice.
	patience = 90 * time.Second
	// memoryLimit is the chart's (resources.limits.memory), and memoryTarget the GOMEMLIMIT that it sets.
	memoryLimit  = 512 << 20
	memoryTarget = memoryLimit / 10 * 9
)

var (
	plane   *controlplane.ControlPlane
	binary  string
	dir     string // of the operator's settings and store
	process *operator.Process
	channel *chat.Channel // of the honest namespace
	builds  int64
)

// long reports whether the attacks have their full size.
func long() bool { return os.Getenv("HOSTILE") == "long" }

// size is how much of an attack is made.
func size(short, full int) int {
	if long() {
		return full
	}
	return short
}

func TestHostile(t *testing.T) {
	suite.Run(t, "Hostile tenants and strangers")
}

var _ = BeforeSuite(func(ctx context.Context) {
	SetDefaultEventuallyTimeout(patience)
	plane = suite.StartControlPlane(ctx)
	binary = suite.BuildOperator(ctx, plane)
	channel = suite.OpenChannel()
	for _, ns := range []string{system, honest} {
		kubectl(ctx, "", "create", "namespace", ns)
	}
	kubectl(ctx, clusterDefaults+honestSecrets(channel.URL)+honestRoute("first"), "apply", "-f", "-")

	Expect(os.Setenv("GOMEMLIMIT", strconv.Itoa(memoryTarget))).To(Succeed())
	dir = GinkgoT().TempDir()
	Expect(os.WriteFile(filepath.Join(dir, "settings.yaml"), []byte(settings(dir)), 0o600)).To(Succeed())
	process = startOperator(ctx)
	DeferCleanup(func() {
		By("stopping in good order") // the API server waits for clients that watch it
		Expect(process.Stop()).To(Succeed())
		Expect(process.Log()).NotTo(ContainSubstring("panic"))
	})
	DeferCleanup(func(ctx context.Context) {
		By("keeping nothing of the routes that were deleted")
		Eventually(stored).WithArguments(ctx).Should(BeZero())
	})
	expectReady(ctx, "first")
})

var _ = AfterEach(func(ctx context.Context) {
	if CurrentSpecReport().Failed() {
		log := process.Log()
		AddReportEntry("end of the operator's log", log[max(0, len(log)-20_000):])
	}
	By("keeping within the memory that the chart gives the pod")
	peak := peakMemory()
	AddReportEntry("peak of resident memory so far, MiB", peak>>20)
	Expect(peak).To(BeNumerically("<", memoryLimit))
})

// startOperator starts it, or starts it again on what is in its store.
func startOperator(ctx context.Context) *operator.Process {
	GinkgoHelper()
	starting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p, err := operator.Start(starting, binary, "--settings", filepath.Join(dir, "settings.yaml"), "--kubeconfig", plane.Kubeconfig, "--namespace", system)
	Expect(err).NotTo(HaveOccurred())
	return p
}

// settings let the accounts of tenants reach servers on this machine, as the hostile ones are here. The
// limits of the store are the defaults if the attacks have their full size.
func settings(dir string) string {
	key := strings.ReplaceAll(strings.TrimSpace(travistest.PEM(travistest.Key())), "\n", "\n      ")
	return fmt.Sprintf(`apiVersion: settings.travishook.dev/v1alpha1
kind: Settings
receiver: {address: "127.0.0.1:0", linger: 0s}
api: {address: "127.0.0.1:0"}
probes: {address: "127.0.0.1:0"}
metrics: {address: "127.0.0.1:0"}
store: {directory: %q%s}
delivery: {allowAddresses: [127.0.0.0/8]}
trust:
  keys:
  - name: test
    pem: |
      %s
`, filepath.Join(dir, "store"), map[bool]string{false: ", maxSize: 64Mi, maxMemory: 32Mi"}[long()], key)
}

// clusterDefaults define the account of the honest namespace, and grant shared/* to all.
const clusterDefaults = `
apiVersion: travishook.dev/v1alpha1
kind: TravisDefaults
metadata: {name: default, namespace: ` + system + `}
spec:
  accounts:
  - name: sink
    webhook: {secretRef: {name: sink}}
    allowedNamespaces: {from: Selector, selector: {matchLabels: {kubernetes.io/metadata.name: ` + honest + `}}}
  signatureOnly: {namespaces: {from: All}, repositories: ["shared/*"]}
---
`

const honestToken = "a token that only Travis and the honest team know"

func honestSecrets(url string) string {
	return `
apiVersion: v1
kind: Secret
metadata: {name: sink, namespace: ` + system + `, labels: {travishook.dev/secret-type: credential}}
stringData: {url: "` + url + `"}
---
apiVersion: v1
kind: Secret
metadata: {name: token, namespace: ` + honest + `, labels: {travishook.dev/secret-type: token}}
stringData: {repository: honest/app, token: ` + honestToken + `}
---
`
}

func honestRoute(name string) string {
	return `
apiVersion: travishook.dev/v1alpha1
kind: TravisRoute
metadata: {name: ` + name + `, namespace: ` + honest + `}
spec:
  repository: honest/app
  channels: [{account: sink}]
  events: ["*"]
---
`
}

// expectHonestService shows that the operator still does its work for the honest namespace: a new route
// becomes ready, a webhook is accepted at the first try, as Travis makes no second one, and its message arrives.
func expectHonestService(ctx context.Context) {
	GinkgoHelper()
	By("serving the honest namespace: a new route becomes ready")
	name := fmt.Sprintf("route-%d", builds+1)
	kubectl(ctx, honestRoute(name), "apply", "-f", "-")
	expectReady(ctx, name)
	kubectl(ctx, "", "delete", "travisroute", name, "-n", honest, "--wait=false")

	By("serving the honest namespace: a webhook is accepted and its message arrives")
	build := nextBuild("honest/app", 1)
	Expect(postWebhook(ctx, build, proof("honest/app", honestToken))).To(Equal(http.StatusAccepted))
	expectMessage(build)
}

func expectReady(ctx context.Context, route string) {
	GinkgoHelper()
	kubectl(ctx, "", "wait", "travisroute/"+route, "-n", honest, "--for=condition=Ready", "--timeout="+patience.String())
}

func expectMessage(build travistest.Build) {
	GinkgoHelper()
	Eventually(func() []string {
		var texts []string
		for _, m := range channel.Messages() {
			texts = append(texts, m.Text)
		}
		return texts
	}).Should(ContainElement(ContainSubstring("build/" + build.Number + ":")))
}

// nextBuild is a build that the operator has not seen.
func nextBuild(repository string, repositoryID int64) travistest.Build {
	builds++
	return travistest.Build{
		Repository: repository, RepositoryID: repositoryID,
		ID: builds, Number: strconv.FormatInt(builds, 10), Result: travis.Broken,
	}
}

func proof(repository, token string) string { return verify.Proof(repository, secret.New(token)) }

// postWebhook sends a webhook as Travis does, once, and returns the answer. An empty proof is for a
// repository that is granted on the signature alone.
func postWebhook(ctx context.Context, build travistest.Build, proof string) int {
	GinkgoHelper()
	code, err := tryWebhook(ctx, build, proof)
	Expect(err).NotTo(HaveOccurred())
	return code
}

// tryWebhook is postWebhook for polls.
func tryWebhook(ctx context.Context, build travistest.Build, proof string) (int, error) {
	url := process.URL
	if proof != "" {
		url += "/" + proof
	}
	response, err := http.DefaultClient.Do(travistest.Request(ctx, url, build, travistest.Key()))
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// stored is the number of deliveries that the store keeps, in whatever state.
func stored(ctx context.Context) (total float64, err error) {
	metrics, err := suite.Metrics(ctx, process.Log())
	if err != nil {
		return 0, err
	}
	samples := regexp.MustCompile(`(?m)^travishook_queue_deliveries\{[^}]*\} (\S+)$`).FindAllStringSubmatch(metrics, -1)
	if len(samples) == 0 {
		return 0, errors.New("the metrics do not count deliveries")
	}
	for _, sample := range samples {
		value, err := strconv.ParseFloat(sample[1], 64)
		if err != nil {
			return 0, err
		}
		total += value
	}
	return total, nil
}

// peakMemory is the most resident memory that the operator has had, in bytes, without the pages of its
// binary, which the kernel drops when a pod comes to its limit.
func peakMemory() int {
	GinkgoHelper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", process.PID()))
	Expect(err).NotTo(HaveOccurred(), "the operator is gone")
	read := func(name string) int {
		GinkgoHelper()
		found := regexp.MustCompile(name + `:\s+(\d+) kB`).FindSubmatch(status)
		Expect(found).NotTo(BeNil())
		kilobytes, err := strconv.Atoi(string(found[1]))
		Expect(err).NotTo(HaveOccurred())
		return kilobytes << 10
	}
	return read("VmHWM") - read("RssFile")
}

// tenant is a user who may write TravisRoutes, TravisDefaults and Secrets in one namespace, and nothing else.
type tenant struct {
	namespace string
	*controlplane.User
}

func newTenant(ctx context.Context, namespace string) *tenant {
	GinkgoHelper()
	kubectl(ctx, `
apiVersion: v1
kind: Namespace
metadata: {name: `+namespace+`}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: tenant, namespace: `+namespace+`}
rules:
- {apiGroups: [travishook.dev], resources: [travisroutes, travisroutes/status, travisdefaults, travisdefaults/status], verbs: ["*"]}
- {apiGroups: [""], resources: [secrets], verbs: ["*"]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: tenant, namespace: `+namespace+`}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: tenant}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: `+namespace+`}]
`, "apply", "-f", "-")
	user, err := plane.AddUserInGroups(namespace)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func(ctx context.Context) {
		kubectl(ctx, "", "delete", "travisroutes,travisdefaults,secrets", "--all", "-n", namespace, "--wait=false")
	})
	return &tenant{namespace, user}
}

// apply applies manifests with the tenant's rights; each document gets the tenant's namespace.
func (t *tenant) apply(ctx context.Context, manifests ...string) {
	GinkgoHelper()
	// Without the annotation that client-side apply writes, an object may be as large as the server lets it.
	out, err := t.try(ctx, strings.Join(manifests, "\n---\n"), "apply", "--server-side", "-f", "-")
	if err != nil {
		Fail(fmt.Sprintf("apply as tenant %s: %.2000s", t.namespace, out), 1)
	}
}

// try runs kubectl with the tenant's rights, in the tenant's namespace.
func (t *tenant) try(ctx context.Context, stdin string, args ...string) (string, error) {
	return suite.TryKubectl(ctx, plane, t.Kubeconfig, stdin, append(args, "--namespace", t.namespace)...)
}

// routes is a client of the tenant's routes, for more requests than kubectl can make.
func (t *tenant) routes() dynamic.ResourceInterface {
	GinkgoHelper()
	client, err := dynamic.NewForConfig(t.Config)
	Expect(err).NotTo(HaveOccurred())
	return client.Resource(v1alpha1.GroupVersion.WithResource("travisroutes")).Namespace(t.namespace)
}

// ready is what the Ready condition of one of the tenant's routes says, as "status: message".
func (t *tenant) ready(ctx context.Context, route string) func() string {
	return func() string {
		out, _ := t.try(ctx, "", "get", "travisroute", route, "-o",
			`jsonpath={range .status.conditions[?(@.type=="Ready")]}{.status}: {.message}{end}`)
		return out
	}
}

// route is a manifest of a TravisRoute.
func route(name, repository, spec string) string {
	return `
apiVersion: travishook.dev/v1alpha1
kind: TravisRoute
metadata: {name: ` + name + `}
spec:
  repository: ` + repository + `
` + indent(spec)
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ")
}

func kubectl(ctx context.Context, stdin string, args ...string) string {
	GinkgoHelper()
	return suite.Kubectl(ctx, plane, stdin, args...)
}
