package routing

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// The page on filters lists what there is, of the type that it is, and its examples compile.
func TestFilterDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/filters.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (\\w+) \\|").FindAllStringSubmatch(string(text), -1) {
		name, kind := row[1], row[2]
		listed[name] = true
		if kind == "timestamp" || kind == "duration" {
			kind = "google.protobuf." + strings.ToUpper(kind[:1]) + kind[1:]
		}
		if _, err := compileFilter("type("+name+") == "+kind, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		f, err := compileFilter("type("+name+") == "+kind, func(err error) { t.Error(err) })
		if err == nil && !f.passes(testEvent()) {
			t.Errorf("%s is not of the type %s", name, kind)
		}
	}
	for variable, fields := range map[string]reflect.Type{
		"build.":       reflect.TypeFor[filterBuild](),
		"commit.":      reflect.TypeFor[filterCommit](),
		"repository.":  reflect.TypeFor[filterRepository](),
		"pullRequest.": reflect.TypeFor[filterPullRequest](),
		"jobs[0].":     reflect.TypeFor[filterJob](),
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
		if _, err := compileFilter(example, nil); err != nil {
			t.Errorf("%s: %v", example, err)
		}
	}
}
