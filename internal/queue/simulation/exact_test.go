//go:build exact

package simulation

import (
	"runtime"
	"runtime/debug"
	"testing"
)

// TestSeedRepeats runs some seeds twice, and others in between: each does the same both times, whatever the
// process has done before.
func TestSeedRepeats(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	warmUp(t)
	const tried = 50
	first := map[uint64]uint64{}
	for seed := range uint64(tried) {
		first[seed] = runSeed(t, seed, nil).Trace
	}
	alike := 0
	for seed := range uint64(tried) {
		if runSeed(t, seed, nil).Trace == first[seed] {
			alike++
		}
	}
	if alike < tried {
		t.Errorf("%d of %d seeds did the same twice", alike, tried)
	}
}
