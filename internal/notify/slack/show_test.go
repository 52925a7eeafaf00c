package slack

import (
	"strings"
	"testing"
)

func FuzzLink(f *testing.F) {
	for _, seed := range []string{
		"https://example.com/a|b>c", "javascript:alert(1)", "https://", "//example.com", "https://example.com/<!channel>",
		"https://a b.example", "https://example.com/\n", "https://[::1]/?q=\"", "HTTPS://EXAMPLE.COM", `http://"`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		target, ok := link(text)
		if !ok {
			return
		}
		if strings.ContainsAny(target, "<>|\" \n\r\t") || !strings.HasPrefix(target, "http") || len(target) > maxURL {
			t.Errorf("link(%q) = %q", text, target)
		}
		if again, ok := link(target); !ok || again != target {
			t.Errorf("link(%q) = %q, and of that %q", text, target, again)
		}
	})
}
