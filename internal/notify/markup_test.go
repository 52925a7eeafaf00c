package notify_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/travishook/travishook/internal/notify"
)

var markdown = notify.Markup{
	Escape: notify.EscapeMarkdown,
	Link:   func(words, target string) string { return "[" + words + "](" + target + ")" },
}

func TestMarkupLine(t *testing.T) {
	spans := []notify.Span{{Text: "build *1*", URL: "https://ci.example/1"}, {Text: ": broken"}}
	for limit, want := range map[int]string{
		100: `[build \*1\*](https://ci.example/1): broken`,
		43:  `[build \*1\*](https://ci.example/1): broken`,
		42:  `[build \*1\*](https://ci.example/1): brok…`,
		39:  `[build \*1\*](https://ci.example/1): b…`,
		34:  `[build \*…](https://ci.example/1)`,
		10:  ``,
	} {
		if got := markdown.Line(spans, "", limit); got != want {
			t.Errorf("%d: %q, want %q", limit, got, want)
		}
	}
	if got := markdown.Line([]notify.Span{{Text: " "}}, "a\nb", 100); got != "a\nb" {
		t.Errorf("without spans: %q", got)
	}
}

func TestLink(t *testing.T) {
	for address, want := range map[string]string{
		"https://ci.example/a b(c)*": "https://ci.example/a%20b%28c%29%2A", "HTTP://ci.example": "http://ci.example",
		"javascript:alert(1)": "", "//ci.example": "", "https://": "", "https://travis-ci.com@evil.example/": "", "": "",
		"https://ci.example/" + strings.Repeat("a", 600): "",
	} {
		if got, ok := notify.Link(address); ok != (want != "") || ok && got != want {
			t.Errorf("Link(%q) = %q, %v; want %q", address, got, ok, want)
		}
	}
}

func FuzzMarkup(f *testing.F) {
	f.Add("a *b* <c> https://x 👩‍👧", "https://ci.example/", 12)
	f.Fuzz(func(t *testing.T, text, address string, limit int) {
		limit %= 3000
		m := markdown
		m.Size = notify.UTF16
		for _, got := range []string{
			m.Line([]notify.Span{{Text: text, URL: address}}, text, limit),
			m.Value(notify.Span{Text: text, URL: address}, 100, limit),
		} {
			if notify.UTF16(got) > max(limit, 0) || !utf8.ValidString(got) {
				t.Errorf("%q exceeds %d", got, limit)
			}
		}
	})
}
