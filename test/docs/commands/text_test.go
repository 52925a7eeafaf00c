package commands_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/operator"
	"github.com/travishook/travishook/test/suite"
)

const hmacKey = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

// example are the objects that the pages speak of.
const example = `
apiVersion: travishook.dev/v1alpha1
kind: TravisRoute
metadata: {name: example, namespace: team-a}
spec: {repository: example/example, channels: [{account: chat}]}
---
apiVersion: travishook.dev/v1alpha1
kind: TravisDefaults
metadata: {name: default, namespace: team-a}
spec: {events: [failure]}
---
apiVersion: travishook.dev/v1alpha1
kind: TravisDefaults
metadata: {name: default, namespace: travishook-system}
spec: {accounts: [{name: chat, webhook: {secretRef: {name: chat}}}]}
`

// placeholders are the names in capitals that a reader replaces.
var placeholders = strings.NewReplacer("OWNER/NAME", "example/example", "NAMESPACE", "team-a", "TEAM", "team-a",
	"ROUTE", "example", "NAME", "example", "[BUILD]", "", "BUILD", "123", "/…/", "/example/example/", "…", "")

func (r reader) objects(ctx context.Context) {
	GinkgoHelper()
	suite.Kubectl(ctx, plane, example, "apply", "-f", "-")
	suite.Kubectl(ctx, plane, "", "config", "set-context", "--current", "--namespace", "team-a")
}

// start starts the operator, once.
func (r *reader) start(ctx context.Context) {
	GinkgoHelper()
	if r.operator != nil {
		return
	}
	r.objects(ctx)
	r.write("settings.yaml", `
apiVersion: settings.travishook.dev/v1alpha1
kind: Settings
receiver: {address: "127.0.0.1:0", linger: 0s}
probes: {address: "127.0.0.1:0"}
metrics: {address: "127.0.0.1:0"}
api: {address: "127.0.0.1:0"}
store: {directory: `+filepath.Join(r.dir, "store")+`}
trust: {keys: [{name: test, pem: `+strconv.Quote(travistest.PEM(travistest.Key()))+`}]}
`)
	starting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var err error
	r.operator, err = operator.Start(starting, r.program, "--settings", filepath.Join(r.dir, "settings.yaml"),
		"--kubeconfig", plane.Kubeconfig, "--namespace", system)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() {
		Expect(r.operator.Stop()).To(Succeed())
		r.operator = nil
	})
}

// try runs a command of a sentence. Some only name a command, without its arguments.
func (r reader) try(ctx context.Context, command string) {
	GinkgoHelper()
	command = placeholders.Replace(command)
	words := strings.Fields(command)
	switch {
	case words[0] == "go":
		for _, word := range words[1:] {
			if strings.HasPrefix(word, "./") {
				Expect(filepath.Join(plane.Root, strings.TrimSuffix(word, "/..."))).To(BeADirectory(), command)
			}
		}
	case len(words) == 2, len(words) == 3 && words[1] == "rollout", // kubectl apply, helm rollback, kubectl rollout restart
		len(words) == 3 && words[0] == "helm" && strings.HasPrefix(words[2], "--"): // helm upgrade --wait
		out, err := r.shell(ctx, plane.Kubeconfig, command+" --help")
		Expect(err).NotTo(HaveOccurred(), "%s\n%s", command, out)
	case words[1] == "travis":
		r.parse(ctx, command)
	default:
		r.run(ctx, command)
		if words[1] == "delete" {
			r.objects(ctx)
		}
	}
}

// farEnough is what a command of the plugin ends with that is right but for the cluster and the credential.
var farEnough = regexp.MustCompile(`no cluster is configured|of the account's Secret`)

// parse checks a command of the plugin without a cluster, so that it gets as far as looking for one, or at the
// credential: test/cli runs the commands with their results.
func (r reader) parse(ctx context.Context, command string) {
	GinkgoHelper()
	var said []string
	for _, arguments := range []string{"", " example/example", " example", " --help"} {
		out, err := r.shell(ctx, "/dev/null", strings.Replace(command, "kubectl travis", "kubectl-travis", 1)+arguments)
		var exit *exec.ExitError
		if !errors.As(err, &exit) || farEnough.MatchString(out) {
			Expect(arguments == " --help" && strings.Count(command, " ") > 2).To(BeFalse(), "%s: %s", command, said)
			return
		}
		said = append(said, out)
	}
	Fail(command + ": " + strings.Join(said, "\n"))
}

// pair returns a self-signed certificate and its key.
func pair() (certificate, key string) {
	GinkgoHelper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"hooks.example.com"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	Expect(err).NotTo(HaveOccurred())
	text, err := x509.MarshalPKCS8PrivateKey(private)
	Expect(err).NotTo(HaveOccurred())
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text}))
}

// signature is what Standard Webhooks says that the signature of a message is.
func signature(id, timestamp, body string) string {
	GinkgoHelper()
	key, err := base64.StdEncoding.DecodeString(hmacKey)
	Expect(err).NotTo(HaveOccurred())
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "." + body))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
