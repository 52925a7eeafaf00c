package chart_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The oldest Kubernetes that the chart lets pass is the one that make test-oldest runs on, and no other place names
// another one.
func TestTheOldestKubernetesIsTested(t *testing.T) {
	first := func(file, pattern string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(pattern).FindSubmatch(text)
		if found == nil {
			t.Fatalf("%s has no %s", file, pattern)
		}
		return string(found[1])
	}
	tested := first("hack/tools/kube-oldest/go.mod", `k8s.io/kubernetes v(1\.\d+)\.`)
	for file, pattern := range map[string]string{
		"charts/travishook/Chart.yaml":  `kubeVersion: ">=(1\.\d+)\.0-0"`,
		"internal/app/prerequisites.go": `oldestKubernetes = "(1\.\d+)"`,
		"hack/bundle/csv.go":            `"minKubeVersion": "(1\.\d+)\.0"`,
		"README.md":                     `Kubernetes (1\.\d+) or newer`,
		"docs/getting-started.md":       `Kubernetes (1\.\d+) or newer`,
		"docs/operations/install.md":    `requires Kubernetes (1\.\d+) or newer`,
	} {
		if named := first(file, pattern); named != tested {
			t.Errorf("%s names Kubernetes %s as the oldest, and make test-oldest runs on %s", file, named, tested)
		}
	}
}

// Helm refuses an older one with a sentence.
func TestAnOlderKubernetesIsRefused(t *testing.T) {
	h := newHelm(t)
	_, err := h.Run(t.Context(), "template", "travishook", h.Chart(), "--kube-version", "1.29.14")
	if want := "chart requires kubeVersion: >=1.30.0-0 which is incompatible with Kubernetes v1.29.14"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
}
