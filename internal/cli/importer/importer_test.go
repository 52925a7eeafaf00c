package importer_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/travishook/travishook/internal/cli/importer"
)

var update = flag.Bool("update", false, "update the golden files")

var options = importer.Options{Namespace: "team-a", ManagedBy: "kubectl-travis", Repository: "example/example", Services: []string{"slack", "irc", "email", "webhook", "teams"}}

// TestImport reads each NAME.in of testdata; what becomes of it is in NAME.out.yaml.
func TestImport(t *testing.T) {
	files, err := filepath.Glob("testdata/*.in")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no files to import", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			read := importer.TravisHook
			if strings.HasSuffix(file, ".yml.in") {
				read = importer.TravisYAML
			}
			result, err := read(content, options)
			if err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(file, ".in") + ".out.yaml"
			got := show(t, result)
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func show(t *testing.T, r *importer.Result) string {
	t.Helper()
	var b strings.Builder
	for _, note := range r.Notes {
		b.WriteString("# " + note + "\n")
	}
	for _, o := range r.Objects {
		text, err := yaml.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString("---\n" + string(text))
	}
	return b.String()
}

func TestWhatIsNoConfigurationIsRefused(t *testing.T) {
	for _, content := range []string{"", "7", "[]", "{}", `{"repositories": 7}`, "{{", "\x00"} {
		if _, err := importer.TravisHook([]byte(content), options); err == nil {
			t.Errorf("TravisHook took %q", content)
		}
		if _, err := importer.TravisYAML([]byte(content), options); err == nil {
			t.Errorf("TravisYAML took %q", content)
		}
	}
}

func TestSwitchedOffNotificationsAreNamed(t *testing.T) {
	_, err := importer.TravisYAML([]byte("notifications: false"), options)
	if err == nil || !strings.Contains(err.Error(), "switches notifications off") {
		t.Errorf("got %v", err)
	}
}

// TestPython: the configuration may come as Python prints it, and between a chat's marks.
func TestPython(t *testing.T) {
	result, err := importer.TravisHook([]byte("```\n{'repositories': {'a/b': {'token': None, 'routes': {'r@example.com': {'events': ['*']}}}}}\n```"), options)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Objects) != 1 || len(result.Tokens) != 0 {
		t.Errorf("got %d objects and %d tokens, want one route", len(result.Objects), len(result.Tokens))
	}
}
