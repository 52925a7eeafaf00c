// Package release_test builds a release and reads it as an installer would. It compiles all programs
// again, so make test does not run it; make test-release does.
package release_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/travishook/travishook/test/helm"
)

const (
	root    = "../.."
	version = "v1.2.3-rc.1"
	number  = "1.2.3-rc.1"
)

func TestRelease(t *testing.T) {
	onlyAtARelease(t)
	out := filepath.Join(t.TempDir(), "release")
	build(t, root, out)
	t.Run("is complete", func(t *testing.T) { checkFiles(t, out) })
	t.Run("says its version everywhere", func(t *testing.T) { checkVersions(t, out) })
	t.Run("has a chart that installs its image", func(t *testing.T) { checkChart(t, out) })
	t.Run("keeps routes when the operator is deleted", func(t *testing.T) { checkManifests(t, out) })
	t.Run("has SBOMs of its programs", func(t *testing.T) { checkSBOMs(t, out) })
	t.Run("has a manifest that krew accepts", func(t *testing.T) {
		run(t, nil, tool(t, "validate-krew-manifest"), "-manifest", filepath.Join(out, "travis.yaml"), "-skip-install")
	})
	t.Run("has a bundle that OperatorHub accepts", func(t *testing.T) { checkBundle(t, out) })
	t.Run("is published once", func(t *testing.T) { checkPublishing(t, out) })
	t.Run("is the same when another machine makes it", func(t *testing.T) { checkReproducible(t, out) })
}

// onlyAtARelease skips a test that compiles programs or tools.
func onlyAtARelease(t *testing.T) {
	t.Helper()
	if os.Getenv("TRAVISHOOK_TEST_RELEASE") == "" {
		t.Skip("make test-release runs it")
	}
}

// A release without a version, or with one that Helm and Go cannot both read, is refused.
func TestReleaseNeedsAVersion(t *testing.T) {
	for _, wrong := range []string{"", "1.2.3", "v1.2", "v1.2.3+build", "v01.2.3", "latest"} {
		cmd := exec.CommandContext(t.Context(), filepath.Join(root, "hack", "release.sh"))
		cmd.Env = append(os.Environ(), "VERSION="+wrong, "OUT="+filepath.Join(t.TempDir(), "out"))
		output, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(output), "make release VERSION=v1.2.3") {
			t.Errorf("VERSION=%q: %v\n%s", wrong, err, output)
		}
	}
}

func build(t *testing.T, checkout, out string, env ...string) {
	t.Helper()
	env = append([]string{"VERSION=" + version, "OUT=" + out, "UNCOMMITTED=1"}, env...)
	run(t, env, filepath.Join(checkout, "hack", "release.sh"))
}

// platforms are those that the release was made for.
func platforms() []string {
	if limit := os.Getenv("PLATFORMS"); limit != "" {
		return strings.Fields(limit)
	}
	return []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64"}
}

func checkFiles(t *testing.T, out string) {
	want := []string{"checksums.txt", "install.yaml", "setup.yaml", "travis.yaml", "travishook-" + number + ".tgz", "travishook-bundle.tar.gz", "travishook-image.tar"}
	for _, p := range platforms() {
		name := strings.ReplaceAll(p, "/", "-")
		archive := "kubectl-travis-" + name + ".tar.gz"
		if strings.HasPrefix(p, "windows") {
			archive = "kubectl-travis-" + name + ".zip"
		}
		want = append(want, archive, "kubectl-travis-"+name+".cdx.json")
		if strings.HasPrefix(p, "linux") {
			want = append(want, "travishook-"+name+".cdx.json")
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, names(t, out)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	listed := 0
	for line := range strings.Lines(string(read(t, out, "checksums.txt"))) {
		listed++
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if got := fmt.Sprintf("%x", sha256.Sum256(read(t, out, name))); got != sum {
			t.Errorf("checksums.txt has %s for %s, which has %s", sum, name, got)
		}
	}
	if listed != len(want)-1 {
		t.Errorf("checksums.txt lists %d files, want every one but itself: %d", listed, len(want)-1)
	}
}

func checkVersions(t *testing.T, out string) {
	plugin := unzip(t, read(t, out, "kubectl-travis-linux-amd64.tar.gz"))
	if !bytes.Contains(plugin["NOTICES"], []byte("k8s.io/client-go")) || len(plugin["LICENSE"]) == 0 {
		t.Error("the plugin's archive lacks a license, its own or that of client-go")
	}
	if got, want := execute(t, plugin["kubectl-travis"], "version", "--client"), "client: "+version+"\n"; got != want {
		t.Errorf("kubectl travis version --client prints %q, want %q", got, want)
	}
	blobs := untar(t, read(t, out, "travishook-image.tar"))
	for _, d := range decode[index](t, blobs["index.json"]).Manifests {
		m := decode[manifest](t, blobs[blob(d)])
		labels := decode[struct {
			Config struct{ Labels map[string]string }
		}](t, blobs[blob(m.Config)]).Config.Labels
		for where, got := range map[string]string{
			"annotation": m.Annotations["org.opencontainers.image.version"],
			"label":      labels["org.opencontainers.image.version"],
		} {
			if got != version {
				t.Errorf("%s of the image for %s is %q, want %q", where, d.Platform.Architecture, got, version)
			}
		}
		if len(labels["org.opencontainers.image.revision"]) != 40 {
			t.Errorf("revision of the image is %q, want a commit", labels["org.opencontainers.image.revision"])
		}
		if d.Platform.Architecture != "amd64" {
			continue
		}
		files := unzip(t, blobs[blob(m.Layers[0])])
		if got := execute(t, files["travishook"], "--version"); got != version+"\n" {
			t.Errorf("travishook --version prints %q, want %q", got, version)
		}
	}
}

func checkChart(t *testing.T, out string) {
	h, err := helm.New(t.Context(), root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	rendered, err := h.Run(t.Context(), "template", "x", filepath.Join(out, "travishook-"+number+".tgz"), "--no-hooks")
	if err != nil {
		t.Fatal(err)
	}
	for source, text := range map[string]string{"chart": rendered, "install.yaml": string(read(t, out, "install.yaml"))} {
		images, labeled := 0, 0
		for _, doc := range strings.Split(text, "\n---\n") {
			var o struct {
				Kind     string
				Metadata struct{ Labels map[string]string }
				Spec     struct {
					Template struct {
						Spec struct{ Containers []struct{ Image string } }
					}
				}
			}
			if err := yaml.Unmarshal([]byte(doc), &o); err != nil {
				t.Fatalf("%s: %v\n%s", source, err, doc)
			}
			if got, is := o.Metadata.Labels["app.kubernetes.io/version"]; is {
				labeled++
				if got != number {
					t.Errorf("%s: %s has version %q, want %q", source, o.Kind, got, number)
				}
			}
			for _, c := range o.Spec.Template.Spec.Containers {
				images++
				if want := "ghcr.io/travishook/travishook:" + number; c.Image != want {
					t.Errorf("%s: the pod runs %s, want %s", source, c.Image, want)
				}
			}
		}
		if images != 1 || labeled < 10 {
			t.Errorf("%s: %d images and %d labels with a version", source, images, labeled)
		}
	}
}

// checkManifests checks that kubectl delete -f install.yaml deletes neither the CRDs nor the namespace, and with them
// all routes.
func checkManifests(t *testing.T, out string) {
	kinds := func(name string) (all []string) {
		for _, doc := range strings.Split(string(read(t, out, name)), "\n---\n") {
			var o struct{ Kind string }
			if err := yaml.Unmarshal([]byte(doc), &o); err != nil {
				t.Fatalf("%s: %v\n%s", name, err, doc)
			}
			all = append(all, o.Kind)
		}
		return all
	}
	const crd = "CustomResourceDefinition"
	if diff := cmp.Diff([]string{"Namespace", crd, crd, "PersistentVolumeClaim"}, kinds("setup.yaml")); diff != "" {
		t.Errorf("setup.yaml (-want +got):\n%s", diff)
	}
	installed := kinds("install.yaml")
	if slices.Contains(installed, crd) || slices.Contains(installed, "Namespace") || !slices.Contains(installed, "Deployment") || slices.Contains(installed, "PersistentVolumeClaim") {
		t.Errorf("install.yaml has %v", installed)
	}
}

func checkSBOMs(t *testing.T, out string) {
	for _, name := range names(t, out) {
		if !strings.HasSuffix(name, ".cdx.json") {
			continue
		}
		bom := decode[struct {
			BomFormat string
			Metadata  struct {
				Component struct{ Name, Version string }
			}
			Components []struct{ Name string }
		}](t, read(t, out, name))
		if bom.BomFormat != "CycloneDX" || bom.Metadata.Component.Version != version || len(bom.Components) < 30 {
			t.Errorf("%s: %s of %s %s with %d components", name, bom.BomFormat, bom.Metadata.Component.Name,
				bom.Metadata.Component.Version, len(bom.Components))
		}
	}
}

// harmless are findings about the bundle that ask for nothing: the rule is for events.k8s.io/v1, which the check
// takes for a version of it that is gone.
var harmless = regexp.MustCompile(`Migrate the API\(s\) for events: \(\["ClusterServiceVersion.Spec.InstallStrategy.StrategySpec.ClusterPermissions\[0\].Rules\[\d\]"\]\)|validator is deprecated`)

func checkBundle(t *testing.T, out string) {
	dir := t.TempDir()
	files := unzip(t, read(t, out, "travishook-bundle.tar.gz"))
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if csv := string(files["manifests/travishook.clusterserviceversion.yaml"]); !strings.Contains(csv, "image: ghcr.io/travishook/travishook:"+number) {
		t.Error("the bundle does not install the image of the release")
	}
	// It succeeds whatever it finds.
	findings, err := exec.CommandContext(t.Context(), tool(t, "operator-verify"), "manifests", "--operatorhub_validate", "--object_validate", dir).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, findings)
	}
	for finding := range strings.Lines(string(findings)) {
		if !harmless.MatchString(strings.ReplaceAll(finding, `\"`, `"`)) {
			t.Error(finding)
		}
	}
}

// checkReproducible makes the release once more, in another folder, as another user would on a machine of
// other habits.
func checkReproducible(t *testing.T, out string) {
	dir := t.TempDir()
	other, again := filepath.Join(dir, "elsewhere"), filepath.Join(dir, "release")
	private := filepath.Join(dir, "private.crt")
	if err := os.WriteFile(private, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// The commit's time stays, the files' times do not.
	run(t, nil, "git", "clone", "--quiet", "--shared", root, other)
	run(t, nil, "sh", "-c", `umask 077; cd "$1" && git ls-files -co --exclude-standard | while read -r f; do
		[ ! -f "$f" ] || echo "$f"; done | tar -cf - -T - | tar -xmf - -C "$2"`, "sh", root, other)
	build(t, other, again, "TZ=Asia/Tokyo", "LC_ALL=C", "SSL_CERT_FILE="+private)
	for _, name := range names(t, out) {
		if !bytes.Equal(read(t, out, name), read(t, again, name)) {
			t.Errorf("%s differs", name)
		}
	}
	if diff := cmp.Diff(names(t, out), names(t, again)); diff != "" {
		t.Errorf("files (-first +second):\n%s", diff)
	}
}

type descriptor struct {
	Digest   string
	Platform struct{ Architecture string }
}

type index struct{ Manifests []descriptor }

type manifest struct {
	Config      descriptor
	Layers      []descriptor
	Annotations map[string]string
}

func blob(d descriptor) string { return "blobs/" + strings.Replace(d.Digest, ":", "/", 1) }

func decode[T any](t *testing.T, text []byte) T {
	t.Helper()
	var into T
	if err := json.Unmarshal(text, &into); err != nil {
		t.Fatal(err)
	}
	return into
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]string, len(files))
	for i, f := range files {
		all[i] = f.Name()
	}
	return all
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func unzip(t *testing.T, archive []byte) map[string][]byte {
	t.Helper()
	plain, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(plain)
	if err != nil {
		t.Fatal(err)
	}
	return untar(t, content)
}

func untar(t *testing.T, archive []byte) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

// execute runs a program for linux/amd64, as which the suites run.
func execute(t *testing.T, program []byte, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, program, 0o700); err != nil {
		t.Fatal(err)
	}
	return run(t, nil, path, args...)
}

func tool(t *testing.T, name string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(root, "hack", "tool.sh"), name)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("get %s: %v", name, err)
	}
	return strings.TrimSpace(string(out))
}

func run(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", filepath.Base(name), err, out, stderr.Bytes())
	}
	return string(out)
}
