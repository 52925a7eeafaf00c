// Package workflows_test checks what actionlint does not: that the workflows of GitHub Actions have no more
// permissions than they need, run only pinned code, and call scripts and targets that exist.
package workflows_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

const root = "../.."

type workflow struct {
	Name        string
	Permissions map[string]string
	Jobs        map[string]job
}

type job struct {
	Permissions    map[string]string
	TimeoutMinutes int `json:"timeout-minutes"`
	Strategy       struct{ Matrix struct{ Target []string } }
	Steps          []struct {
		Uses, Run string
		With      map[string]any
	}
}

// Writes are the permissions to write that a workflow needs.
var writes = map[string][]string{
	"release/publish": {"attestations", "contents", "id-token", "packages"},
}

var (
	pinned   = regexp.MustCompile(`^[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	uses     = regexp.MustCompile(`(?m)^\s*(?:- )?uses: (.*)$`)
	commands = regexp.MustCompile(`\b(?:make ([a-z-]+)|(hack/[a-z-]+\.sh))`)
)

func TestWorkflows(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(root, ".github", "workflows", "*.yml"))
	if err != nil || len(paths) < 4 {
		t.Fatalf("workflows: %v, %v", paths, err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var w workflow
		if err := yaml.Unmarshal(text, &w); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		t.Run(w.Name, func(t *testing.T) {
			for _, found := range uses.FindAllStringSubmatch(string(text), -1) {
				if !pinned.MatchString(found[1]) {
					t.Errorf("%q is not pinned to a commit with its version in a comment", found[1])
				}
			}
			if w.Permissions == nil || len(w.Permissions) > 0 {
				t.Errorf("permissions of the workflow are %v, want none: each job has its own", w.Permissions)
			}
			for name, j := range w.Jobs {
				checkJob(t, w.Name+"/"+name, j)
			}
		})
	}
}

func checkJob(t *testing.T, name string, j job) {
	if j.TimeoutMinutes == 0 {
		t.Errorf("%s may run for six hours: it has no timeout-minutes", name)
	}
	for permission, level := range j.Permissions {
		if level != "read" && !slices.Contains(writes[name], permission) {
			t.Errorf("%s may %s %s", name, level, permission)
		}
	}
	for _, s := range j.Steps {
		if strings.HasPrefix(s.Uses, "actions/checkout@") && s.With["persist-credentials"] != false {
			t.Errorf("%s leaves the token of the workflow in the checkout", name)
		}
		if strings.Contains(s.Run, "${{") {
			t.Errorf("%s: a script contains an expression, which is an injection if a stranger can set it: %s", name, s.Run)
		}
		for _, c := range commands.FindAllStringSubmatch(s.Run, -1) {
			checkCommand(t, name, c[1], c[2])
		}
	}
	for _, target := range j.Strategy.Matrix.Target {
		checkCommand(t, name, target, "")
	}
}

// checkCommand wants a target of the Makefile, or a script that can be executed.
func checkCommand(t *testing.T, job, target, script string) {
	t.Helper()
	if script != "" {
		if info, err := os.Stat(filepath.Join(root, script)); err != nil || info.Mode()&0o100 == 0 {
			t.Errorf("%s runs %s: %v", job, script, err)
		}
		return
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(makefile), "\n"+target+":") {
		t.Errorf("%s runs make %s, which the Makefile does not have", job, target)
	}
}
