// Chartschema generates parts of the chart's values.schema.json: config from the operator's settings
// (internal/settings), and defaults from the spec of a TravisDefaults (the CRD). So helm checks values by
// the same rules as the operator and the API server.
package main

import (
	"encoding"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"

	"github.com/travishook/travishook/internal/settings"
)

const (
	schemaFile = "charts/travishook/values.schema.json"
	crdFile    = "config/crd/bases/travishook.dev_travisdefaults.yaml"
)

// decided are the settings that only the chart sets.
var decided = []string{"apiVersion", "kind", "namespaces", "api", "probes", "metrics", "receiver.address", "store.directory"}

// rules are constraints that a field's type lacks; internal/settings checks the same.
var rules = map[string]object{
	"receiver.pathPrefix":     {"pattern": "^/.*[^/]$"},
	"receiver.publicURL":      {"pattern": "^(https?://.*)?$"},
	"log.level":               {"enum": []string{"debug", "info", "error"}},
	"log.format":              {"enum": []string{"json", "console"}},
	"store.external":          {"required": []string{"url"}},
	"store.external.url":      {"pattern": "^(nats|tls)://"},
	"store.external.replicas": {"enum": []int{0, 1, 3, 5}},
	"trust.keys[]":            {"required": []string{"name"}},
}

type object = map[string]any

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		return err
	}
	var schema struct {
		Schema               string `json:"$schema"`
		Type                 string `json:"type"`
		AdditionalProperties bool   `json:"additionalProperties"`
		Properties           object `json:"properties"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		return fmt.Errorf("%s: %w", schemaFile, err)
	}
	schema.Properties["config"] = fromType(reflect.TypeFor[settings.Settings](), "")
	if schema.Properties["defaults"], err = defaultsSpec(); err != nil {
		return err
	}
	text, err = json.MarshalIndent(schema, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(schemaFile, append(text, '\n'), 0o644) //nolint:gosec // a file of the repository
}

// fromType returns the schema of a Go type of the settings, at a dotted path.
func fromType(t reflect.Type, path string) object {
	described := ofType(t, path)
	for key, value := range rules[path] {
		described[key] = value
	}
	return described
}

func ofType(t reflect.Type, path string) object {
	switch {
	case t.Kind() == reflect.Pointer:
		return fromType(t.Elem(), path)
	case t == reflect.TypeFor[settings.Duration]():
		return object{"type": "string"} // _validate.tpl checks it, with a better message
	case t == reflect.TypeFor[resource.Quantity]():
		return object{"type": []string{"string", "integer"}, "pattern": "^[0-9.]+([KMGTPE]i|[kMGTPE]|[eE][0-9]+)?$"}
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return object{"type": "string"}
	}
	switch t.Kind() {
	case reflect.Struct:
		properties := object{}
		for field := range t.Fields() {
			at := strings.TrimPrefix(path+"."+field.Tag.Get("json"), ".")
			if !slices.Contains(decided, at) {
				properties[field.Tag.Get("json")] = fromType(field.Type, at)
			}
		}
		return object{"type": "object", "additionalProperties": false, "properties": properties}
	case reflect.Slice:
		return object{"type": "array", "items": fromType(t.Elem(), path+"[]")}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int:
		return object{"type": "integer"}
	}
	return object{"type": "string"}
}

// defaultsSpec returns the CRD's schema of spec, without Kubernetes' extensions.
func defaultsSpec() (any, error) {
	text, err := os.ReadFile(crdFile)
	if err != nil {
		return nil, err
	}
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema struct {
						Properties struct {
							Spec object `json:"spec"`
						} `json:"properties"`
					} `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &crd); err != nil {
		return nil, fmt.Errorf("%s: %w", crdFile, err)
	}
	return plain(crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties.Spec), nil
}

// plain removes extensions and descriptions, and refuses unknown fields as the API server's strict decoding
// does.
func plain(value any) any {
	switch value := value.(type) {
	case object:
		return plainObject(value)
	case []any:
		for i := range value {
			value[i] = plain(value[i])
		}
	}
	return value
}

func plainObject(value object) object {
	out := object{}
	for key, inner := range value {
		properties, ok := inner.(object)
		switch {
		case ok && key == "properties":
			fields := object{}
			for name, field := range properties {
				fields[name] = plain(field)
			}
			out[key], out["additionalProperties"] = fields, false
		case key != "description" && key != "default" && !strings.HasPrefix(key, "x-kubernetes-"):
			out[key] = plain(inner)
		}
	}
	return out
}
