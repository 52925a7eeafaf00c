//go:build exact

package simulation

import (
	"runtime"
	"runtime/debug"
	"testing"
)

// TestSeedRepeats runs some seeds twice: each does the same both times.
func TestSeedRepeats(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	warmUp(t)
	const tried = 50
	alike := 0
	for seed := range uint64(tried) {
		if runSeed(t, seed, nil).Trace == runSeed(t, seed, nil).Trace {
			alike++
		}
	}
	if alike < tried {
		t.Errorf("%d of %d seeds did the same twice", alike, tried)
	}
}
