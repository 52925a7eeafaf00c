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

// Overlap reports whether some string matches both patterns. It takes time proportional to the product
// of both lengths.
func Overlap(a, b string) bool {
	if !strings.ContainsAny(a, "*?") {
		return Match(b, a)
	}
	if !strings.ContainsAny(b, "*?") {
		return Match(a, b)
	}
	p, q := tokens(a), tokens(b)
	// row[j] is whether p[i:] and q[j:] overlap, from the ends on; below is the row of i+1.
	row, below := make([]bool, len(q)+1), make([]bool, len(q)+1)
	for i := len(p); i >= 0; i-- {
		row, below = below, row
		for j := len(q); j >= 0; j-- {
			row[j] = overlapAt(p, q, i, j, row, below)
		}
	}
	return row[0]
}

// overlapAt reports whether p[i:] and q[j:] overlap.
func overlapAt(p, q []token, i, j int, row, below []bool) bool {
	atEndP, atEndQ := i == len(p), j == len(q)
	manyP, manyQ := !atEndP && p[i].many, !atEndQ && q[j].many
	switch {
	case atEndP && atEndQ:
		return true
	case manyP && below[j], manyQ && row[j+1]: // a run of no characters
		return true
	case atEndP || atEndQ || !p[i].meets(q[j]):
		return false
	}
	return below[j+1] || manyP && row[j+1] || manyQ && below[j] // one character that matches both
}

// token is a part of a pattern.
type token struct {
	many, any, slash bool // a run of characters; any character; any but with /
	char             rune
}

func tokens(pattern string) []token {
	var all []token
	for i := 0; i < len(pattern); {
		c, width := utf8.DecodeRuneInString(pattern[i:])
		t := token{char: c}
		switch {
		case strings.HasPrefix(pattern[i:], "**"):
			t, width = token{many: true, any: true, slash: true}, len("**")
		case c == '*':
			t = token{many: true, any: true}
		case c == '?':
			t = token{any: true}
		}
		all = append(all, t)
		i += width
	}
	return all
}

// meets reports whether one character matches both.
func (t token) meets(other token) bool {
	switch {
	case t.any && other.any:
		return true
	case t.any:
		return t.slash || other.char != '/'
	case other.any:
		return other.slash || t.char != '/'
	}
	return t.char == other.char
}
