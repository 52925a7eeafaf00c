package travis_test

import (
	"strings"
	"testing"

	"github.com/travishook/travishook/internal/travis"
)

func TestIsSlug(t *testing.T) {
	tests := map[string]bool{
		"example/example": true, "A.b-c_d~9/x": true, "a/" + strings.Repeat("b", travis.MaxSlug-2): true,
		"": false, "a": false, "/": false, "a/": false, "/b": false, "a/b/c": false, "a/b c": false, "a/*": false,
		"\u212aelvin/a": false, "a/b\n": false, "a/" + strings.Repeat("b", travis.MaxSlug-1): false,
	}
	for slug, want := range tests {
		if got := travis.IsSlug(slug); got != want {
			t.Errorf("IsSlug(%.20q) is %t", slug, got)
		}
	}
}

func TestEveryEventWordExpands(t *testing.T) {
	for _, word := range travis.EventWords {
		if results, ok := travis.ExpandEvent(word); !ok || len(results) == 0 {
			t.Errorf("%s stands for nothing", word)
		}
	}
}
