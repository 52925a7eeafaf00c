package notify

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line makes one line of s that hides nothing: line breaks and tabs become spaces, other
// control characters and bytes that are not UTF-8 become U+FFFD, and characters that turn the
// direction of what follows, or show nothing, are left out.
func Line(s string) string {
	return strings.Map(func(r rune) rune {
		if breaksLine(r) {
			return ' '
		}
		return visible(r)
	}, s)
}

// Lines is Line for a text that may have several: \n stays.
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

func breaksLine(r rune) bool {
	switch r {
	case '\n', '\r', '\t', '\v', '\f', '\u0085', '\u2028', '\u2029':
		return true
	}
	return false
}

// visible maps what cannot be seen: the joiners that scripts and emoji need are kept.
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

// Truncate cuts s to at most limit bytes, between characters, and marks the cut with an
// ellipsis. A limit too small for the ellipsis gives the empty string.
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

// TruncateRunes is Truncate for services that count characters.
func TruncateRunes(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	if limit < 1 {
		return ""
	}
	runes := []rune(s)
	return string(runes[:limit-1]) + "…"
}
