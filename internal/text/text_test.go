package text_test

import (
	"testing"
	"unicode/utf8"

	"github.com/travishook/travishook/internal/text"
)

// Emoji with joiners, and letters with a non-joiner.
const family, persian = "👩\u200d👩\u200d👧", "می\u200cخواهم"

func TestLineAndLines(t *testing.T) {
	for _, test := range []struct{ in, line, lines string }{
		{"plain", "plain", "plain"},
		{"a\nb\r\nc\rd", "a b  c d", "a\nb\nc d"},
		{"a\tb\vc\fd\u0085e\u2028f\u2029g", "a b c d e f g", "a b c d e f g"},
		{"a\x00b\x1b[31mc\x7fd\u009fe", "a\ufffdb\ufffd[31mc\ufffdd\ufffde", "a\ufffdb\ufffd[31mc\ufffdd\ufffde"},
		{"\u202egnp\u202c \u2066x\u2069\u200e\u200f", "gnp x", "gnp x"},
		{"a\u200bb\ufeffc\u00add", "abcd", "abcd"},
		{"\xff\xc3(", "\ufffd\ufffd(", "\ufffd\ufffd("},
		{family + persian, family + persian, family + persian},
	} {
		if got := text.Line(test.in); got != test.line {
			t.Errorf("Line(%q) = %q, want %q", test.in, got, test.line)
		}
		if got := text.Lines(test.in); got != test.lines {
			t.Errorf("Lines(%q) = %q, want %q", test.in, got, test.lines)
		}
	}
}

func TestTruncate(t *testing.T) {
	for _, test := range []struct {
		in    string
		limit int
		want  string
	}{
		{"abc", 3, "abc"}, {"abcdef", 5, "ab…"}, {"ääää", 7, "ää…"}, {"ääää", 6, "ä…"}, {"äää", 4, "…"},
		{"abcdef", 3, "…"}, {"abcdef", 2, ""}, {"", 0, ""}, {"\xff\xff\xff\xff\xff", 4, "\xff…"},
	} {
		if got := text.Truncate(test.in, test.limit); got != test.want {
			t.Errorf("Truncate(%q, %d) = %q, want %q", test.in, test.limit, got, test.want)
		}
	}
	for _, test := range []struct {
		in    string
		limit int
		want  string
	}{{"äää", 3, "äää"}, {"ääää", 3, "ää…"}, {"ab", 1, "…"}, {"ab", 0, ""}} {
		if got := text.TruncateRunes(test.in, test.limit); got != test.want {
			t.Errorf("TruncateRunes(%q, %d) = %q, want %q", test.in, test.limit, got, test.want)
		}
	}
}

func TestOneLine(t *testing.T) {
	for in, want := range map[string]string{
		" a\n\n\tb\x00c \u202ed ": "a b\ufffdc d",
		"äääääääääääää":           "äääääääää…",
		"":                        "",
	} {
		if got := text.OneLine(in, 10); got != want {
			t.Errorf("OneLine(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("a\r\n\x00\u202e\xff👩‍👧", 5)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		if got := text.Line(s); text.Line(got) != got || !utf8.ValidString(got) {
			t.Errorf("Line(%q) = %q", s, got)
		}
		if got := text.Truncate(s, limit); len(got) > max(limit, 0) {
			t.Errorf("Truncate(%q, %d) has %d bytes", s, limit, len(got))
		}
		if got := text.TruncateRunes(s, limit); utf8.RuneCountInString(got) > max(limit, 0) {
			t.Errorf("TruncateRunes(%q, %d) = %q", s, limit, got)
		}
	})
}
