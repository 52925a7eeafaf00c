package render

import (
	"net/url"
	"strings"
	"unicode"
)

// What one event may bring into a message. A branch or a title beyond its bound is cut; a whole
// text beyond its own is a template gone wrong, and the default text goes out instead.
const (
	maxLine    = 256      // runes of a value that stands on one line
	maxMessage = 2000     // runes of a commit message
	maxURL     = 2048     // bytes; a longer address is not linked
	maxText    = 16 << 10 // bytes of a rendered text, and of any string that a template makes
)

// line makes s fit on one line: line breaks, control characters and marks that reverse the
// direction of what follows become a space, and the end is cut off at maxLine.
func line(s string) string { return clean(s, maxLine, unprintable) }

// lines is line for what may have several lines.
func lines(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return clean(s, maxMessage, func(r rune) bool { return r != '\n' && unprintable(r) })
}

// clean replaces each run of runes that bad says by one space, and cuts at limit runes.
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

// plainASCII is true of almost everything that arrives, and then there is nothing to clean.
func plainASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// unprintable runes break the line or lie about the order of the text. Joiners stay: names
// and emoji need them.
func unprintable(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
}

// webURL returns s if it is an address that can be linked anywhere without more ado, else "".
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
