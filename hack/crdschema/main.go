// Command crdschema completes the CRDs that controller-gen wrote: it joins the lines of descriptions, so
// that kubectl explain wraps whole paragraphs, and gives each time a pattern that Go decodes.
package main

import (
	"fmt"
	"os"
	"strings"

	"sigs.k8s.io/yaml"
)

// timePattern matches the times that Go decodes. The format date-time also accepts a lower-case t or an
// offset of 99 hours.
const timePattern = `^[1-8][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]` +
	`(\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`

func main() {
	for _, path := range os.Args[1:] {
		if err := complete(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func complete(path string) error {
	raw, err := os.ReadFile(path) //nolint:gosec // the paths are those that hack/generate.sh names
	if err != nil {
		return err
	}
	var crd map[string]any
	if err := yaml.Unmarshal(raw, &crd); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	visit(crd)
	if raw, err = yaml.Marshal(crd); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.WriteFile(path, append([]byte("---\n"), raw...), 0o644) //nolint:gosec // a CRD is public
}

func visit(value any) {
	switch value := value.(type) {
	case map[string]any:
		if text, ok := value["description"].(string); ok {
			value["description"] = paragraphs(text)
		}
		if value["format"] == "date-time" {
			value["pattern"] = timePattern
		}
		for _, child := range value {
			visit(child)
		}
	case []any:
		for _, child := range value {
			visit(child)
		}
	}
}

// paragraphs joins the lines of each paragraph.
func paragraphs(text string) string {
	all := strings.Split(text, "\n\n")
	for i, p := range all {
		all[i] = strings.Join(strings.Fields(p), " ")
	}
	return strings.Join(all, "\n\n")
}
