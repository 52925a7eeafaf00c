// Package glob implements the patterns of the API.
package glob

import (
	"strings"
	"unicode/utf8"
)

// Match reports whether s matches the pattern: * matches any run of characters except /, ** any run, and
// ? one character except /. The time is at most proportional to the product of both lengths, because both
// may be written by strangers.
func Match(pattern, s string) bool {
	if !strings.ContainsAny(pattern, "*?") {
		return pattern == s
	}
	// The possible positions in the pattern after the characters read so far. Tracking all of them at
	// once avoids backtracking.
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

// step adds the positions that follow position at after reading c.
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

// enter adds position at, and those that a * there reaches without reading a character.
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
	many, any, slash bool // matches a run of characters; any character; also a /
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

// meets reports whether some character matches both.
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
