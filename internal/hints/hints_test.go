package hints

import (
	"strings"
	"testing"

	"github.com/travishook/travishook/api/v1alpha1"
)

func TestMessage(t *testing.T) {
	for name, test := range map[string]struct {
		text   string
		syntax v1alpha1.TemplateSyntax
		says   string
	}{
		"Go's in Travis'":     {"{{.branch}} broke", "Travis", "{{…}} is Go syntax"},
		"Go's by default":     {"{{ if .tag }}x{{ end }}", "", "set syntax: Go, or write %{variable}"},
		"Travis' in Go's":     {"%{branch} broke", "Go", "write {{.branch}}, or remove syntax: Go"},
		"a shell's":           {"${branch} broke", "Travis", "${branch} is sent unchanged: write %{branch}"},
		"a shell's in Go's":   {"${branch} broke", "Go", "write {{.branch}}"},
		"Travis' environment": {"$TRAVIS_BRANCH broke", "Travis", "$TRAVIS_BRANCH is sent unchanged"},
		"right in Travis'":    {"%{branch} {{}} 100% $5", "Travis", ""},
		"right in Go's":       {"{{.branch}} 100% $5 {}", "Go", ""},
	} {
		got := strings.Join(Message(&v1alpha1.MessageTemplate{Text: test.text, Syntax: test.syntax}), "\n")
		if (got == "") != (test.says == "") || !strings.Contains(got, test.says) {
			t.Errorf("%s: %q, want %q", name, got, test.says)
		}
	}
}

func TestBranches(t *testing.T) {
	for pattern, says := range map[string]string{
		"^main$":             "looks like a regular expression",
		"release/.*":         "looks like a regular expression",
		"/^release/":         "looks like a regular expression",
		`v\d+`:               "looks like a regular expression",
		"(main|dev)":         "looks like a regular expression",
		"v[0-9]":             "looks like a regular expression",
		"refs/heads/main":    "write main",
		"refs/tags/v1":       "write v1",
		"origin/main":        "write main",
		"main":               "",
		"release/*":          "",
		"v1.2.x":             "",
		"**/fix-?":           "",
		"dependabot/npm/a-b": "",
	} {
		got := Route(&v1alpha1.TravisRouteSpec{Branches: &v1alpha1.Branches{Exclude: []v1alpha1.Glob{"x", v1alpha1.Glob(pattern)}}})
		all := strings.Join(got, "\n")
		if (all == "") != (says == "") || !strings.Contains(all, says) || says != "" && !strings.HasPrefix(all, "branches.exclude[1]: ") {
			t.Errorf("%s: %q, want %q", pattern, got, says)
		}
	}
}
