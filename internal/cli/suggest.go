package cli

import (
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// maxListed bounds the known names that an error lists.
const maxListed = 12

// suggestion ends an error about an unknown name: the nearest known one, then all if they are few.
func suggestion(name string, known []string) string {
	known = slices.Compact(slices.Sorted(slices.Values(known)))
	if len(known) == 0 {
		return "; there are none"
	}
	all := ""
	if len(known) <= maxListed {
		all = "here are: " + strings.Join(known, ", ")
	}
	near := nearest(name, known)
	switch {
	case near != "" && all != "":
		return "; did you mean " + near + "? T" + all
	case near != "":
		return "; did you mean " + near + "?"
	case all != "":
		return "; t" + all
	}
	return ""
}

// nearest returns the most similar known name, or "" if none is similar.
func nearest(name string, known []string) string {
	best, least := "", max(1, len(name)/3)+1
	for _, k := range known {
		if d := levenshtein.ComputeDistance(strings.ToLower(name), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	return best
}
