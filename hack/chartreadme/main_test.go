package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

func TestTheChartsReadmeIsUpToDate(t *testing.T) {
	folder := filepath.Join("..", "..", chart)
	want, err := page(folder)
	if err != nil {
		t.Fatal(err)
	}
	is, err := os.ReadFile(filepath.Join(folder, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(is)); diff != "" {
		t.Errorf("make generate writes it (-should be +is):\n%s", diff)
	}
}

func TestRows(t *testing.T) {
	const values = `# About the file.

# One thing. For example
#   one: [a | b]
one: []
two:
  # Empty: none.
  name: ""
  # How.
  ways: {by: hand}
three:
  four: 4
# A group.
five:
  six: "6"
`
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(values), &document); err != nil {
		t.Fatal(err)
	}
	rule := schema{Properties: map[string]schema{"name": {Enum: []string{"", "a", "b"}}}}
	var out strings.Builder
	for top := document.Content[0].Content; len(top) > 0; top = top[2:] {
		if err := writeRows(&out, "", top[0], top[1], rule); err != nil {
			t.Fatal(err)
		}
	}
	want := strings.TrimPrefix(`
| $one$ | $[]$ | One thing. For example $one: [a \| b]$ |
| $two.name$ | $""$ | Empty: none. One of $a$, $b$. |
| $two.ways$ | ${by: hand}$ | How. |
| $three.four$ | $4$ |  |
| $five$ |  | A group. |
| $five.six$ | $"6"$ |  |
`, "\n")
	if diff := cmp.Diff(strings.ReplaceAll(want, "$", "`"), out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
