package lint

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/json"
	sigsyaml "sigs.k8s.io/yaml"
)

// document is one object in a file.
type document struct {
	file             string
	node             *yaml.Node // of the object, with its lines
	value            map[string]any
	apiVersion, kind string
	namespace, name  string
}

// group is the operator's API group.
const group = "travishook.dev"

func (d *document) group() string {
	group, _, _ := strings.Cut(d.apiVersion, "/")
	return group
}

func (d *document) String() string {
	if d.namespace == "" {
		return d.kind + " " + d.name
	}
	return d.kind + " " + d.namespace + "/" + d.name
}

// parse splits a file into objects. If it is not valid YAML, the objects before the error are returned.
func parse(f File) ([]*document, *Finding) {
	var all []*document
	decoder := yaml.NewDecoder(bytes.NewReader(f.Content))
	for {
		var root yaml.Node
		err := decoder.Decode(&root)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err == nil {
			var whole any
			err = root.Decode(&whole) // finds duplicate keys
		}
		if err != nil {
			return all, notYAML(f, err)
		}
		value, err := plain(&root)
		if err != nil {
			return all, notYAML(f, err)
		}
		all = append(all, documents(f.Name, content(&root), value)...)
	}
}

// documents returns the object of a node and its value, or the items of a list.
func documents(file string, node *yaml.Node, value any) []*document {
	object, ok := value.(map[string]any)
	if !ok || node == nil || node.Kind != yaml.MappingNode {
		return nil // empty, or no object
	}
	d := &document{file: file, node: node, value: object}
	d.apiVersion, _ = object["apiVersion"].(string)
	d.kind, _ = object["kind"].(string)
	items, isList := object["items"].([]any)
	if nodes := child(node, "items"); isList && strings.HasSuffix(d.kind, "List") && len(nodes.Content) == len(items) {
		var all []*document
		for i, item := range nodes.Content {
			all = append(all, documents(file, content(item), items[i])...)
		}
		return all
	}
	if metadata, ok := object["metadata"].(map[string]any); ok {
		d.name, _ = metadata["name"].(string)
		d.namespace, _ = metadata["namespace"].(string)
	}
	return []*document{d}
}

// plain returns a document's value as the API server decodes it.
func plain(root *yaml.Node) (any, error) {
	text, err := yaml.Marshal(root)
	if err != nil {
		return nil, err
	}
	raw, err := sigsyaml.YAMLToJSON(text)
	if err != nil {
		return nil, err
	}
	var value any
	return value, json.Unmarshal(raw, &value)
}

var errorLine = regexp.MustCompile(`line (\d+): (.*)`)

func notYAML(f File, err error) *Finding {
	line, message := 1, strings.TrimPrefix(err.Error(), "yaml: ")
	if found := errorLine.FindStringSubmatch(err.Error()); found != nil {
		line, _ = strconv.Atoi(found[1])
		message = found[2]
	}
	hint := ""
	if bytes.Contains(f.Content, []byte("{{")) {
		hint = "; if this is a template, check its output instead"
	}
	return &Finding{File: f.Name, Line: line, Severity: Error, Message: fmt.Sprintf("not YAML: %s%s", message, hint)}
}

// content resolves documents and aliases to the node that they refer to.
func content(node *yaml.Node) *yaml.Node {
	for node != nil {
		switch {
		case node.Kind == yaml.AliasNode:
			node = node.Alias
		case node.Kind == yaml.DocumentNode && len(node.Content) == 1:
			node = node.Content[0]
		default:
			return node
		}
	}
	return nil
}

// child returns the value of a key, nil if there is none.
func child(node *yaml.Node, key string) *yaml.Node {
	_, value := entry(node, key)
	return value
}

func entry(node *yaml.Node, key string) (name, value *yaml.Node) {
	if node == nil || node.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i], content(node.Content[i+1])
		}
	}
	return nil, nil
}

var pathPart = regexp.MustCompile(`[^.\[\]]+|\[[^\]]*\]`)

// line returns the line of a field such as spec.channels[0].account, or of the longest prefix of its
// path that exists.
func (d *document) line(field string) int {
	at, node := d.node.Line, d.node
	for _, part := range pathPart.FindAllString(field, -1) {
		index, err := strconv.Atoi(strings.Trim(part, "[]"))
		if strings.HasPrefix(part, "[") && err == nil && node.Kind == yaml.SequenceNode {
			if index >= len(node.Content) {
				return at
			}
			at, node = node.Content[index].Line, content(node.Content[index])
			continue
		}
		name, value := entry(node, strings.Trim(part, "[]"))
		if name == nil {
			return at
		}
		at, node = name.Line, value
	}
	return at
}
