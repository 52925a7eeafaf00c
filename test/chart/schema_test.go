package chart_test

import (
	"os"
	"path/filepath"
	"testing"

	"sigs.k8s.io/yaml"
)

// Every value that the chart has is in its schema, with a type, and none beside it is accepted.
func TestSchemaHasEveryValue(t *testing.T) {
	chart := filepath.Join(root, "charts", "travishook")
	var schema, values map[string]any
	for name, into := range map[string]*map[string]any{"values.schema.json": &schema, "values.yaml": &values} {
		text, err := os.ReadFile(filepath.Join(chart, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(text, into); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	checkSchema(t, "values", values, schema)
}

func checkSchema(t *testing.T, path string, value any, schema map[string]any) {
	t.Helper()
	if len(schema) == 0 {
		t.Errorf("%s has no schema", path)
		return
	}
	object, is := value.(map[string]any)
	if !is || len(object) == 0 {
		return
	}
	// A schema of the values of any name, as with resources, is one too.
	other, named := schema["additionalProperties"].(map[string]any)
	if !named && schema["additionalProperties"] != false {
		t.Errorf("%s: a misspelled value below it is accepted", path)
	}
	properties, _ := schema["properties"].(map[string]any)
	for key, below := range object {
		s, is := properties[key].(map[string]any)
		if !is {
			s = other
		}
		checkSchema(t, path+"."+key, below, s)
	}
}
