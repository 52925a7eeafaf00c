// Package alerts_test tests the chart's alerts with promtool, the tool of Prometheus.
package alerts_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/travishook/travishook/test/docs"
)

const (
	root  = "../.."
	rules = root + "/charts/travishook/files/alerts.yaml"
	page  = "docs/operations/alerts.md"
)

type alert struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

func alerts(t *testing.T) []alert {
	t.Helper()
	text, err := os.ReadFile(rules)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []alert `json:"rules"`
		} `json:"groups"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	var all []alert
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

// testdata/cases.yaml has metrics over time, and which alerts they must and must not fire.
func TestAlerts(t *testing.T) {
	promtool := tool(t)
	for _, args := range [][]string{
		{"check", "rules", "--lint=all", "--lint-fatal", rules},
		{"test", "rules", "testdata/cases.yaml"},
	} {
		if output, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, output)
		}
	}
}

func tool(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(root, "hack", "tool.sh"), "promtool")
	cmd.Stderr = os.Stderr
	path, err := cmd.Output()
	if err != nil {
		t.Fatalf("hack/tool.sh promtool: %v", err)
	}
	return strings.TrimSpace(string(path))
}

func TestEveryAlertHasACase(t *testing.T) {
	text, err := os.ReadFile("testdata/cases.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range alerts(t) {
		if !strings.Contains(string(text), "alertname: "+a.Alert+"\n") {
			t.Errorf("testdata/cases.yaml has no case of %s", a.Alert)
		}
	}
}

// The alert's runbook_url leads to a section of the page.
func TestEveryAlertHasARunbook(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	var sections []string
	for _, m := range regexp.MustCompile(`(?m)^## (Travishook\w+)$`).FindAllStringSubmatch(string(text), -1) {
		sections = append(sections, m[1])
	}
	var names []string
	for _, a := range alerts(t) {
		names = append(names, a.Alert)
		if !slices.Contains([]string{"critical", "warning", "info"}, a.Labels["severity"]) {
			t.Errorf("%s has severity %q", a.Alert, a.Labels["severity"])
		}
		if a.Annotations["summary"] == "" || a.Annotations["description"] == "" {
			t.Errorf("%s lacks its summary or description", a.Alert)
		}
	}
	if !slices.Equal(names, sections) {
		t.Errorf("%s has the sections %q, want %q", page, sections, names)
	}
}

// An alert on a metric that the operator does not have never fires.
func TestAlertsUseTheOperatorsMetrics(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs/operations/metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	var known []string
	for _, row := range docs.Rows(string(text)) {
		known = append(known, docs.Codes(row[0])...)
	}
	for _, a := range alerts(t) {
		used := regexp.MustCompile(`travishook_\w+`).FindAllString(a.Expr, -1)
		if len(used) == 0 {
			t.Errorf("%s uses none of the operator's metrics", a.Alert)
		}
		for _, metric := range used {
			if !slices.Contains(known, metric) {
				t.Errorf("%s uses %s, which docs/operations/metrics.md does not have", a.Alert, metric)
			}
		}
	}
}
