// Package docs reads the project's pages, for tests that compare them with the code.
package docs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Page is a Markdown file.
type Page struct {
	Path string // from the module's root, with slashes
	Text string
}

// Block is a fenced block of code.
type Block struct {
	Page    string
	Line    int // of the opening fence, from 1
	Section string
	Lang    string
	Text    string
}

// String returns the block's position in the format of editors.
func (b Block) String() string { return fmt.Sprintf("%s:%d", b.Page, b.Line) }

// Name returns the file that the block's first line names in a comment, or empty.
func (b Block) Name() string {
	first, _, _ := strings.Cut(b.Text, "\n")
	name, found := strings.CutPrefix(first, "# ")
	if !found || strings.Contains(name, " ") || !strings.HasSuffix(name, ".yaml") && !strings.HasSuffix(name, ".yml") {
		return ""
	}
	return name
}

// Lines counts the lines that one has to type: neither comments nor empty lines.
func (b Block) Lines() int {
	n := 0
	for line := range strings.Lines(b.Text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			n++
		}
	}
	return n
}

// Pages reads every page below docs of the module at root, and those in the root itself.
func Pages(root string) ([]Page, error) {
	paths := []string{"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"}
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".md" {
			return err
		}
		from, err := filepath.Rel(root, path)
		paths = append(paths, filepath.ToSlash(from))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find pages: %w", err)
	}
	pages := make([]Page, len(paths))
	for i, path := range paths {
		if pages[i], err = Read(root, path); err != nil {
			return nil, err
		}
	}
	return pages, nil
}

// Read reads one page.
func Read(root, path string) (Page, error) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
	if err != nil {
		return Page{}, fmt.Errorf("read page: %w", err)
	}
	return Page{Path: path, Text: string(text)}, nil
}

// Blocks returns the page's fenced blocks in their order, without indentation.
func (p Page) Blocks() []Block {
	var (
		blocks  []Block
		open    *Block
		section string
		indent  string // of the opening fence, as in an item of a list
	)
	for i, line := range strings.Split(p.Text, "\n") {
		fence, isFence := strings.CutPrefix(strings.TrimLeft(line, " "), "```")
		switch {
		case isFence && open == nil:
			indent = line[:len(line)-len(strings.TrimLeft(line, " "))]
			open = &Block{Page: p.Path, Line: i + 1, Section: section, Lang: strings.TrimSpace(fence)}
		case isFence:
			blocks = append(blocks, *open)
			open = nil
		case open != nil:
			open.Text += strings.TrimPrefix(line, indent) + "\n"
		case strings.HasPrefix(line, "#"):
			section = strings.TrimSpace(strings.TrimLeft(line, "#"))
		}
	}
	return blocks
}

// Section returns the text below a heading, up to the next one of the same or a higher level.
func (p Page) Section(heading string) (string, error) {
	_, rest, found := strings.Cut(p.Text, "\n"+heading+"\n")
	if !found {
		return "", fmt.Errorf("%s has no heading %q", p.Path, heading)
	}
	level := len(heading) - len(strings.TrimLeft(heading, "#"))
	var text strings.Builder
	code := false
	for line := range strings.Lines(rest) {
		if strings.HasPrefix(line, "```") {
			code = !code
		}
		depth := len(line) - len(strings.TrimLeft(line, "#"))
		if !code && depth > 0 && depth <= level {
			break
		}
		text.WriteString(line)
	}
	return text.String(), nil
}

// Rows returns the cells of every table row in text, including header rows.
func Rows(text string) [][]string {
	var rows [][]string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	return rows
}

// Codes returns the texts between backquotes.
func Codes(text string) []string {
	var codes []string
	for _, found := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(text, -1) {
		codes = append(codes, found[1])
	}
	return codes
}
