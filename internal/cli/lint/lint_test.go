package lint_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/cli/lint"
	"github.com/travishook/travishook/internal/notify/registry"
	"github.com/travishook/travishook/internal/render"
	"github.com/travishook/travishook/internal/routing"
)

var update = flag.Bool("update", false, "update the golden files")

func newCompiler() *routing.Compiler {
	return routing.NewCompiler(routing.Config{
		OperatorNamespace: "travishook-system",
		Services:          registry.Services,
		CheckMessage: func(m v1alpha1.MessageTemplate) error {
			return render.Check(m.Text, render.Syntax(m.Syntax))
		},
	})
}

// TestFindings checks each file of testdata by itself: what is found in NAME.yaml is in NAME.txt,
// with the lines of the file.
func TestFindings(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no files to check", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			result, err := lint.Check([]lint.File{{Name: filepath.Base(file), Content: content}}, newCompiler(), "default")
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for _, f := range result.Findings {
				fmt.Fprintf(&got, "%d %s %s: %s\n", f.Line, f.Severity, f.Field, f.Message)
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestFilesAreCheckedTogether(t *testing.T) {
	route := lint.File{Name: "route.yaml", Content: []byte(`
apiVersion: travishook.dev/v1alpha1
kind: TravisRoute
metadata: {name: a, namespace: team}
spec: {repository: example/example, channels: [{account: slack, address: "#builds"}]}
`)}
	defaults := func(account string) lint.File {
		return lint.File{Name: "defaults.yaml", Content: []byte(`
apiVersion: travishook.dev/v1alpha1
kind: TravisDefaults
metadata: {name: default, namespace: team}
spec: {accounts: [{name: ` + account + `, slack: {secretRef: {name: slack}}}]}
`)}
	}
	tests := map[string]struct {
		files []lint.File
		want  int
	}{
		"accounts may be defined elsewhere":  {[]lint.File{route}, 0},
		"the account is among the files":     {[]lint.File{route, defaults("slack")}, 0},
		"the files have another one":         {[]lint.File{route, defaults("jabber")}, 1},
		"one object twice, in another order": {[]lint.File{defaults("slack"), route, route}, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			result, err := lint.Check(test.files, newCompiler(), "default")
			if err != nil {
				t.Fatal(err)
			}
			if len(result.Findings) != test.want {
				t.Errorf("got %d findings, want %d: %v", len(result.Findings), test.want, result.Findings)
			}
		})
	}
}

// TestHostileFiles: whatever a file holds, there are findings and no panic.
func TestHostileFiles(t *testing.T) {
	for _, content := range []string{
		"a: &a [*a]", "{{ .Values }}", "apiVersion: travishook.dev/v1alpha1", "- 1\n- 2", "\x00", "kind: 7\napiVersion: travishook.dev/v1alpha1",
		"apiVersion: travishook.dev/v1alpha1\nkind: TravisRoute\nmetadata: 7\nspec: []",
		"apiVersion: travishook.dev/v1alpha1\nkind: TravisRoute\nspec: {repository: null, channels: 3}",
		"apiVersion: v1\nkind: Secret\nmetadata: {labels: {travishook.dev/secret-type: 5}}\ndata: 7",
		"apiVersion: v1\nkind: List\nitems: 7", "apiVersion: v1\nkind: List\nitems: [7, {kind: List, items: [{}]}]",
	} {
		if _, err := lint.Check([]lint.File{{Name: "x", Content: []byte(content)}}, newCompiler(), "default"); err != nil {
			t.Errorf("%q: %v", content, err)
		}
	}
}
