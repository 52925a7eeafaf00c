// Package glob is the one language of patterns in the API.
package glob

import (
	"strings"
	"unicode/utf8"
)

// Match reports whether s is of the pattern: * is any run of characters but /, ** any run, ? one
// character but /. It takes time proportional to the product of both lengths at worst, as both
// may be written by strangers.
func Match(pattern, s string) bool {
	if !strings.ContainsAny(pattern, "*?") {
		return pattern == s
	}
	// Where in the pattern one may be after what was read of s: all of these at once, so that
	// nothing is ever tried again.
	var a, b [256]bool
	now, next := a[:], b[:]
	if len(pattern) >= len(now) {
		now, next = make([]bool, len(pattern)+1), make([]bool, len(pattern)+1)
	}
	enter(now, pattern, 0)
	for _, c := range s {
		clear(next)
		for at := range pattern {
			if now[at] {
				step(next, pattern, at, c)
			}
		}
		now, next = next, now
	}
	return now[len(pattern)]
}

// step enters the places that reading c leads to from at.
func step(places []bool, pattern string, at int, c rune) {
	switch p, width := utf8.DecodeRuneInString(pattern[at:]); {
	case strings.HasPrefix(pattern[at:], "**"):
		enter(places, pattern, at)
	case p == '*':
		if c != '/' {
			enter(places, pattern, at)
		}
	case p == c, p == '?' && c != '/':
		enter(places, pattern, at+width)
	}
}

// enter notes at, and what a * there leads to without reading anything.
func enter(places []bool, pattern string, at int) {
	for places[at] = true; at < len(pattern) && pattern[at] == '*'; places[at] = true {
		at += len("*")
		if at < len(pattern) && pattern[at] == '*' {
			at += len("*")
		}
	}
}
