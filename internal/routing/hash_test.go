package routing

import "testing"

// TestHashKeepsItsPartsApart: the version of a credential changes when a value moves from one key to another.
func TestHashKeepsItsPartsApart(t *testing.T) {
	key := []byte("key")
	seen := map[string][]string{}
	for _, parts := range [][]string{{"ab", "c"}, {"a", "bc"}, {"abc"}, {"abc", ""}, {"", "abc"}, {"1:a"}, {"a", "1:"}} {
		h := hash(key, parts...)
		if other, ok := seen[h]; ok {
			t.Errorf("%q and %q have one hash", parts, other)
		}
		seen[h] = parts
	}
	if hash(key, "a") == hash([]byte("other"), "a") {
		t.Error("the hash does not depend on its key")
	}
}
