//go:build exact

package simulation

// defaultSeeds run in a minute, as a part of make test.
const defaultSeeds = 2000
