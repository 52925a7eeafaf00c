package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestThePageOnRecoveryNamesItsTests: each test that the page names exists.
func TestThePageOnRecoveryNamesItsTests(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations/recovery.md")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	err = filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		source.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`Test[A-Z]\w+`).FindAllString(string(page), -1)
	if len(named) < 10 {
		t.Errorf("the page names %d tests", len(named))
	}
	for _, name := range named {
		if !strings.Contains(source.String(), "func "+name+"(") {
			t.Errorf("the page names %s, and there is no such test", name)
		}
	}
}
