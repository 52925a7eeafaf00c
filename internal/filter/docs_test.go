package filter

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// The page on filters lists every variable with its type, and its examples compile.
func TestFilterDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/filters.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (\\w+) \\|").FindAllStringSubmatch(string(text), -1) {
		name, kind := row[1], row[2]
		listed[name] = true
		f, err := Compile(isOfType(name, kind))
		if err != nil {
			t.Errorf("%s is not of the type %s: %v", name, kind, err)
			continue
		}
		if pass, err := On(cronBuild()).Matches(f); err != nil || !pass {
			t.Errorf("%s is not of the type %s: %v", name, kind, err)
		}
	}
	for variable, fields := range map[string]reflect.Type{
		"build.":       reflect.TypeFor[build](),
		"commit.":      reflect.TypeFor[commit](),
		"repository.":  reflect.TypeFor[repository](),
		"pullRequest.": reflect.TypeFor[pullRequest](),
		"jobs[0].":     reflect.TypeFor[job](),
	} {
		for i := range fields.NumField() {
			if name := variable + fields.Field(i).Tag.Get("cel"); !listed[name] {
				t.Errorf("%s is not on the page", name)
			}
		}
	}
	_, examples, _ := strings.Cut(string(text), "```cel\n")
	examples, _, _ = strings.Cut(examples, "\n```")
	for example := range strings.SplitSeq(examples, "\n") {
		if _, err := Compile(example); err != nil {
			t.Errorf("%s: %v", example, err)
		}
	}
}

// isOfType is an expression that compiles if name is of the type.
func isOfType(name, kind string) string {
	examples := map[string]string{
		"string": `""`, "int": "0", "bool": "false", "timestamp": `timestamp("2026-01-01T00:00:00Z")`, "duration": `duration("1s")`,
	}
	if kind == "list" {
		return "size(" + name + ") >= 0"
	}
	return name + " == " + examples[kind] + " || true"
}
