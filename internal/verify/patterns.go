package verify

import (
	"fmt"
	"path"
	"strings"
)

// Patterns choose repositories by owner/name, in any case of letters. In each half, "*" stands for
// any number of characters and "?" for one; neither crosses the slash: "example/*", "*/website".
type Patterns []string

// ParsePatterns checks patterns. The error names the wrong one and says what is wrong with it.
func ParsePatterns(patterns []string) (Patterns, error) {
	parsed := make(Patterns, 0, len(patterns))
	for _, p := range patterns {
		if strings.Count(p, "/") != 1 {
			return nil, fmt.Errorf("repository pattern %q: it must be owner/name, as in %q", p, "example/*")
		}
		if _, err := path.Match(p, ""); err != nil {
			return nil, fmt.Errorf("repository pattern %q: %w", p, err)
		}
		parsed = append(parsed, strings.ToLower(p))
	}
	return parsed, nil
}

// Match reports whether one of them fits. Without any, none does.
func (ps Patterns) Match(slug string) bool {
	if len(ps) == 0 {
		return false
	}
	slug = strings.ToLower(slug)
	for _, p := range ps {
		if ok, err := path.Match(p, slug); ok && err == nil {
			return true
		}
	}
	return false
}
