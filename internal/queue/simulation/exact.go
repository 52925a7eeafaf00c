//go:build exact

package simulation

import (
	"runtime"
	_ "unsafe" // for go:linkname
)

// Exact reports whether one seed does exactly the same each time: this is built with the runtime that
// hack/simulate makes.
const Exact = true

// These are what the runtime's random numbers follow from: the program's, and its own. The first is
// zero where no simulation runs.
var (
	//go:linkname programState runtime.simulationState
	programState uint64
	//go:linkname runtimeState runtime.simulationChoices
	runtimeState uint64
)

func reseed(seed uint64) {
	runtimeState = mix(seed)
	programState = mix(runtimeState) | 1
}

func unseed() { programState = 0 }

func init() { runtime.MemProfileRate = 0 } //nolint:gochecknoinits // what is sampled is random
