package release_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/travishook/travishook/test/helm"
)

// checkPublishing pushes the release to a registry on this machine.
func checkPublishing(t *testing.T, out string) {
	registry := startRegistry(t)
	push := func(folder string) (string, error) {
		cmd := exec.CommandContext(t.Context(), filepath.Join(root, "hack", "publish.sh"), folder)
		cmd.Env = append(os.Environ(), "REGISTRY="+registry+"/travishook")
		said, err := cmd.CombinedOutput()
		return string(said), err
	}

	changed := t.TempDir()
	run(t, nil, "cp", "-R", out+"/.", changed)
	if err := os.WriteFile(filepath.Join(changed, "install.yaml"), []byte("changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, err := push(changed); err == nil || !strings.Contains(said, "are not those that checksums.txt lists") {
		t.Errorf("a changed file: %v\n%s", err, said)
	}

	said, err := push(out)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	for _, want := range []string{
		"image=" + registry + "/travishook/travishook\n", `image-digest=sha256:[0-9a-f]{64}\n`,
		"chart=" + registry + "/travishook/charts/travishook\n", `chart-digest=sha256:[0-9a-f]{64}\n`,
	} {
		if !regexp.MustCompile(`(?m)^` + want).MatchString(said) {
			t.Errorf("it does not print %q:\n%s", want, said)
		}
	}
	platforms := run(t, nil, tool(t, "crane"), "manifest", registry+"/travishook/travishook:"+number)
	if !strings.Contains(platforms, `"amd64"`) {
		t.Errorf("the published image is for %s", platforms)
	}
	h, err := helm.New(t.Context(), root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	shown, err := h.Run(t.Context(), "show", "chart", "oci://"+registry+"/travishook/charts/travishook", "--version", number, "--plain-http")
	if err != nil || !strings.Contains(shown, "appVersion: "+number) {
		t.Errorf("the published chart: %v\n%s", err, shown)
	}

	if said, err := push(out); err == nil || !strings.Contains(said, "a version is never published twice") {
		t.Errorf("a second time: %v\n%s", err, said)
	}
}

// startRegistry returns the address of a registry that ends with the test.
func startRegistry(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), tool(t, "crane"), "registry", "serve", "--address", "127.0.0.1:0")
	output, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for lines := bufio.NewScanner(output); lines.Scan(); {
		if _, port, found := strings.Cut(lines.Text(), "serving on port "); found {
			go func() {
				for lines.Scan() { // it logs each request, and must not block
				}
			}()
			return "127.0.0.1:" + port
		}
	}
	t.Fatal("the registry does not start")
	return ""
}
