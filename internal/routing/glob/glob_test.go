package glob

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestMatch(t *testing.T) {
	tests := []struct {
		pattern, s string
		want       bool
	}{
		{"main", "main", true},
		{"main", "mai", false},
		{"main", "maine", false},
		{"*", "main", true},
		{"*", "", true},
		{"*", "release/1", false},
		{"release/*", "release/1.0", true},
		{"release/*", "release/1/0", false},
		{"release/**", "release/1/0", true},
		{"**", "a/b/c", true},
		{"**/c", "a/b/c", true},
		{"**/c", "c", false},
		{"a**c", "a/b/c", true},
		{"*-*-x", "a-b-c-x", true},
		{"*/**/x", "a/b/c/x", true},
		{"*a*b", "aab/b", false},
		{"?", "é", true},
		{"??", "é", false},
		{"?", "/", false},
		{"a?c", "abc", true},
		{"#*", "#builds", true},
		{"[a]", "a", false},
		{"*@rooms.example.com", "a@rooms.example.com", true},
		{"***", "a/b", true},
		{"", "", true},
		{"", "a", false},
	}
	for _, test := range tests {
		if got := Match(test.pattern, test.s); got != test.want {
			t.Errorf("Match(%q, %q) = %v, want %v", test.pattern, test.s, got, test.want)
		}
	}
}

// FuzzMatch compares with a plain recursive definition.
func FuzzMatch(f *testing.F) {
	for _, seed := range [][2]string{{"a*b**c?", "axb/c/cd"}, {"**a**", "bab"}, {"*/*", "a/b"}, {"?*?", "é/"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if len(pattern) > 12 || len(s) > 20 || !utf8.ValidString(pattern) || !utf8.ValidString(s) {
			return // the definition takes exponential time, and knows only characters
		}
		if got, want := Match(pattern, s), defines([]rune(pattern), []rune(s)); got != want {
			t.Errorf("Match(%q, %q) = %v, want %v", pattern, s, got, want)
		}
	})
}

func defines(pattern, s []rune) bool {
	switch {
	case len(pattern) == 0:
		return len(s) == 0
	case len(pattern) > 1 && pattern[0] == '*' && pattern[1] == '*':
		return defines(pattern[2:], s) || len(s) > 0 && defines(pattern, s[1:])
	case pattern[0] == '*':
		return defines(pattern[1:], s) || len(s) > 0 && s[0] != '/' && defines(pattern, s[1:])
	}
	return len(s) > 0 && (pattern[0] == s[0] || pattern[0] == '?' && s[0] != '/') && defines(pattern[1:], s[1:])
}

// BenchmarkWorst is about the worst that a tenant's pattern and a stranger's branch can do.
func BenchmarkWorst(b *testing.B) {
	pattern, s := "**"+strings.Repeat("a*", 126)+"b", strings.Repeat("a", 1024)
	for b.Loop() {
		Match(pattern, s)
	}
}

func TestOverlap(t *testing.T) {
	for pair, want := range map[[2]string]bool{
		{"example/*", "example/*"}:     true,
		{"example/*", "*/*"}:           true,
		{"example/a*", "example/*b"}:   true,
		{"example/a*", "example/b*"}:   false,
		{"example/*", "other/*"}:       false,
		{"example/?", "example/a*"}:    true,
		{"example/?", "example/ab*"}:   false,
		{"example/one", "example/*"}:   true,
		{"example/*", "example/one"}:   true,
		{"example/one", "example/two"}: false,
		{"**", "a/b*"}:                 true,
		{"*", "a/b*"}:                  false,
		{"a*a*a*a*a*b", "a*a*a*a*a*c"}: false,
		{"*x*", "*y*"}:                 true,
		{"example/**", "example/a/?"}:  true,
		{"", "*"}:                      true,
		{"a?", "?b"}:                   true,
		{"a?c", "?b"}:                  false,
	} {
		if got := Overlap(pair[0], pair[1]); got != want {
			t.Errorf("Overlap(%q, %q) = %t", pair[0], pair[1], got)
		}
		if got := Overlap(pair[1], pair[0]); got != want {
			t.Errorf("Overlap(%q, %q) = %t", pair[1], pair[0], got)
		}
	}
}
