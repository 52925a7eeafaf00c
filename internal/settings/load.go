package settings

import (
	"encoding"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// Load reads and validates the file at path; an empty path gives the defaults. The error is one line for
// the author of the file.
func Load(path string) (Settings, error) {
	if path == "" {
		return Default(), nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		var p *os.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return Settings{}, fmt.Errorf("read settings file %s: %w", path, err)
	}
	s, err := Parse(text)
	if err != nil {
		return Settings{}, fmt.Errorf("settings file %s: %w", path, err)
	}
	return s, nil
}

// Parse decodes a settings file onto the defaults and validates it. An unknown field is an error,
// because a misspelled setting would silently keep its default.
func Parse(text []byte) (Settings, error) {
	s := Default()
	// Decoding into the default list would merge with its elements, so it is restored afterwards.
	defaultKeys := s.Trust.Keys
	s.Trust.Keys = nil
	s.APIVersion, s.Kind = "", ""
	if err := decode(text, &s); err != nil {
		return Settings{}, errors.New(plain(err))
	}
	if s.APIVersion != APIVersion || s.Kind != Kind {
		return Settings{}, fmt.Errorf("want apiVersion %q and kind %q, got %q and %q",
			APIVersion, Kind, s.APIVersion, s.Kind)
	}
	if s.Trust.Keys == nil {
		s.Trust.Keys = defaultKeys
	}
	if problems := s.problems(); len(problems) > 0 {
		return Settings{}, errors.New(strings.Join(problems, "; "))
	}
	return s, nil
}

// decode reports the full path of an unknown or wrong field. Field names are case-sensitive.
func decode(text []byte, s *Settings) error {
	asJSON, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return err
	}
	if wrong := wrongValues(asJSON, reflect.TypeFor[Settings](), ""); len(wrong) > 0 {
		return errors.New(strings.Join(wrong, "; "))
	}
	strict, err := json.UnmarshalStrict(asJSON, s)
	var wrong *stdjson.UnmarshalTypeError
	if errors.As(err, &wrong) {
		err = fmt.Errorf("%s: want %s, got %s", wrong.Field, wrong.Type, wrong.Value)
	}
	return errors.Join(append(strict, err)...)
}

// plain removes the decoder's prefixes from an error.
func plain(err error) string {
	text := err.Error()
	for _, prefix := range []string{"error unmarshaling JSON: ", "error converting YAML to JSON: ", "while decoding JSON: ", "json: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return strings.ReplaceAll(text, "\n", "; ")
}

// wrongValues returns a problem for each value whose type has a text form of its own, such as a
// duration, and that does not parse. The decoder alone does not say which field it is.
func wrongValues(value []byte, t reflect.Type, path string) (problems []string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[stdjson.Unmarshaler]()) ||
		reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		if err := stdjson.Unmarshal(value, reflect.New(t).Interface()); err != nil {
			return []string{path + ": " + plain(err)}
		}
		return nil
	}
	switch t.Kind() {
	case reflect.Struct:
		var fields map[string]stdjson.RawMessage
		_ = stdjson.Unmarshal(value, &fields) // another type than an object is the decoder's to report
		for f := range t.Fields() {
			if field, ok := fields[f.Tag.Get("json")]; ok {
				problems = append(problems, wrongValues(field, f.Type, strings.TrimPrefix(path+"."+f.Tag.Get("json"), "."))...)
			}
		}
	case reflect.Slice:
		var items []stdjson.RawMessage
		_ = stdjson.Unmarshal(value, &items)
		for i, item := range items {
			problems = append(problems, wrongValues(item, t.Elem(), fmt.Sprintf("%s[%d]", path, i))...)
		}
	}
	return problems
}
