package settings

import (
	stdjson "encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// Load reads and checks the file at path. The error is a sentence for whoever wrote it.
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
		return Settings{}, fmt.Errorf("settings file %s cannot be read: %w", path, err)
	}
	s, err := Parse(text)
	if err != nil {
		return Settings{}, fmt.Errorf("settings file %s: %w", path, err)
	}
	return s, nil
}

// Parse decodes a settings file onto the defaults and checks the whole. An unknown field is an
// error, for a misspelt setting would silently be the default.
func Parse(text []byte) (Settings, error) {
	s := Default()
	// Decoding into the default list would merge with its elements.
	defaultKeys := s.Trust.Keys
	s.Trust.Keys = nil
	s.APIVersion, s.Kind = "", ""
	if err := decode(text, &s); err != nil {
		return Settings{}, errors.New(plain(err))
	}
	if s.APIVersion != APIVersion || s.Kind != Kind {
		return Settings{}, fmt.Errorf("it must begin with %q and %q, and says %q and %q",
			"apiVersion: "+APIVersion, "kind: "+Kind, s.APIVersion, s.Kind)
	}
	if s.Trust.Keys == nil {
		s.Trust.Keys = defaultKeys
	}
	if problems := s.problems(); len(problems) > 0 {
		return Settings{}, errors.New(strings.Join(problems, "; "))
	}
	return s, nil
}

// decode names the whole path of an unknown field, and does not fold the case of letters.
func decode(text []byte, s *Settings) error {
	asJSON, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return err
	}
	strict, err := json.UnmarshalStrict(asJSON, s)
	var wrong *stdjson.UnmarshalTypeError
	if errors.As(err, &wrong) {
		err = fmt.Errorf("%s: is a %s where a %s belongs", wrong.Field, wrong.Value, wrong.Type)
	}
	return errors.Join(append(strict, err)...)
}

// plain takes the decoder's own words off an error.
func plain(err error) string {
	text := err.Error()
	for _, prefix := range []string{"error unmarshaling JSON: ", "error converting YAML to JSON: ", "while decoding JSON: ", "json: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return strings.ReplaceAll(text, "\n", "; ")
}
