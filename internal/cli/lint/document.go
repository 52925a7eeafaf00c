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

// group is the API group of the kinds of this program.
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

// parse takes a file apart. Where it is not YAML, what comes before the mistake is still returned.
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
			err = root.Decode(&whole) // finds keys that come twice
		}
		if err != nil {
			return all, notYAML(f, err)
		}
		found, err := documents(f.Name, content(&root))
		if err != nil {
			return all, notYAML(f, err)
		}
		all = append(all, found...)
	}
}

// documents are the object of a node, or the items of a list.
func documents(file string, node *yaml.Node) ([]*document, error) {
	if node == nil || node.Kind != yaml.MappingNode {
		return nil, nil // empty, or no manifest
	}
	d := &document{file: file, node: node}
	var err error
	if d.value, err = plain(node); err != nil {
		return nil, err
	}
	d.apiVersion, _ = d.value["apiVersion"].(string)
	d.kind, _ = d.value["kind"].(string)
	if items := child(node, "items"); items != nil && items.Kind == yaml.SequenceNode && strings.HasSuffix(d.kind, "List") {
		var all []*document
		for _, item := range items.Content {
			found, err := documents(file, content(item))
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
		return all, nil
	}
	if metadata, ok := d.value["metadata"].(map[string]any); ok {
		d.name, _ = metadata["name"].(string)
		d.namespace, _ = metadata["namespace"].(string)
	}
	return []*document{d}, nil
}

// plain is a node's value as the API server would read it.
func plain(node *yaml.Node) (map[string]any, error) {
	text, err := yaml.Marshal(node)
	if err != nil {
		return nil, err
	}
	raw, err := sigsyaml.YAMLToJSON(text)
	if err != nil {
		return nil, err
	}
	value := map[string]any{}
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
		hint = "; if it is a template, check what comes out of it instead"
	}
	return &Finding{File: f.Name, Line: line, Severity: Error, Message: fmt.Sprintf("not YAML: %s%s", message, hint)}
}

// content looks through documents and aliases to what they stand for.
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

// child is the value of a key, nil where there is none.
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

// line is where a field such as spec.channels[0].account stands, or what of its path there is.
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
