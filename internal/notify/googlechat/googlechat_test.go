package googlechat

import (
	"strings"
	"testing"

	"github.com/travishook/travishook/internal/notify"
)

func TestLayout(t *testing.T) {
	m := notify.Message{
		Level: notify.Bad, Mention: "123456789012345678901",
		Spans: []notify.Span{{Text: "[a/b] build/123", URL: "https://travis.example/123"}, {Text: ": *broken* <users/all>"}},
		Fields: []notify.Field{
			{Name: "Commit", Value: notify.Span{Text: "62aae5f", URL: "https://git.example/a"}},
			{Name: "Tag"},
		},
	}
	const want = "<users/123456789012345678901> 🔴 <https://travis.example/123|[a/b] build/123>: ∗broken∗ ‹users/all›\n" +
		"Commit: <https://git.example/a|62aae5f>"
	if got := show(m); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	m = notify.Message{Text: strings.Repeat("*", 20_000)}
	if size := len([]rune(show(m))); size > maxText {
		t.Errorf("a long text has %d characters", size)
	}
}
