package render

import (
	"net/url"
	"strings"
	"unicode"
)

// The limits of a message. Values of an event beyond their limit are truncated. If a template's whole text
// is longer than maxText, the default text is sent instead.
const (
	maxLine    = 256      // runes of a value on one line
	maxMessage = 2000     // runes of a commit message
	maxURL     = 2048     // bytes; a longer address is not linked
	maxText    = 16 << 10 // bytes of a rendered text, and of each string that a template makes
)

// line makes s one line of at most maxLine runes: line breaks, control characters and direction marks
// become a space.
func line(s string) string { return clean(s, maxLine, unprintable) }

// lines is line for text that may have several lines.
func lines(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return clean(s, maxMessage, func(r rune) bool { return r != '\n' && unprintable(r) })
}

// clean replaces each run of bad runes with one space, and truncates at limit runes.
func clean(s string, limit int, bad func(rune) bool) string {
	if len(s) <= limit && plainASCII(s) {
		return strings.Trim(s, " ")
	}
	var b strings.Builder
	count, gap := 0, false
	for _, r := range s { // invalid UTF-8 comes out as U+FFFD
		if bad(r) {
			gap = true
			continue
		}
		if count >= limit-1 {
			b.WriteRune('…')
			break
		}
		if gap && b.Len() > 0 {
			b.WriteByte(' ')
			count++
		}
		gap = false
		b.WriteRune(r)
		count++
	}
	return strings.TrimSpace(b.String())
}

// plainASCII reports whether nothing needs to be cleaned, which is true for almost all text.
func plainASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// unprintable runes break the line or change the visible order of the text. Joiners are kept, because
// names and emoji need them.
func unprintable(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
}

// webURL returns s if it is a URL that every service can link, else "".
func webURL(s string) string {
	if len(s) > maxURL || !plainASCII(s) || strings.ContainsAny(s, " <>\"|\\^`{}") {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return ""
	}
	return s
}
