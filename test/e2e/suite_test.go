// Package e2e tests what users notice of the operator, as a separate process: with kubectl, a
// real API server and real channels.
package e2e

import (
	"cmp"
	"context"
	"crypto/rsa"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/internal/verify"
	"github.com/travishook/travishook/test/chat"
	"github.com/travishook/travishook/test/controlplane"
	"github.com/travishook/travishook/test/operator"
	"github.com/travishook/travishook/test/suite"
)

// patience limits each wait for something that takes a second or two on a quiet machine.
const patience = 90 * time.Second

// pollInterval leaves the processor to the operator between two polls.
const pollInterval = 50 * time.Millisecond

var (
	plane  *controlplane.ControlPlane
	binary string
)

func TestEndToEnd(t *testing.T) {
	suite.Run(t, "End to end")
}

var _ = BeforeSuite(func(ctx context.Context) {
	SetDefaultEventuallyTimeout(patience)
	SetDefaultEventuallyPollingInterval(pollInterval)
	plane = suite.StartControlPlane(ctx)
	binary = suite.BuildOperator(ctx, plane)
})

// site is one installation: an operator with a namespace and a store of its own, and a team.
type site struct {
	name     string // of the team's namespace
	system   string // namespace of the operator
	dir      string
	key      *rsa.PrivateKey
	extra    string // further settings
	operator *operator.Process
	// kubeconfig of the operator; empty for the administrator's.
	kubeconfig string
}

const token = "a token that only Travis and the team know"

var sites int

// newSite creates the namespaces; start starts the operator.
func newSite(ctx context.Context) *site {
	GinkgoHelper()
	sites++
	s := &site{
		name:   fmt.Sprintf("team-%d", sites),
		system: fmt.Sprintf("travishook-%d", sites),
		dir:    GinkgoT().TempDir(),
		key:    travistest.Key(),
	}
	for _, ns := range []string{s.name, s.system} {
		kubectl(ctx, "", "create", "namespace", ns)
	}
	return s
}

// settings returns the operator's settings. It trusts the site's key and watches only the site's namespaces,
// so that sites do not affect each other.
func (s *site) settings() string {
	return fmt.Sprintf(`apiVersion: settings.travishook.dev/v1alpha1
kind: Settings
namespaces: [%s]
receiver: {address: "127.0.0.1:0", linger: 0s}
api: {address: "127.0.0.1:0"}
probes: {address: "127.0.0.1:0"}
metrics: {address: "127.0.0.1:0"}
store: {directory: %q}
trust:
  keys:
  - name: test
    pem: |
      %s
%s`, s.name, filepath.Join(s.dir, "store"), strings.ReplaceAll(strings.TrimSpace(travistest.PEM(s.key)), "\n", "\n      "), s.extra)
}

// start starts the operator, or starts it again on the same store.
func (s *site) start(ctx context.Context) {
	GinkgoHelper()
	s.startWith(ctx, s.settings())
}

// startWith starts it with other settings.
func (s *site) startWith(ctx context.Context, settings string) {
	GinkgoHelper()
	path := filepath.Join(s.dir, "settings.yaml")
	Expect(os.WriteFile(path, []byte(settings), 0o600)).To(Succeed())
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p, err := operator.Start(ctx, binary, "--settings", path, "--kubeconfig", cmp.Or(s.kubeconfig, plane.Kubeconfig), "--namespace", s.system)
	Expect(err).NotTo(HaveOccurred())
	s.operator = p
	DeferCleanup(func() {
		p.Kill()
		if CurrentSpecReport().Failed() {
			AddReportEntry("operator's log", p.Log())
		}
	})
}

// apply applies manifests, in which TEAM and SYSTEM stand for the site's namespaces.
func (s *site) apply(ctx context.Context, manifests string) {
	GinkgoHelper()
	kubectl(ctx, s.fill(manifests), "apply", "-f", "-")
}

func (s *site) fill(text string) string {
	return strings.NewReplacer("TEAM", s.name, "SYSTEM", s.system).Replace(text)
}

// tokenSecret is a token for example/example.
const tokenSecret = `
apiVersion: v1
kind: Secret
metadata: {name: example-token, namespace: TEAM, labels: {travishook.dev/secret-type: token}}
stringData: {repository: example/example, token: ` + token + `}
`

// webhookAccount defines the cluster-wide webhook account chat.
const webhookAccount = `
apiVersion: travishook.dev/v1alpha1
kind: TravisDefaults
metadata: {name: default, namespace: SYSTEM}
spec:
  accounts:
  - name: chat
    webhook: {secretRef: {name: chat}}
`

// accountSecret is the credential of webhookAccount.
func accountSecret(r *chat.Channel) string {
	return `
apiVersion: v1
kind: Secret
metadata: {name: chat, namespace: SYSTEM, labels: {travishook.dev/secret-type: credential}}
stringData: {url: "` + r.URL + `"}
`
}

// route relays every event of example/example to the channel.
const route = `
apiVersion: travishook.dev/v1alpha1
kind: TravisRoute
metadata: {name: example, namespace: TEAM}
spec:
  repository: example/example
  channels: [{account: chat}]
  events: ["*"]
`

func openChannel() *chat.Channel {
	GinkgoHelper()
	r, err := chat.Open()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(r.Close)
	return r
}

// post sends a webhook as Travis does, with the token's proof in the path, and returns the answer. Unlike
// Travis, it retries while the operator is not ready.
func (s *site) post(ctx context.Context, b travistest.Build) int {
	GinkgoHelper()
	return s.postTo(ctx, s.operator.URL+"/"+proof(token), b)
}

// postOnce sends it once, as Travis does.
func (s *site) postOnce(ctx context.Context, b travistest.Build) int {
	GinkgoHelper()
	return status(travistest.Request(ctx, s.operator.URL+"/"+proof(token), b, s.key))
}

// postTo sends it to a given URL, and retries while the operator is not ready.
func (s *site) postTo(ctx context.Context, url string, b travistest.Build) int {
	GinkgoHelper()
	var got int
	Eventually(func() (_ int, err error) {
		got, err = send(travistest.Request(ctx, url, b, s.key))
		return got, err
	}).ShouldNot(Equal(http.StatusServiceUnavailable))
	return got
}

// proof returns the proof for a token of example/example.
func proof(token string) string { return verify.Proof("example/example", secret.New(token)) }

// status sends a request, which must be answered, and returns the status code.
func status(r *http.Request) int {
	GinkgoHelper()
	code, err := send(r)
	Expect(err).NotTo(HaveOccurred())
	return code
}

// send sends a request and returns the status code. It is for polls.
func send(r *http.Request) (int, error) {
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// waitReady waits until the team's route is ready.
func (s *site) waitReady(ctx context.Context) {
	GinkgoHelper()
	kubectl(ctx, "", "wait", "travisroute/example", "-n", s.name, "--for=condition=Ready", "--timeout=90s")
}

func kubectl(ctx context.Context, stdin string, args ...string) string {
	GinkgoHelper()
	return suite.Kubectl(ctx, plane, stdin, args...)
}

// get returns what kubectl get -o jsonpath prints. It is for polls.
func get(ctx context.Context, resource schema.GroupVersionResource, namespace, name, path string) (string, error) {
	return suite.Get(ctx, plane.Config, resource, namespace, name, path)
}

// texts returns the texts of the messages in a channel.
func texts(r *chat.Channel) func() []string {
	return func() []string {
		var all []string
		for _, m := range r.Messages() {
			all = append(all, m.Text)
		}
		return all
	}
}

// now returns the current second, the precision of Travis, so that two payloads of one build are the same.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }
