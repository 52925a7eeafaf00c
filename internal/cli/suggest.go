package cli

import (
	"slices"

	"github.com/travishook/travishook/internal/suggest"
)

// suggestion ends an error about an unknown name: with the nearest known one, and with all if they are
// few.
func suggestion(name string, known []string) string {
	known = slices.Compact(slices.Sorted(slices.Values(known)))
	if len(known) == 0 {
		return "; there are none"
	}
	return "; " + suggest.Phrase(name, known, "%s")
}
