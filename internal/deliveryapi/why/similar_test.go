package why

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNamesThatAreAlmostTheSame(t *testing.T) {
	names := []string{
		"example/example", "example/examlpe", "example/examples", "example/xample", "exampl/exampl", "example/exapmel",
		"exumple/exumplo", "example/sample", "other/other", "", "example/example-long",
	}
	got := similar("example/example", names)
	want := []string{"example/examlpe", "example/examples", "example/xample"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "abd", 1},
		{"abcd", "badc", 2}, {"abc", "xyz", 3}, {"abcdef", "abc", 3},
	} {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("%q to %q is %d, want %d", test.a, test.b, got, test.want)
		}
		if got := distance(test.b, test.a); got != test.want {
			t.Errorf("%q to %q is %d, want %d", test.b, test.a, got, test.want)
		}
	}
}
