package notifytest

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Syntax is how a service reads text.
type Syntax struct {
	// Escape matches an escaped character at the beginning, with the character as its group; nil if the
	// service has no escapes.
	Escape *regexp.Regexp
	// Link matches a link at the beginning, with its words and its target as groups.
	Link *regexp.Regexp
	// Acts matches at the beginning what is not shown as it is written: marks, mentions, emoji, commands.
	Acts *regexp.Regexp
	// Begins is Acts for the beginning of a line.
	Begins *regexp.Regexp
}

// Read returns the text that people see. It is an error if a part of it acts, except for links.
func (s Syntax) Read(text string) (string, error) {
	var seen strings.Builder
	begins := true
	for left := text; left != ""; {
		if m := match(s.Escape, left); m != nil {
			seen.WriteString(m[1])
			left, begins = left[len(m[0]):], false
			continue
		}
		if m := match(s.Link, left); m != nil {
			words, err := Syntax{Escape: s.Escape, Acts: s.Acts, Begins: s.Begins}.Read(m[1])
			if err != nil {
				return "", err
			}
			seen.WriteString(words)
			left, begins = left[len(m[0]):], false
			continue
		}
		if m := match(s.Acts, left); m != nil {
			return "", fmt.Errorf("%q acts in %.200q", m[0], text)
		}
		if m := match(s.Begins, left); m != nil && begins {
			return "", fmt.Errorf("%q acts at the beginning of a line in %.200q", m[0], text)
		}
		r, size := utf8.DecodeRuneInString(left)
		begins = r == '\n' || begins && r == ' '
		seen.WriteString(left[:size])
		left = left[size:]
	}
	return seen.String(), nil
}

func match(pattern *regexp.Regexp, text string) []string {
	if pattern == nil {
		return nil
	}
	return pattern.FindStringSubmatch(text)
}

// CheckCharacters returns an error if a text has a character that is invisible, or changes the direction of
// writing, or has more lines than it may.
func CheckCharacters(text string, lines bool) error {
	if !utf8.ValidString(text) {
		return fmt.Errorf("not UTF-8: %.100q", text)
	}
	for _, r := range text {
		if unicode.IsControl(r) && (r != '\n' || !lines) || unicode.Is(unicode.Bidi_Control, r) {
			return fmt.Errorf("%U is in %.100q", r, text)
		}
	}
	return nil
}
