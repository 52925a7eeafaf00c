package render

import "github.com/travishook/travishook/internal/suggest"

// noSuch returns the end of a sentence about an unknown name: the nearest known one, and all of them. form
// is the format of a name.
func noSuch(name string, known []string, form string) string {
	return "; " + suggest.Phrase(name, known, form)
}
