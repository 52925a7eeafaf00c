package routing

import (
	"slices"
	"unicode/utf8"

	"github.com/travishook/travishook/api/v1alpha1"
)

// glob reports whether s is of the pattern: * is any run of characters but /, ** any run, ? one
// character but /. It takes time proportional to the product of both lengths at worst.
func glob(pattern, s string) bool {
	// Where to go on if what follows the last * (or **) does not fit: let it take one more.
	type retry struct{ p, s int }
	star, deep := retry{-1, 0}, retry{-1, 0}
	p, i := 0, 0
	for i < len(s) || p < len(pattern) {
		if p < len(pattern) {
			switch c := pattern[p]; {
			case c == '*' && p+1 < len(pattern) && pattern[p+1] == '*':
				p += 2
				deep, star = retry{p, i}, retry{-1, 0}
				continue
			case c == '*':
				p++
				star = retry{p, i}
				continue
			case i < len(s) && c == '?' && s[i] != '/':
				_, width := utf8.DecodeRuneInString(s[i:])
				p++
				i += width
				continue
			case i < len(s) && c == s[i]:
				p++
				i++
				continue
			}
		}
		switch {
		case star.p >= 0 && star.s < len(s) && s[star.s] != '/':
			star.s++
			p, i = star.p, star.s
		case deep.p >= 0 && deep.s < len(s):
			deep.s++
			star = retry{-1, 0}
			p, i = deep.p, deep.s
		default:
			return false
		}
	}
	return true
}

// globs reports whether s is of one of the patterns.
func globs(patterns []v1alpha1.Glob, s string) bool {
	return slices.ContainsFunc(patterns, func(p v1alpha1.Glob) bool { return glob(string(p), s) })
}
