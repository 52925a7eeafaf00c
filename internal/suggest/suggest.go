// Package suggest suggests known names for an unknown one.
package suggest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

const (
	// longest limits the compared names, in bytes, because strangers may write them.
	longest = 64
	// enough is how long an abbreviation must be to suggest the whole name, or the reverse.
	enough = 3
	// few is how many names are listed at most beside a suggestion, most how many without one.
	few  = 16
	most = 40
)

// Nearest returns the known name that is nearest to name, or an empty string if none is near. A known name
// that name abbreviates or spells out is near, too.
func Nearest(name string, known []string) string {
	if len(name) > longest {
		return ""
	}
	best, distance := "", len(name)/2+1
	for _, k := range known {
		if strings.EqualFold(name, k) || len(name) >= enough && strings.HasPrefix(k, name) {
			return k
		}
		if len(k) > longest {
			continue
		}
		if d := levenshtein.ComputeDistance(strings.ToLower(name), strings.ToLower(k)); d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		best = abbreviation(name, known)
	}
	return best
}

// abbreviation returns the longest known name that name begins with, such as repo for repository.
func abbreviation(name string, known []string) string {
	best := ""
	for _, k := range known {
		if len(k) >= enough && len(k) > len(best) && strings.HasPrefix(name, k) {
			best = k
		}
	}
	return best
}

// Phrase returns the end of a sentence about an unknown name: it suggests the nearest known one, lists all
// of them, or does both if they are few. It is empty if no name is known. form is the format of a name,
// such as %q or %%{%s}.
func Phrase(name string, known []string, form string) string {
	if len(known) == 0 {
		return ""
	}
	near := Nearest(name, known)
	question := fmt.Sprintf("did you mean "+form+"?", near)
	if near != "" && len(known) > few {
		return question
	}
	if len(known) > few {
		form = "%s" // a long list is unformatted
	}
	written := make([]string, 0, len(known))
	for _, k := range known[:min(len(known), most)] {
		written = append(written, fmt.Sprintf(form, k))
	}
	if rest := len(known) - most; rest > 0 {
		written = append(written, fmt.Sprintf("and %d more", rest))
	}
	all := strings.Join(written, ", ")
	if near != "" {
		return question + " There are: " + all
	}
	return "there are: " + all
}

// Sorted is Phrase for names without a meaningful order.
func Sorted(name string, known []string, form string) string {
	known = slices.Clone(known)
	slices.Sort(known)
	return Phrase(name, known, form)
}
