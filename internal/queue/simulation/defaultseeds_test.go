//go:build !exact

package simulation

// defaultSeeds are few with the ordinary runtime, in which a seed does not do the same each time: hack/test.sh
// runs many with the other one.
const defaultSeeds = 100
