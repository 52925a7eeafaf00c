// Chartreadme writes the chart's README.md: every value with its default and its comment in values.yaml.
package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

const chart = "charts/travishook"

//go:embed head.md
var head string

func main() {
	text, err := page(chart)
	if err == nil {
		err = os.WriteFile(filepath.Join(chart, "README.md"), []byte(text), 0o644) //nolint:gosec // a file of the repository
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// schema is the part of values.schema.json that the page uses.
type schema struct {
	Properties map[string]schema `json:"properties"`
	Enum       []string          `json:"enum"`
}

// page returns the README of the chart in a folder.
func page(folder string) (string, error) {
	var values yaml.Node
	text, err := os.ReadFile(filepath.Join(folder, "values.yaml"))
	if err != nil {
		return "", err
	}
	if err := yaml.Unmarshal(text, &values); err != nil {
		return "", fmt.Errorf("values.yaml: %w", err)
	}
	text, err = os.ReadFile(filepath.Join(folder, "values.schema.json"))
	if err != nil {
		return "", err
	}
	var rules struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(text, &rules); err != nil {
		return "", fmt.Errorf("values.schema.json: %w", err)
	}
	out := strings.Builder{}
	out.WriteString(head)
	top := values.Content[0].Content
	for i := 0; i < len(top); i += 2 {
		var rule schema
		if name := top[i].Value; name != "config" && name != "defaults" { // which have pages of their own
			if err := json.Unmarshal(rules.Properties[name], &rule); err != nil {
				return "", fmt.Errorf("values.schema.json: %s: %w", name, err)
			}
		}
		if err := writeRows(&out, "", top[i], top[i+1], rule); err != nil {
			return "", err
		}
	}
	return out.String(), nil
}

// writeRows writes a row for a value, and for those below it.
func writeRows(out *strings.Builder, above string, key, value *yaml.Node, rule schema) error {
	path := above + key.Value
	written := ""
	below := value.Kind == yaml.MappingNode && value.Style&yaml.FlowStyle == 0
	if !below {
		text, err := yaml.Marshal(value)
		if err != nil {
			return fmt.Errorf("values.yaml: %s: %w", path, err)
		}
		written = "`" + strings.TrimSpace(string(text)) + "`"
	}
	about := description(key.HeadComment)
	if allowed := quoted(rule.Enum); len(allowed) > 0 {
		about = strings.TrimSpace(about + " One of " + strings.Join(allowed, ", ") + ".")
	}
	if !below || about != "" {
		fmt.Fprintf(out, "| `%s` | %s | %s |\n", path, cell(written), cell(about))
	}
	if !below {
		return nil
	}
	for i := 0; i < len(value.Content); i += 2 {
		if err := writeRows(out, path+".", value.Content[i], value.Content[i+1], rule.Properties[value.Content[i].Value]); err != nil {
			return err
		}
	}
	return nil
}

// description returns a comment as one line. A line that is indented in it is code. Of comments that an empty line
// separates, the last one is about the value.
func description(comment string) string {
	blocks := strings.Split(comment, "\n\n")
	lines := strings.Split(blocks[len(blocks)-1], "\n")
	for i, line := range lines {
		line = strings.TrimPrefix(line, "#")
		code := strings.HasPrefix(line, "  ")
		if lines[i] = strings.TrimSpace(line); code {
			lines[i] = "`" + lines[i] + "`"
		}
	}
	return strings.Join(lines, " ")
}

func quoted(words []string) []string {
	var all []string
	for _, word := range words {
		if word != "" {
			all = append(all, "`"+word+"`")
		}
	}
	return all
}

// cell escapes what would end a cell of a table.
func cell(text string) string {
	return strings.ReplaceAll(text, "|", `\|`)
}
