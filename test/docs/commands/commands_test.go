// Package commands_test runs the commands on the pages: those in blocks of shell in their order, from an empty
// cluster on, and those in the text.
package commands_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/test/controlplane"
	"github.com/travishook/travishook/test/docs"
	"github.com/travishook/travishook/test/operator"
	"github.com/travishook/travishook/test/suite"
)

const (
	system   = "travishook-system"
	patience = 90 * time.Second
)

func TestCommands(t *testing.T) {
	suite.Run(t, "Commands on the pages")
}

var (
	plane *controlplane.ControlPlane
	pages []docs.Page
	desk  reader
	used  = map[string]bool{} // commands of the list of exceptions that are on a page
)

var _ = BeforeSuite(func(ctx context.Context) {
	SetDefaultEventuallyTimeout(patience)
	plane = suite.StartControlPlane(ctx, controlplane.WithoutCRDs())
	var err error
	pages, err = docs.Pages(plane.Root)
	Expect(err).NotTo(HaveOccurred())
	// Who follows the pages begins with this one.
	first := slices.IndexFunc(pages, func(p docs.Page) bool { return p.Path == "docs/getting-started.md" })
	pages = append([]docs.Page{pages[first]}, slices.Delete(slices.Clone(pages), first, first+1)...)
	pages = slices.DeleteFunc(pages, func(p docs.Page) bool { return strings.HasPrefix(p.Path, "docs/adr/") })
	desk = newReader(ctx)
	suite.RunJobs(ctx, plane, system, desk.program)
	suite.AddStorageClass(ctx, plane)
})

var _ = Describe("The commands on the pages", Ordered, func() {
	It("work in their order", func(ctx context.Context) {
		ran := 0
		for _, p := range pages {
			for _, b := range p.Blocks() {
				if name := b.Name(); name != "" {
					desk.write(name, b.Text)
				}
				if b.Lang != "sh" {
					continue
				}
				for _, c := range statements(b.Text) {
					if runElsewhere(c) {
						continue
					}
					By(b.String() + ": " + c)
					if strings.Contains(c, "kubectl travis ") {
						desk.parse(ctx, c)
						continue
					}
					desk.prepare(ctx, c)
					desk.run(ctx, c)
					ran++
				}
			}
		}
		Expect(ran).To(BeNumerically(">", 15))
	})

	It("work when they are part of a sentence", func(ctx context.Context) {
		desk.install(ctx)
		desk.objects(ctx)
		desk.start(ctx)
		tried := map[string]bool{}
		for _, p := range pages {
			for _, c := range inText(p) {
				if tried[c] || runElsewhere(c) {
					continue
				}
				tried[c] = true
				By(p.Path + ": " + c)
				desk.try(ctx, c)
			}
		}
	})

	It("are run here, unless the list says why not", func() {
		for command := range elsewhere {
			Expect(used).To(HaveKey(command), "no page has this command any more; remove it from the list")
		}
	})
})

// statements returns the commands of a block, each in one line and without comments.
func statements(text string) []string {
	text = regexp.MustCompile(`\\\n\s*`).ReplaceAllString(text, "")
	text = regexp.MustCompile(`\|\n\s*`).ReplaceAllString(text, "| ")
	var all []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " # ")
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}
	return all
}

// inText returns the commands between backquotes, and those in lines that are indented as code.
func inText(p docs.Page) []string {
	text := regexp.MustCompile("(?s)```.*?```").ReplaceAllString(p.Text, "")
	commands := docs.Codes(text)
	for line := range strings.Lines(text) {
		if line, is := strings.CutPrefix(line, "    "); is {
			line, _, _ = strings.Cut(line, "  #")
			commands = append(commands, strings.TrimSpace(line))
		}
	}
	return slices.DeleteFunc(commands, func(c string) bool {
		return !regexp.MustCompile(`^(kubectl|helm|make|go|curl) \S`).MatchString(c)
	})
}

// runElsewhere reports whether a command is on the list, or a target that .ci/run makes or the Makefile has.
func runElsewhere(command string) bool {
	GinkgoHelper()
	if _, is := elsewhere[command]; is {
		used[command] = true
		return true
	}
	target, is := strings.CutPrefix(command, "make ")
	if is {
		target = strings.Fields(target)[0]
		makefile, err := os.ReadFile(filepath.Join(plane.Root, "Makefile"))
		Expect(err).NotTo(HaveOccurred())
		Expect(string(makefile)).To(ContainSubstring("\n"+target+":"), command)
	}
	return is
}

// reader is somebody with a shell who follows the pages.
type reader struct {
	dir, path string
	program   string // the operator's
	operator  *operator.Process
}

// newReader lays out what the pages presuppose: a clone of the project, programs, certificates and passwords.
func newReader(ctx context.Context) reader {
	GinkgoHelper()
	r := reader{dir: GinkgoT().TempDir(), path: GinkgoT().TempDir()}
	for _, folder := range []string{"charts", "config"} {
		Expect(os.Symlink(filepath.Join(plane.Root, folder), filepath.Join(r.dir, folder))).To(Succeed())
	}
	helm := os.Getenv("TRAVISHOOK_HELM")
	if helm == "" {
		out, err := exec.CommandContext(ctx, filepath.Join(plane.Root, "hack", "tool.sh"), "helm").Output()
		Expect(err).NotTo(HaveOccurred())
		helm = strings.TrimSpace(string(out))
	}
	r.program = suite.BuildOperator(ctx, plane)
	Expect(operator.InstallPlugin(ctx, plane.Root, r.path)).To(Succeed())
	Expect(os.Symlink(helm, filepath.Join(r.path, "helm"))).To(Succeed())
	Expect(os.Symlink(plane.Kubectl, filepath.Join(r.path, "kubectl"))).To(Succeed())
	certificate, key := pair()
	for _, name := range []string{"tls", "client"} {
		r.write(name+".crt", certificate)
		r.write(name+".key", key)
	}
	r.write("ca.crt", certificate)
	r.write("user.creds", "credentials")
	r.write("body.json", "{}")
	return r
}

func (r reader) write(name, text string) {
	GinkgoHelper()
	Expect(os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600)).To(Succeed())
}

// shell runs a command in the reader's folder and returns what a terminal would show.
func (r reader) shell(ctx context.Context, kubeconfig, command string) (string, error) {
	for _, name := range []string{"curl", "openssl"} {
		if _, err := exec.LookPath(name); err != nil && strings.Contains(command, name+" ") {
			Skip("SKIPPED: " + name + " is not installed; apt-get install " + name)
		}
	}
	// Credentials come from files that each page names as it likes.
	for _, input := range regexp.MustCompile(`< (\S+)`).FindAllStringSubmatch(command, -1) {
		r.write(input[1], "a-long-random-string")
	}
	cmd := exec.CommandContext(ctx, "bash", "-eo", "pipefail", "-c", command)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "PATH="+r.path+string(os.PathListSeparator)+os.Getenv("PATH"), "KUBECONFIG="+kubeconfig,
		"HELM_CACHE_HOME="+r.path, "HELM_CONFIG_HOME="+r.path, "HELM_DATA_HOME="+r.path,
		"webhook_id=msg_1", "webhook_timestamp=1700000000", "hmacKey=whsec_"+hmacKey, "TOKEN=a-long-random-string", "USER_ID=example")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// run runs a command, which must succeed.
func (r reader) run(ctx context.Context, command string) {
	GinkgoHelper()
	if r.operator != nil {
		command = strings.ReplaceAll(command, "https://hooks.example.com/travis", r.operator.URL)
	}
	var out string
	Eventually(func() string {
		var err error
		out, err = r.shell(ctx, plane.Kubeconfig, command)
		if err != nil {
			Fail(command + ": " + err.Error() + "\n" + out)
		}
		return out
	}).ShouldNot(ContainSubstring("503 Service Unavailable"), "the operator starts")
	r.check(command, out)
}

// check compares what a command printed with what its page says of it.
func (r reader) check(command, out string) {
	GinkgoHelper()
	switch {
	case strings.HasPrefix(command, "curl "):
		Expect(out).To(And(ContainSubstring("400 Bad Request"), ContainSubstring("the Travis-Repo-Slug header is missing")))
	case strings.HasPrefix(command, "printf %s example/example a-long"):
		Expect(strings.TrimSpace(out)).To(Equal(fmt.Sprintf("%x", sha256.Sum256([]byte("example/examplea-long-random-string")))))
	case strings.Contains(command, "openssl dgst"):
		Expect(strings.TrimSpace(out)).To(Equal(signature("msg_1", "1700000000", "{}")))
	}
}

// prepare brings the cluster into the state in which a reader comes to a command.
func (r *reader) prepare(ctx context.Context, command string) {
	GinkgoHelper()
	switch {
	case strings.HasPrefix(command, "helm install "), strings.HasPrefix(command, "kubectl apply --server-side -k "):
		r.uninstall(ctx)
	case strings.HasPrefix(command, "kubectl delete -k "):
		r.uninstall(ctx)
		r.run(ctx, "kubectl apply --server-side -k config/default")
	case strings.HasPrefix(command, "helm upgrade "), strings.HasPrefix(command, "helm uninstall "),
		strings.HasPrefix(command, "kubectl apply --server-side -f "):
		r.install(ctx)
	case strings.HasPrefix(command, "curl "):
		r.install(ctx)
		r.start(ctx)
	}
}

func (r reader) uninstall(ctx context.Context) {
	GinkgoHelper()
	out, err := r.shell(ctx, plane.Kubeconfig, "helm uninstall travishook --namespace "+system+" --ignore-not-found; "+deleteClaim)
	Expect(err).NotTo(HaveOccurred(), out)
}

// deleteClaim deletes the store's claim, which the way of installing it that made it keeps. Nothing here runs that
// would remove its finalizer.
const deleteClaim = "kubectl delete persistentvolumeclaim travishook-store --namespace " + system + " --ignore-not-found --wait=false; " +
	"kubectl patch persistentvolumeclaim travishook-store --namespace " + system + ` --type=merge --patch='{"metadata":{"finalizers":null}}' 2>/dev/null || true`

func (r reader) install(ctx context.Context) {
	GinkgoHelper()
	// What kustomize installed is nobody's to Helm.
	out, err := r.shell(ctx, plane.Kubeconfig, "kubectl delete --ignore-not-found -k config/default; "+
		"helm status travishook --namespace "+system+" >/dev/null 2>&1 || { "+deleteClaim+"; }; "+
		"helm upgrade --install travishook charts/travishook --namespace "+system+" --create-namespace")
	Expect(err).NotTo(HaveOccurred(), out)
}
