package notifytest

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// explanation matches a row of a table of errors, with the text that the error contains.
var explanation = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")

// ExplainsErrors checks that the table of errors on a service's page explains each of the errors, and no other.
func ExplainsErrors(t *testing.T, page string, errs []error) {
	t.Helper()
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(content), "| the error contains |")
	occurs := map[string]bool{}
	for _, row := range explanation.FindAllStringSubmatch(table, -1) {
		occurs[row[1]] = false
	}
	for _, err := range errs {
		explained := false
		for text := range occurs {
			if strings.Contains(err.Error(), text) {
				occurs[text], explained = true, true
			}
		}
		if !explained {
			t.Errorf("%s does not explain %q", page, err)
		}
	}
	for text, does := range occurs {
		if !does {
			t.Errorf("%s explains %q, which no error contains", page, text)
		}
	}
}
