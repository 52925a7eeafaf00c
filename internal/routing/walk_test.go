package routing

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAllRepositoriesAreWalked(t *testing.T) {
	var m cowMap[*Repository]
	var want []string
	for i := range 1000 {
		slug := fmt.Sprintf("example/%04d", i)
		m = m.set(new(edit), slug, &Repository{Slug: slug})
		want = append(want, slug)
	}
	table := &Table{repositories: m}
	var got []string
	for r := range table.Repositories() {
		got = append(got, r.Slug)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for range table.Repositories() {
		break // must end the walk, or it panics
	}
	for r := range new(Table).Repositories() {
		t.Errorf("an empty table has %s", r.Slug)
	}
}
