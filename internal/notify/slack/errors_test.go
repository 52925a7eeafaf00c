package slack

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

const reference = "../../../docs/services/slack.md"

func TestEveryErrorIsDocumented(t *testing.T) {
	page, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range slices.Sorted(maps.Keys(meanings)) {
		if !strings.Contains(string(page), "`"+word+"`") {
			t.Errorf("%s does not explain %s: %s", reference, word, meanings[word].advice)
		}
	}
	for word, why := range gone {
		if !strings.Contains(string(page), "`"+word+"`") {
			t.Errorf("%s does not explain %s: %s", reference, word, why)
		}
	}
}
