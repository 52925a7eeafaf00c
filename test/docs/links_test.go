package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

func pages(t *testing.T) []Page {
	t.Helper()
	all, err := Pages(root)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func page(t *testing.T, path string) Page {
	t.Helper()
	p, err := Read(root, path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func section(t *testing.T, p Page, heading string) string {
	t.Helper()
	text, err := p.Section(heading)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var (
	link   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	inCode = regexp.MustCompile("(?s)```.*?```|`[^`\n]*`")
)

func TestLinksLeadSomewhere(t *testing.T) {
	found := 0
	for _, p := range pages(t) {
		for _, to := range link.FindAllStringSubmatch(inCode.ReplaceAllString(p.Text, ""), -1) {
			if strings.Contains(to[1], "://") {
				continue
			}
			found++
			checkLink(t, p, to[1])
		}
	}
	if found == 0 {
		t.Error("no page links another")
	}
}

func checkLink(t *testing.T, from Page, to string) {
	t.Helper()
	path, anchor, _ := strings.Cut(to, "#")
	target := filepath.Join(root, filepath.Dir(from.Path), path)
	if path == "" {
		target = filepath.Join(root, from.Path)
	}
	text, err := os.ReadFile(target)
	if info, statErr := os.Stat(target); statErr == nil && info.IsDir() && anchor == "" {
		return
	}
	if err != nil {
		t.Errorf("%s links %s, which is not there", from.Path, to)
		return
	}
	if anchor != "" && filepath.Ext(target) == ".md" && !hasAnchor(string(text), anchor) {
		t.Errorf("%s links %s, which has no such heading", from.Path, to)
	}
}

// hasAnchor makes anchors of headings as GitHub does.
func hasAnchor(text, anchor string) bool {
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		a := strings.ToLower(heading[1])
		a = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(a, "")
		if strings.ReplaceAll(a, " ", "-") == anchor {
			return true
		}
	}
	return false
}

// A page without links to it cannot be found.
func TestPagesAreLinked(t *testing.T) {
	linked := map[string]bool{"README.md": true}
	all := pages(t)
	for _, p := range all {
		for _, to := range link.FindAllStringSubmatch(p.Text, -1) {
			path, _, _ := strings.Cut(to[1], "#")
			linked[filepath.ToSlash(filepath.Join(filepath.Dir(p.Path), path))] = true
		}
	}
	for _, p := range all {
		if !linked[p.Path] && !linked[filepath.ToSlash(filepath.Dir(p.Path))] {
			t.Errorf("no page links %s", p.Path)
		}
	}
}
