package docs

import (
	"testing"

	"github.com/travishook/travishook/internal/routing/glob"
)

// TestPatternsMatchWhatThePageSays tries each row of the table of patterns.
func TestPatternsMatchWhatThePageSays(t *testing.T) {
	rows := Rows(section(t, page(t, "docs/filters.md"), "## Branches"))[1:]
	if len(rows) == 0 {
		t.Fatal("there is no table of patterns")
	}
	for _, row := range rows {
		pattern := Codes(row[0])[0]
		for _, branch := range Codes(row[1]) {
			if !glob.Match(pattern, branch) {
				t.Errorf("%s does not match %s", pattern, branch)
			}
		}
		for _, branch := range Codes(row[2]) {
			if glob.Match(pattern, branch) {
				t.Errorf("%s matches %s", pattern, branch)
			}
		}
	}
}
