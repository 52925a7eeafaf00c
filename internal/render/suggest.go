package render

import "github.com/travishook/travishook/internal/suggest"

// noSuch ends a sentence about an unknown name: the nearest known one, and all of them. form is how
// a name is written.
func noSuch(name string, known []string, form string) string {
	return "; " + suggest.Phrase(name, known, form)
}
