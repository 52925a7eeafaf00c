// Package suggest words what to say about a name that does not exist.
package suggest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

const (
	// longest bounds the names that are compared, in bytes: they may be written by strangers.
	longest = 64
	// enough characters of its beginning name a name.
	enough = 3
	// few names are listed beside a suggestion, most where there is none.
	few  = 12
	most = 40
)

// Nearest returns the known name that is nearest to name, or an empty string if none is near.
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
	return best
}

// Phrase ends a sentence about an unknown name: it suggests the nearest known one, or lists all of
// them, or both where they are few. It is empty where none is known. form is how a name is written,
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
		form = "%s" // of many, the names alone
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

// Sorted is Phrase for names whose order means nothing.
func Sorted(name string, known []string, form string) string {
	known = slices.Clone(known)
	slices.Sort(known)
	return Phrase(name, known, form)
}
