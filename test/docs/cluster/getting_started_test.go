package cluster_test

import (
	"context"
	"crypto/rsa"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/yaml"

	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/docs"
	"github.com/travishook/travishook/test/operator"
)

var _ = Describe("Getting started", func() {
	for _, heading := range []string{"## 3a. Signature only, with Slack", "## 3b. Token, with XMPP"} {
		It("works: "+heading, func(ctx context.Context) {
			w := newWalkthrough(heading)
			w.follow(ctx)
			w.start(ctx)

			By("becoming ready, as the page shows")
			kubectl(ctx, "", "wait", "travisroute/example", "-n", "team-a", "--for=condition=Ready", "--timeout="+patience.String())
			command, shown, _ := strings.Cut(w.block("console", "").Text, "\n")
			Expect(command).To(HavePrefix("$ kubectl "))
			out := kubectl(ctx, "", strings.Fields(strings.TrimPrefix(command, "$ kubectl "))...)
			Expect(ageless(out)).To(Equal(ageless(shown)), "it prints\n%s", out)

			By("accepting what Travis posts to the URL in .travis.yml, and nothing else")
			address := w.address(ctx)
			Expect(w.post(ctx, address, travistest.Key())).To(Equal(http.StatusNoContent))
			Eventually(w.operator.Log).Should(ContainSubstring(`"reason":"unrouted"`), "the event was proven, and the route does not match it")
			Expect(w.post(ctx, address, travistest.NewKey())).To(Equal(http.StatusForbidden))
			if strings.Contains(address, "/travis/") {
				Expect(w.post(ctx, strings.Replace(address, "/travis/", "/travis/0", 1), travistest.Key())).To(Equal(http.StatusForbidden))
				Expect(w.post(ctx, w.operator.URL, travistest.Key())).To(Equal(http.StatusUnauthorized))
			}
			Expect(w.operator.Log()).NotTo(ContainSubstring("forbidden"), "the chart's rights suffice")
		})
	}
})

// walkthrough runs the commands of one section of the page.
type walkthrough struct {
	blocks   []docs.Block
	operator *operator.Process
}

func newWalkthrough(heading string) *walkthrough {
	GinkgoHelper()
	started := pages[slices.IndexFunc(pages, func(p docs.Page) bool { return p.Path == "docs/getting-started.md" })]
	text, err := started.Section(heading)
	Expect(err).NotTo(HaveOccurred())
	return &walkthrough{blocks: docs.Page{Path: started.Path, Text: text}.Blocks()}
}

// block returns the block of a language with the given beginning.
func (w *walkthrough) block(lang, begin string) docs.Block {
	GinkgoHelper()
	i := slices.IndexFunc(w.blocks, func(b docs.Block) bool { return b.Lang == lang && strings.HasPrefix(b.Text, begin) })
	Expect(i).NotTo(Equal(-1), "there is no block of %s that begins %q", lang, begin)
	return w.blocks[i]
}

// follow runs the commands of the section in their order, on its values and manifests.
func (w *walkthrough) follow(ctx context.Context) {
	GinkgoHelper()
	applied := 0
	for command := range strings.Lines(w.block("sh", "kubectl apply ").Text) {
		args := strings.Fields(command)
		for i, arg := range args {
			switch {
			case arg == "charts/travishook":
				args[i] = filepath.Join(plane.Root, arg)
			case strings.HasSuffix(arg, ".yaml"):
				args[i] = file(arg, w.block("yaml", "# "+arg+"\n").Text)
				applied++
			}
		}
		if args[0] == "helm" {
			install(ctx, args[1:])
		} else {
			apply(ctx, args[1:])
		}
	}
	// All but .travis.yml.
	Expect(applied).To(Equal(len(slices.DeleteFunc(slices.Clone(w.blocks), func(b docs.Block) bool { return b.Lang != "yaml" })) - 1))
}

// install runs helm, and uninstalls the release at the end.
func install(ctx context.Context, args []string) {
	GinkgoHelper()
	_, err := program.Run(ctx, append(args, "--kubeconfig", plane.Kubeconfig)...)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func(ctx context.Context) {
		_, err := program.Run(ctx, "uninstall", "travishook", "--namespace", system, "--kubeconfig", plane.Kubeconfig)
		Expect(err).NotTo(HaveOccurred())
	})
}

// apply runs kubectl apply, and deletes what it applied at the end.
func apply(ctx context.Context, args []string) {
	GinkgoHelper()
	kubectl(ctx, "", args...)
	DeferCleanup(func(ctx context.Context) {
		args[0] = "delete"
		kubectl(ctx, "", args...)
	})
}

// start starts the operator with the settings that Helm installed and the rights of the service account. It
// adapts the settings to this machine.
func (w *walkthrough) start(ctx context.Context) {
	GinkgoHelper()
	var s map[string]any
	installed := kubectl(ctx, "", "get", "configmap", "travishook", "-n", system, "-o", `jsonpath={.data.settings\.yaml}`)
	Expect(yaml.Unmarshal([]byte(installed), &s)).To(Succeed())
	free := map[string]any{"address": "127.0.0.1:0"}
	s["receiver"] = map[string]any{"address": "127.0.0.1:0", "linger": "0s"}
	s["probes"], s["metrics"], s["api"] = free, free, free
	s["store"] = map[string]any{"directory": filepath.Join(GinkgoT().TempDir(), "store")}
	s["trust"] = map[string]any{"keys": []any{map[string]any{"name": "test", "pem": travistest.PEM(travistest.Key())}}}

	account, err := plane.AddUserInGroups("system:serviceaccount:"+system+":travishook",
		"system:serviceaccounts", "system:serviceaccounts:"+system, "system:authenticated")
	Expect(err).NotTo(HaveOccurred())
	w.operator = startOperator(ctx, account.Kubeconfig, s)
}

// startOperator starts an operator, which ends with the spec.
func startOperator(ctx context.Context, kubeconfig string, settings map[string]any) *operator.Process {
	GinkgoHelper()
	text, err := yaml.Marshal(settings)
	Expect(err).NotTo(HaveOccurred())
	starting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	process, err := operator.Start(starting, binary, "--settings", file("settings.yaml", string(text)),
		"--kubeconfig", kubeconfig, "--namespace", system)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() {
		if CurrentSpecReport().Failed() {
			AddReportEntry("operator's log", process.Log())
		}
		Expect(process.Stop()).To(Succeed())
	})
	return process
}

// address returns the webhook URL in .travis.yml, with the proof from the page's command, and with this
// machine instead of the ingress.
func (w *walkthrough) address(ctx context.Context) string {
	GinkgoHelper()
	var file struct{ Notifications struct{ Webhooks string } }
	Expect(yaml.Unmarshal([]byte(w.block("yaml", "# .travis.yml\n").Text), &file)).To(Succeed())
	address := file.Notifications.Webhooks
	if strings.Contains(address, "<proof>") {
		proof, err := run(ctx, "", "sh", "-c", w.block("sh", "printf ").Text)
		Expect(err).NotTo(HaveOccurred(), proof)
		address = strings.Replace(address, "<proof>", strings.TrimSpace(proof), 1)
	}
	Expect(address).To(HavePrefix("https://hooks.example.com/travis"))
	return strings.Replace(address, "https://hooks.example.com/travis", w.operator.URL, 1)
}

// post sends a webhook of a pending build, which is not among the built-in events, so that everything but the
// message is tested.
func (w *walkthrough) post(ctx context.Context, address string, key *rsa.PrivateKey) int {
	GinkgoHelper()
	var status int
	Eventually(func() (int, error) {
		request := travistest.Request(ctx, address, travistest.Build{Result: travis.Pending}, key)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return 0, err
		}
		defer response.Body.Close()
		_, err = io.Copy(io.Discard, response.Body)
		status = response.StatusCode
		return status, err
	}).ShouldNot(Equal(http.StatusServiceUnavailable))
	return status
}

// ageless returns a kubectl table without the last column and trailing spaces.
func ageless(table string) string {
	return regexp.MustCompile(`(?m) +(AGE|\d+[smhd]\S*)?$`).ReplaceAllString(strings.TrimSpace(table), "")
}
