package e2e

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/internal/travis/travistest"
)

var update = flag.Bool("update", false, "update the transcripts in docs")

// transcript is a page of docs that a test writes: commands and their output.
type transcript struct {
	strings.Builder
	site *site
}

func (p *transcript) say(format string, args ...any) {
	fmt.Fprintf(p, strings.TrimSpace(format)+"\n\n", args...)
}

// show runs kubectl until it prints want, and puts command and output on the page.
func (p *transcript) show(ctx context.Context, want string, args ...string) {
	GinkgoHelper()
	var out string
	Eventually(func() string {
		out = kubectl(ctx, "", args...)
		return out
	}).Should(MatchRegexp(want))
	p.console("kubectl "+strings.Join(args, " "), out)
}

// apply applies a manifest, and puts it on the page.
func (p *transcript) apply(ctx context.Context, file, manifest string) {
	GinkgoHelper()
	manifest = strings.TrimSpace(manifest) + "\n"
	fmt.Fprintf(p, "```yaml\n# %s\n%s```\n\n", file, p.tidy(p.site.fill(manifest)))
	p.console("kubectl apply -f "+file, kubectl(ctx, p.site.fill(manifest), "apply", "-f", "-"))
}

func (p *transcript) console(command, out string) {
	fmt.Fprintf(p, "```console\n$ %s\n%s```\n\n", p.tidy(command), p.tidy(out))
}

// Parts of the output that differ between runs.
var (
	age     = regexp.MustCompile(`(?m) +\d+[smh](\d+s)?$`)
	address = regexp.MustCompile(`http://127\.0\.0\.1:\d+/channel`)
)

func (p *transcript) tidy(text string) string {
	text = strings.NewReplacer(p.site.name, "team-a", p.site.system, "travishook-system").Replace(text)
	text = address.ReplaceAllString(text, "https://chat.example.com/hooks/0123456789")
	return age.ReplaceAllString(text, "   5s")
}

// check compares the page with the one in docs.
func (p *transcript) check(name string) {
	GinkgoHelper()
	path := filepath.Join(plane.Root, "docs", name)
	got := strings.TrimSpace(p.String()) + "\n"
	if *update {
		Expect(os.WriteFile(path, []byte(got), 0o644)).To(Succeed())
		return
	}
	want, err := os.ReadFile(path)
	Expect(err).NotTo(HaveOccurred())
	Expect(got).To(Equal(string(want)), "docs/%s is out of date; go test ./test/e2e -update updates it", name)
}

var _ = Describe("A route that is applied too early", func() {
	It("says what is missing until it is ready, and is ready by itself", func(ctx context.Context) {
		s, r := newSite(ctx), openChannel()
		s.extra = "  - {name: later, configMap: {name: travis-key, key: key.pem}, repositories: [example/*]}\n"
		// The only key for example/example comes from a ConfigMap.
		settings := strings.Replace(s.settings(), "  - name: test\n", "  - name: test\n    repositories: [other/*]\n", 1)
		s.startWith(ctx, settings)
		p := &transcript{site: s}

		p.say("# A route that is applied too early")
		p.say(`This page is written by a test: every command in it was run against a real API server and a
running operator, and the outputs are real. Nothing was restarted.

A team applies its route before anything else is set up. The route is accepted, and reports what is missing:`)
		p.apply(ctx, "route.yaml", route)
		columns := "custom-columns=READY:.status.conditions[?(@.type=='Ready')].status,WHY:.status.conditions[?(@.type=='Ready')].message"
		why := func(want string) {
			GinkgoHelper()
			p.show(ctx, want, "get", "travisroute", "example", "-n", s.name, "-o", columns)
		}
		why(`False +\(1\) there is no account "chat"`)

		p.say("The platform engineer defines the account:")
		p.apply(ctx, "defaults.yaml", webhookAccount)
		why(`False +\(1\) Secret "chat" does not exist`)

		p.say("Then they create its Secret, but forget the label that lets the operator read it:")
		p.apply(ctx, "secret.yaml", strings.Replace(accountSecret(r), ", labels: {travishook.dev/secret-type: credential}", "", 1))
		p.say("The route reports that. (The operator checks for the label every minute. Here a change of the defaults made it check at once.)")
		kubectl(ctx, "", "patch", "travisdefaults", "default", "-n", s.system, "--type=merge", "-p", `{"spec":{"account":"chat"}}`)
		why(`False +\(1\) Secret "chat" .* needs the label`)
		p.show(ctx, "labeled", "label", "secret", "chat", "-n", s.system, "travishook.dev/secret-type=credential")

		p.say("The account works now. The team still has to add the repository's token:")
		why(`False +no token or grant`)
		p.apply(ctx, "token.yaml", tokenSecret)
		p.say(`The last missing piece is Travis' signing key. The operator's settings read it from a ConfigMap that does
not exist yet:`)
		why(`False +the public key .*"travis-key" does not exist`)
		Expect(s.postOnce(ctx, travistest.Build{})).NotTo(Equal(http.StatusAccepted))
		kubectl(ctx, travistest.PEM(s.key), "create", "configmap", "travis-key", "-n", s.system, "--from-file=key.pem=/dev/stdin")
		p.console("kubectl create configmap travis-key -n "+s.system+" --from-file=key.pem", "configmap/travis-key created\n")
		why(`True`)
		Expect(s.post(ctx, travistest.Build{})).To(Equal(http.StatusAccepted))
		p.say("The next build arrives in the channel:")
		Eventually(texts(r)).Should(HaveLen(1))
		p.console("# in the channel", texts(r)()[0]+"\n")
		p.show(ctx, "#123 passed", "get", "travisroutes", "-n", s.name)

		p.check("applied-too-early.md")
	})
})
