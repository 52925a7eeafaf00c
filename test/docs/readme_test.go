package docs

import (
	"regexp"
	"strconv"
	"testing"
)

// Paths are the README's ways into a cluster, by their headings.
var paths = []string{"### Signature alone, with Slack", "### Token, with XMPP"}

// TestLinesAreCounted holds the README to the number of lines that it says one has to write.
func TestLinesAreCounted(t *testing.T) {
	for _, heading := range paths {
		text := section(t, page(t, "README.md"), heading)
		said := regexp.MustCompile(`\b(\d+) lines\b`).FindStringSubmatch(text)
		if said == nil {
			t.Errorf("%s does not say how many lines it takes", heading)
			continue
		}
		lines := 0
		for _, b := range (Page{Path: "README.md", Text: text}).Blocks() {
			if b.Lang == "yaml" && b.Name() != ".travis.yml" {
				lines += b.Lines()
			}
		}
		if want := strconv.Itoa(lines); said[1] != want {
			t.Errorf("%s says %s lines; there are %s", heading, said[1], want)
		}
	}
}
