package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/registry"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/suggest"
)

// blockFields returns the fields that --set may set in a service's block of TravisDefaults.
func blockFields(service string) []string {
	account := reflect.TypeFor[v1alpha1.Account]()
	for i := range account.NumField() {
		field := account.Field(i)
		if jsonName(field) != service || field.Type.Kind() != reflect.Pointer {
			continue
		}
		var names []string
		for j := range field.Type.Elem().NumField() {
			if name := jsonName(field.Type.Elem().Field(j)); name != "secretRef" {
				names = append(names, name)
			}
		}
		return names
	}
	return nil
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// describeServices lists each service's fields and Secret keys, for the help.
func describeServices() string {
	var b strings.Builder
	shared := map[string]string{} // keys of the connection
	for i, name := range serviceNames() {
		service := registry.Services[name]
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "--%s: %s", name, service.Title)
		if fields := blockFields(name); len(fields) > 0 {
			fmt.Fprintf(&b, "; --set %s", strings.Join(fields, ", "))
		}
		for _, key := range service.Keys {
			if key.Shared {
				shared[key.Name] = key.Doc
				continue
			}
			fmt.Fprintf(&b, "\n    %s: %s", key.Name, key.Doc)
		}
	}
	b.WriteString("\n\nThe Secret of every service may have these keys, for its connections:")
	for _, name := range slices.Sorted(maps.Keys(shared)) {
		fmt.Fprintf(&b, "\n    %s: %s", name, shared[name])
	}
	return b.String()
}

// parseFields parses the values of --set.
func parseFields(words []string) (map[string]any, error) {
	fields := map[string]any{}
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		if !ok || name == "" {
			return nil, usage("--set needs FIELD=VALUE, not %q", word)
		}
		fields[name] = value
	}
	return fields, nil
}

// buildAccount fills account with a service's block and returns the block's JSON. The fields' types
// are those of the API: a value that is no string is parsed as YAML. secretName is empty for an account
// without a Secret.
func buildAccount(account *v1alpha1.Account, name string, service *notify.Service, fields map[string]any, secretName string) (json.RawMessage, error) {
	block := map[string]any{}
	if secretName != "" {
		block["secretRef"] = map[string]any{"name": secretName}
	}
	for field, value := range fields {
		block[field] = value
	}
	for range len(fields) + 1 {
		raw, err := json.Marshal(map[string]any{"name": name, service.Name: block})
		if err != nil {
			return nil, fmt.Errorf("create account: %w", err)
		}
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.DisallowUnknownFields()
		err = decoder.Decode(account)
		var shape *json.UnmarshalTypeError
		switch {
		case err == nil:
			return json.Marshal(block)
		case errors.As(err, &shape) && parseAsYAML(block, shape.Field):
			continue
		case strings.HasPrefix(err.Error(), "json: unknown field "):
			field := strings.Trim(strings.TrimPrefix(err.Error(), "json: unknown field "), `"`)
			return nil, usage("%s accounts have no field %q%s", service.Title, field, suggestion(field, blockFields(service.Name)))
		}
		return nil, usage("--set: %v", err)
	}
	return nil, usage("--set: a value has the wrong type")
}

// parseAsYAML parses the value of a field that is no string, such as a number or a list. It reports
// whether the value changed.
func parseAsYAML(block map[string]any, path string) bool {
	_, field, _ := strings.Cut(path, ".")
	text, ok := block[field].(string)
	if !ok {
		return false
	}
	var value any
	if yaml.Unmarshal([]byte(text), &value) != nil {
		return false
	}
	_, still := value.(string)
	block[field] = value
	return !still
}

var (
	keyLine = regexp.MustCompile(`^([A-Za-z0-9._-]+)=(.+)$`)
	section = regexp.MustCompile(`^\[[a-z]+\]$`)
)

// parseCredential parses the standard input: lines KEY=VALUE, perhaps below a [section] as in a zuliprc, or
// one value for key. An empty key is chosen by the value.
func parseCredential(service *notify.Service, key string, read secret.Value) notify.Credential {
	if key == "" {
		if credential := keyedCredential(service, read); credential != nil {
			return credential
		}
		key = keyOf(service, read)
	}
	return notify.Credential{key: read}
}

// keyedCredential returns nil if a line is not KEY=VALUE, or if the only line may be a single value
// with an equals sign.
func keyedCredential(service *notify.Service, read secret.Value) notify.Credential {
	credential := notify.Credential{}
	lines := strings.Split(read.Reveal(), "\n")
	for _, line := range lines {
		if line = strings.TrimRight(line, "\r"); line == "" || section.MatchString(line) {
			continue
		}
		parts := keyLine.FindStringSubmatch(line)
		if parts == nil {
			return nil
		}
		if len(lines) == 1 && !hasKey(service, parts[1]) && !isURL(parts[2]) {
			return nil
		}
		credential[parts[1]] = secret.New(parts[2])
	}
	if len(credential) == 0 {
		return nil
	}
	return credential
}

// misspelledKey ends an error about a single value that was perhaps meant as KEY=VALUE.
func misspelledKey(service *notify.Service, credential notify.Credential) string {
	for _, value := range credential {
		parts := keyLine.FindStringSubmatch(value.Reveal())
		if len(credential) != 1 || parts == nil {
			return ""
		}
		names := make([]string, len(service.Keys))
		for i, k := range service.Keys {
			names[i] = k.Name
		}
		if near := suggest.Nearest(parts[1], names); near != "" {
			return fmt.Sprintf("; if the line is KEY=VALUE: there is no key %q, did you mean %s?", parts[1], near)
		}
	}
	return ""
}

// keyOf returns the key for a single value.
func keyOf(service *notify.Service, value secret.Value) string {
	if isURL(value.Reveal()) && hasKey(service, "url") {
		return "url"
	}
	for _, k := range service.Keys {
		if k.Required {
			return k.Name
		}
	}
	return cmp.Or(firstKey(service), "token")
}

// firstKey returns the first key that a service documents, empty if it documents none.
func firstKey(service *notify.Service) string {
	if len(service.Keys) == 0 {
		return ""
	}
	return service.Keys[0].Name
}

func hasKey(service *notify.Service, name string) bool {
	for _, k := range service.Keys {
		if k.Name == name {
			return true
		}
	}
	return false
}

func isURL(s string) bool { return strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://") }
