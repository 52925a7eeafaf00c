// Package cli tests docs/cli.md: each command of the page is run with kubectl travis against a real API server
// and a running operator, and must print the output on the page.
package cli

import (
	"regexp"
	"strings"
)

// step is a command of the page with its output, or a directive: an invisible comment for what happens
// elsewhere meanwhile, such as <!-- post passed 1 -->.
type step struct {
	line      int // of the page, from 1
	section   string
	command   string
	output    string
	directive []string

	from, to int // the output's lines in the page
}

var directivePattern = regexp.MustCompile(`^<!-- (.+) -->$`)

// parse finds the steps of a page, in order.
func parse(page string) []*step {
	var steps []*step
	var current *step
	section, fenced := "", false
	for i, line := range strings.Split(page, "\n") {
		switch {
		case strings.HasPrefix(line, "```"):
			fenced = line == "```console"
			current = nil
		case fenced && strings.HasPrefix(line, "$ "):
			current = &step{line: i + 1, section: section, command: line[2:], from: i + 1, to: i + 1}
			steps = append(steps, current)
		case fenced && current != nil && current.to == current.from && strings.HasSuffix(current.command, `\`):
			current.command += "\n" + line
			current.from, current.to = i+1, i+1
		case fenced && current != nil:
			current.output += line + "\n"
			current.to = i + 1
		case strings.HasPrefix(line, "#"):
			section = strings.TrimLeft(line, "# ")
		default:
			if found := directivePattern.FindStringSubmatch(line); found != nil {
				steps = append(steps, &step{line: i + 1, section: section, directive: strings.Fields(found[1])})
			}
		}
	}
	return steps
}

// write puts the steps' outputs into the page.
func write(page string, steps []*step) string {
	lines := strings.Split(page, "\n")
	var out []string
	last := 0
	for _, s := range steps {
		if s.command == "" {
			continue
		}
		out = append(out, lines[last:s.from]...)
		if s.output != "" {
			out = append(out, strings.Split(strings.TrimSuffix(s.output, "\n"), "\n")...)
		}
		last = s.to
	}
	return strings.Join(append(out, lines[last:]...), "\n")
}

// volatile are patterns that differ between runs, with their replacement on the page.
var volatile = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "2026-11-23T15:04:05Z"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`), "2026-11-23 15:04:05 UTC"},
	{regexp.MustCompile(`after \d+ ms`), "after 3 ms"},
	{regexp.MustCompile(`[ \t]+\n`), "\n"},
}

// agePattern is an age in a table, with the spaces that fill its column.
var agePattern = regexp.MustCompile(`(?m) (\d+m\d*s?|\d+s) *( \S|$)`)

// sameAge makes ages equal without moving the following columns.
func sameAge(cell string) string {
	parts := agePattern.FindStringSubmatch(cell)
	if parts[2] == "" {
		return " 5s"
	}
	return " 5s" + strings.Repeat(" ", max(1, len(cell)-len(" 5s")-1)) + parts[2][1:]
}

// idPattern is the beginning of a delivery's ID, alone.
var idPattern = regexp.MustCompile(`\b[0-9a-f]{10}\b`)

// shownID replaces every ID on the page.
const shownID = "3f0c81d2aa"

// normal returns output as the page shows it, and the last delivery's ID in it.
func normal(output string) (text, id string) {
	for _, v := range volatile {
		output = v.pattern.ReplaceAllString(output, v.instead)
	}
	output = agePattern.ReplaceAllStringFunc(output, sameAge)
	if ids := idPattern.FindAllString(output, -1); len(ids) > 0 {
		id = ids[len(ids)-1]
	}
	return idPattern.ReplaceAllString(output, shownID), id
}
