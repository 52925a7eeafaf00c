package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSecurityClaimsNameTheirTests checks that each claim on the security page names tests that exist: Go
// test functions, or containers of the suite test/hostile.
func TestSecurityClaimsNameTheirTests(t *testing.T) {
	known := testNames(t)
	claims := 0
	for _, part := range strings.Split(page(t, "docs/operations/security.md").Text, "<!-- claims -->")[1:] {
		table, _, _ := strings.Cut(part, "<!-- end claims -->")
		for _, row := range Rows(table)[1:] {
			claims++
			names := Codes(row[len(row)-1])
			if len(names) == 0 {
				t.Errorf("%q names no test", row[0])
			}
			for _, name := range names {
				if !known[name] {
					t.Errorf("%q names the test %s, which does not exist", row[0], name)
				}
			}
		}
	}
	if claims < 10 {
		t.Errorf("the page has %d claims", claims)
	}
}

// testNames are all test functions, and what test/hostile describes.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	functions := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	containers := regexp.MustCompile(`Describe\("([^"]+)"`)
	names := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, found := range functions.FindAllSubmatch(text, -1) {
			names[string(found[1])] = true
		}
		if filepath.Base(filepath.Dir(path)) == "hostile" {
			for _, found := range containers.FindAllSubmatch(text, -1) {
				names[string(found[1])] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
