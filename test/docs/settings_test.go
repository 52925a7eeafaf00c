package docs

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"

	"github.com/travishook/travishook/internal/settings"
)

var update = flag.Bool("update", false, "update docs/reference/settings.md")

const settingsPage = "docs/reference/settings.md"

const settingsHead = `# Settings

The operator reads its settings from one file, which ` + "`--settings`" + ` names. In the chart, the value ` + "`config`" + ` has
them without ` + "`apiVersion` and `kind`" + `. Every setting has a default. The file is checked as a whole before anything
starts: if a setting is unknown or contradicts another, the operator exits and logs one sentence that names it. A
changed setting takes effect after a restart; the chart restarts the pod.

Durations are written ` + "`90s`, `15m`, `24h`" + `. Patterns of repositories are owner/name globs: ` + "`*`" + ` matches any
characters except ` + "`/`, and `?`" + ` matches one of them. Upper and lower case of a repository do not matter.

This page is written from [` + "`internal/settings`" + `](../../internal/settings/settings.go) by
` + "`go test ./test/docs -update`" + `.

## The defaults

` + "```yaml" + `
%s` + "```" + `
`

// TestSettingsPage compares the reference page with the code.
func TestSettingsPage(t *testing.T) {
	got := fmt.Sprintf(settingsHead, defaultsFile(t)) + settingsTables(t)
	path := filepath.Join(root, settingsPage)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(page(t, settingsPage).Text, got); diff != "" {
		t.Errorf("%s is out of date; go test ./test/docs -update updates it (-is +should be):\n%s", settingsPage, diff)
	}
}

// The file on the page, with every default, means the same as an empty file.
func TestSettingsPageShowsTheDefaults(t *testing.T) {
	for _, b := range page(t, settingsPage).Blocks() {
		got, err := settings.Parse([]byte(b.Text))
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if diff := cmp.Diff(settings.Default(), got, cmpopts.EquateComparable(netip.Prefix{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-default +shown):\n%s", b, diff)
		}
	}
}

// defaultsFile returns a settings file with every default that is not empty.
func defaultsFile(t *testing.T) string {
	t.Helper()
	text, err := json.Marshal(settings.Default())
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	head := fmt.Sprintf("apiVersion: %s\nkind: %s\n", file["apiVersion"], file["kind"])
	delete(file, "apiVersion")
	delete(file, "kind")
	text, err = yaml.Marshal(prune(file))
	if err != nil {
		t.Fatal(err)
	}
	return head + string(text)
}

// prune removes empty values.
func prune(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			v[key] = prune(inner)
		}
		maps.DeleteFunc(v, func(_ string, inner any) bool { return inner == nil || inner == "" })
	case []any:
		for i := range v {
			v[i] = prune(v[i])
		}
	}
	return value
}

// settingsTables returns a table for each struct, in the order of the file.
func settingsTables(t *testing.T) string {
	t.Helper()
	r := reference{docs: settingsDocs(t), defaults: map[reflect.Type][]reflect.Value{}}
	r.collect(reflect.ValueOf(settings.Default()))
	var out strings.Builder
	for _, kind := range r.order {
		title := kind.Name()
		if kind == r.order[0] {
			title = "The file"
		}
		fmt.Fprintf(&out, "\n## %s\n\n%s\n\n| setting | type | default | what it is |\n|---|---|---|---|\n", title, r.docs[kind.Name()])
		for i := range kind.NumField() {
			field := kind.Field(i)
			doc := r.docs[kind.Name()+"."+field.Name]
			if doc == "" {
				t.Errorf("%s.%s has no comment", kind.Name(), field.Name)
			}
			fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", field.Tag.Get("json"), typeName(field.Type), r.shown(kind, i), cell(doc))
		}
	}
	return out.String()
}

// reference is the data of the tables.
type reference struct {
	docs     map[string]string
	order    []reflect.Type
	defaults map[reflect.Type][]reflect.Value // one for each use of the struct
}

// collect finds the structs in value, in the order of the file.
func (r *reference) collect(value reflect.Value) {
	kind := value.Type()
	if r.defaults[kind] == nil {
		r.order = append(r.order, kind)
	}
	r.defaults[kind] = append(r.defaults[kind], value)
	for i := range kind.NumField() {
		inner := structOf(kind.Field(i).Type)
		switch {
		case inner == nil:
		case inner == kind.Field(i).Type:
			r.collect(value.Field(i))
		default: // a list, or absent by default
			r.collect(reflect.Zero(inner))
		}
	}
}

// shown returns a default as written in a file: nothing if it is empty, has a table of its own, or differs
// between the uses of the struct.
func (r *reference) shown(kind reflect.Type, field int) string {
	value := r.defaults[kind][0].Field(field)
	switch {
	case value.IsZero() || len(r.defaults[kind]) > 1:
		return ""
	case value.Kind() == reflect.Slice:
		return "see above"
	case structOf(value.Type()) != nil:
		return ""
	}
	text, err := json.Marshal(value.Interface())
	if err != nil {
		return err.Error()
	}
	return "`" + strings.Trim(string(text), `"`) + "`"
}

// settingsDocs returns the comments of structs, by name, and of their fields, by struct.field.
func settingsDocs(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "internal/settings/settings.go"), nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	docs := map[string]string{}
	for _, d := range file.Decls {
		types, ok := d.(*ast.GenDecl)
		if !ok || types.Tok != token.TYPE {
			continue
		}
		for _, s := range types.Specs {
			spec := s.(*ast.TypeSpec)
			docs[spec.Name.Name] = strings.TrimSpace(types.Doc.Text())
			if kind, ok := spec.Type.(*ast.StructType); ok {
				for _, field := range kind.Fields.List {
					docs[spec.Name.Name+"."+field.Names[0].Name] = strings.TrimSpace(field.Doc.Text())
				}
			}
		}
	}
	return docs
}

// structOf returns the settings' struct in a field, or nil.
func structOf(kind reflect.Type) reflect.Type {
	for kind.Kind() == reflect.Slice || kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	if kind.Kind() != reflect.Struct || kind.PkgPath() != reflect.TypeFor[settings.Settings]().PkgPath() {
		return nil
	}
	return kind
}

func typeName(kind reflect.Type) string {
	switch {
	case kind == reflect.TypeFor[settings.Duration]():
		return "duration"
	case kind == reflect.TypeFor[resource.Quantity]():
		return "quantity"
	case kind == reflect.TypeFor[netip.Prefix]():
		return "CIDR"
	case kind.Kind() == reflect.Slice:
		return typeName(kind.Elem()) + " list"
	case structOf(kind) != nil:
		name := structOf(kind).Name()
		return fmt.Sprintf("[%s](#%s)", name, strings.ToLower(name))
	}
	return kind.String()
}

func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}
