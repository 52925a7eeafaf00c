package verify

import (
	"fmt"
	"path"
	"strings"
)

// Patterns select repositories by owner/name, ignoring case. In each half, "*" matches any number of
// characters and "?" matches one; neither matches the slash: "example/*", "*/website".
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

// Match reports whether any pattern matches.
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
