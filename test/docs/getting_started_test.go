package docs

import (
	"regexp"
	"strconv"
	"testing"
)

// gettingStarted is the page that leads to a first message; it has a section for each way to authorize a namespace.
const gettingStarted = "docs/getting-started.md"

var installSections = []string{"## 3a. Signature only, with Slack", "## 3b. Token, with XMPP"}

// TestLinesAreCounted checks the number of lines that each section says a reader has to write.
func TestLinesAreCounted(t *testing.T) {
	for _, heading := range installSections {
		text := section(t, page(t, gettingStarted), heading)
		said := regexp.MustCompile(`\b(\d+) lines\b`).FindStringSubmatch(text)
		if said == nil {
			t.Errorf("%s does not say how many lines it takes", heading)
			continue
		}
		lines := 0
		for _, b := range (Page{Path: gettingStarted, Text: text}).Blocks() {
			if b.Lang == "yaml" && b.Name() != ".travis.yml" {
				lines += b.Lines()
			}
		}
		if want := strconv.Itoa(lines); said[1] != want {
			t.Errorf("%s says %s lines; there are %s", heading, said[1], want)
		}
	}
}
