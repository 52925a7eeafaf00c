// Package text makes text from outside safe to show on one line and within a length.
package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line returns s as one line in which every character is visible: line breaks and tabs become spaces,
// other control characters and bytes that are not UTF-8 become U+FFFD, and characters that are
// invisible or change the direction of writing are removed.
func Line(s string) string {
	return strings.Map(func(r rune) rune {
		if breaksLine(r) {
			return ' '
		}
		return visible(r)
	}, s)
}

// Lines is Line for text that may have several lines: \n is kept.
func Lines(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		if breaksLine(r) {
			return ' '
		}
		return visible(r)
	}, s)
}

// OneLine returns s as one line of at most limit characters, with each run of white space collapsed to
// one space: for a status, a log or a table.
func OneLine(s string, limit int) string {
	return TruncateRunes(strings.Join(strings.Fields(Line(s)), " "), limit)
}

func breaksLine(r rune) bool {
	switch r {
	case '\n', '\r', '\t', '\v', '\f', '\u0085', '\u2028', '\u2029':
		return true
	}
	return false
}

// visible maps invisible characters; it keeps the joiners that scripts and emoji need.
func visible(r rune) rune {
	const zwnj, zwj = '\u200c', '\u200d'
	switch {
	case unicode.IsControl(r):
		return utf8.RuneError
	case r == zwnj || r == zwj:
		return r
	case unicode.Is(unicode.Cf, r):
		return -1
	}
	return r
}

// Truncate truncates s to at most limit bytes, at a character boundary, including the ellipsis that marks
// the truncation. It returns the empty string if the limit is too small for the ellipsis.
func Truncate(s string, limit int) string {
	const ellipsis = "…"
	if len(s) <= limit {
		return s
	}
	if limit < len(ellipsis) {
		return ""
	}
	cut := limit - len(ellipsis)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + ellipsis
}

// TruncateRunes is Truncate with a limit in characters.
func TruncateRunes(s string, limit int) string {
	cut, count := 0, 0 // cut: where the last character that fits beside an ellipsis ends
	for i := range s {
		if count++; count == limit {
			cut = i
		}
		if count > limit {
			if limit < 1 {
				return ""
			}
			return s[:cut] + "…"
		}
	}
	return s
}

// Count returns n with a noun, in the plural unless n is 1.
func Count[N int | uint64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
