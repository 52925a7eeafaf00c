package simulation

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const (
	// mutationsVariable is 1 to plant all mutations, or a part of the name of those to plant.
	mutationsVariable = "MUTATIONS"
	// mutationSeeds is how many seeds have to find each.
	mutationSeeds = 600
)

// TestMutations plants known bugs in a copy of a file, one at a time, and expects the simulation to find
// each of them.
func TestMutations(t *testing.T) {
	wanted := os.Getenv(mutationsVariable)
	switch wanted {
	case "1":
		wanted = ""
	case "":
		return // hours on a small machine; TestMutationsApply keeps them from going stale
	}
	root := repository(t)
	for _, m := range mutations {
		if !strings.Contains(m.name, wanted) {
			continue
		}
		t.Run(strings.ReplaceAll(m.name, " ", "-"), func(t *testing.T) {
			binary := compileWith(t, root, m)
			if seed, faults := firstFault(t, binary); faults == "" {
				t.Errorf("%d seeds did not find that %s", mutationSeeds, m.name)
			} else {
				t.Logf("%s: found by seed %d: %s", m.name, seed, faults)
			}
		})
	}
}

// TestMutationsApply finds mutations whose code is no more.
func TestMutationsApply(t *testing.T) {
	root := repository(t)
	for _, m := range mutations {
		mutated(t, root, m)
	}
}

func repository(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// mutated is the text of the file with the bug in it.
func mutated(t *testing.T, root string, m mutation) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, m.file))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), m.code); n != 1 {
		t.Errorf("%s: %s has %q %d times, want once", m.name, m.file, m.code, n)
	}
	return strings.Replace(string(text), m.code, m.instead, 1)
}

// compileWith compiles this test with the bug, and changes no file of the repository.
func compileWith(t *testing.T, root string, m mutation) string {
	t.Helper()
	dir := t.TempDir()
	file, overlay, binary := filepath.Join(dir, "mutated.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "simulation.test")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(root, m.file): file}})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{file: []byte(mutated(t, root, m)), overlay: replace} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	compile := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", binary, "./internal/queue/simulation")
	compile.Dir = root
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	return binary
}

// firstFault runs seeds until one finds something. A process that ends, or gets stuck, has found
// something, too.
func firstFault(t *testing.T, binary string) (seed uint64, faults string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	simulate(ctx, binary, "0/1", "1-"+strconv.Itoa(mutationSeeds), func(l line) {
		if faults == "" && len(l.Faults) > 0 {
			seed, faults = l.Seed, l.Faults[len(l.Faults)-1]
			cancel()
		}
	})
	first, _, _ := strings.Cut(faults, "\n")
	return seed, first
}
