//go:build !exact

package simulation

// Exact reports whether one seed does exactly the same each time.
const Exact = false

func reseed(uint64) {}

func unseed() {}
