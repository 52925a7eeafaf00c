// Command simulate writes an overlay for the go command with a deterministic Go runtime: while the
// simulation runs, its seed decides the order of map elements, the choice among ready cases of a select, and
// math/rand, contexts cancel their children in the order in which they were made, and no goroutine is
// preempted because of its running time. So a seed always produces the same run.
//
// Usage: simulate GOROOT DIR writes DIR/overlay.json, for go test -overlay.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// change replaces a piece of the standard library's source.
type change struct{ file, old, replacement string }

const random = `
// simulationState is the state of a run of the simulation, zero where there is none.
//
//go:linkname simulationState
var simulationState uint64

//go:nosplit
func simulated() bool {
	if simulationState == 0 {
		return false
	}
	gp := getg().m.curg
	return gp != nil && gp.bubble != nil
}

// simulationChoices is for select, and for timers that end at the same instant. The runtime has many
// other uses for random numbers, in an order that follows from what was compiled and cached before.
//
//go:linkname simulationChoices
var simulationChoices uint64

//go:nosplit
func simulationRand(state *uint64) uint64 {
	*state += 0x9e3779b97f4a7c15
	h := *state
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

func simulationChoice() uint32 {
	if simulated() {
		return uint32(simulationRand(&simulationChoices) >> 32)
	}
	return cheaprand()
}
`

const timersInOrder = `	for i := range scases {
		if c := scases[i].c; c != nil && c.timer != nil {
			blockTimerChan(c)
		}
	}
`

const oldest = `
		var child canceler
		for other, made := range c.children {
			if child == nil || made < c.children[child] {
				child = other
			}
		}
		delete(c.children, child)
`

func changes() []change {
	return []change{
		{"runtime/rand.go", "var readRandomFailed bool\n", "var readRandomFailed bool\n" + random},
		{"runtime/rand.go", "	globalRand.state.Init(*seed)\n", "	for i := range seed {\n		seed[i] = byte(i + 1)\n	}\n	globalRand.state.Init(*seed)\n"},
		{"runtime/rand.go", "func rand() uint64 {\n", "func rand() uint64 {\n	if simulated() {\n		return simulationRand(&simulationState)\n	}\n"},
		{"runtime/select.go", "j := cheaprandn(uint32(norder + 1))", "j := simulationChoice() % uint32(norder+1)"},
		{"runtime/time.go", "t.rand = cheaprand()", "t.rand = simulationChoice()"},
		{"runtime/proc.go", "	if pp.schedtick%61 == 0 && ", "	if simulationState == 0 && pp.schedtick%61 == 0 && "},
		{"runtime/proc.go", "	gp.preempt = true\n\n	// Every call in a goroutine", "	if simulationState != 0 && gp.bubble != nil {\n		return false\n	}\n	gp.preempt = true\n\n	// Every call in a goroutine"},
		// A select added the timers of its channels in the order of their addresses.
		{"runtime/select.go", "			blockTimerChan(c)\n", ""},
		{"runtime/select.go", "	for _, casei := range lockorder {\n		casi = int(casei)\n", timersInOrder + "	for _, casei := range lockorder {\n		casi = int(casei)\n"},
		// Goroutines beside the simulation wake up at their own times: that must not change which goroutine runs next.
		{"runtime/proc.go", "func runqput(pp *p, gp *g, next bool) {\n", "func runqput(pp *p, gp *g, next bool) {\n	if simulationState != 0 && gp.bubble == nil {\n		next = false\n	}\n"},
		// A mutex is handed over to a goroutine that has waited for a millisecond of real time.
		{"internal/sync/mutex.go", "runtime_nanotime()-waitStartTime > starvationThresholdNs", "runtime_nanotime() < 0 && starvationThresholdNs > 0"},
		// A context has its children in a map, whose order follows from their addresses.
		{"context/context.go", "	children map[canceler]struct{}", "	made     uint64\n	children map[canceler]uint64"},
		{"context/context.go", "p.children = make(map[canceler]struct{})", "p.children = make(map[canceler]uint64)"},
		{"context/context.go", "			p.children[child] = struct{}{}\n", "			p.made++\n			p.children[child] = p.made\n"},
		{"context/context.go", "	for child := range c.children {\n", "	for len(c.children) > 0 {\n" + oldest},
	}
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: simulate GOROOT DIR")
		os.Exit(2)
	}
	if err := write(filepath.Join(os.Args[1], "src"), os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "simulate:", err)
		os.Exit(1)
	}
}

func write(sources, dir string) error {
	files := map[string]string{}
	for _, c := range changes() {
		text, ok := files[c.file]
		if !ok {
			data, err := os.ReadFile(filepath.Join(sources, c.file)) //nolint:gosec // the path is the script's
			if err != nil {
				return err
			}
			text = string(data)
		}
		if strings.Count(text, c.old) != 1 {
			return fmt.Errorf("the standard library of Go has changed: %s does not have %q once; adapt hack/simulate", c.file, c.old)
		}
		files[c.file] = strings.Replace(text, c.old, c.replacement, 1)
	}
	overlay := map[string]map[string]string{"Replace": {}}
	for name, text := range files {
		changed := filepath.Join(dir, filepath.Base(name))
		if err := os.WriteFile(changed, []byte(text), 0o600); err != nil { //nolint:gosec // the path is the script's
			return err
		}
		overlay["Replace"][filepath.Join(sources, name)] = changed
	}
	data, err := json.Marshal(overlay)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "overlay.json"), data, 0o600) //nolint:gosec // the path is the script's
}
