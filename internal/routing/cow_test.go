package routing

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every version of a map must stay unchanged by later edits.
func TestCowMapKeepsItsVersions(t *testing.T) {
	type version struct {
		m    cowMap[int]
		want map[string]int
	}
	rng := rand.New(rand.NewPCG(1, 2))
	const keys = 8_000 // several in a leaf
	key := func(i int) string { return fmt.Sprintf("owner/%d", i) }
	now := version{want: map[string]int{}}
	var all []version
	for range 50 {
		e := new(edit)
		want := maps.Clone(now.want)
		for range rng.IntN(1000) {
			k, v := key(rng.IntN(keys)), rng.Int()
			if rng.IntN(3) == 0 {
				now.m = now.m.remove(e, k)
				delete(want, k)
			} else {
				now.m = now.m.set(e, k, v)
				want[k] = v
			}
		}
		now.want = want
		all = append(all, now)
	}
	for i, v := range all {
		got := map[string]int{}
		for k := range keys {
			if value, ok := v.m.get([]byte(key(k))); ok {
				got[key(k)] = value
			}
		}
		if diff := cmp.Diff(v.want, got); diff != "" {
			t.Fatalf("version %d of %d:\n%s", i, len(all), diff)
		}
	}
}
