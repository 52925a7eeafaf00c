package webhook

import (
	"strings"
	"testing"
)

func TestPersonIDs(t *testing.T) {
	for _, good := range []string{"ada", "Ada Lovelace", "ada@example.com", "Größe", strings.Repeat("ä", maxPerson)} {
		if got, err := person(good); got != good || err != nil {
			t.Errorf("%q is %q, %v", good, got, err)
		}
	}
	for _, bad := range []string{
		"", " ada", "ada ", "a\nb", "a\x00b", "@ada", "ada@", "a@b@c", "<ada>", "<ada@example.com>", "ada@<example.com>", strings.Repeat("a", maxPerson+1),
	} {
		if got, err := person(bad); err == nil {
			t.Errorf("%q is accepted as %q", bad, got)
		}
	}
}
