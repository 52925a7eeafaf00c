// Command bundle writes the bundle for OperatorHub from the manifests of a release: the same objects that kubectl
// installs, in the format of the Operator Lifecycle Manager.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

func main() {
	manifests := flag.String("manifests", "", "`file` with setup.yaml and install.yaml of the release")
	version := flag.String("version", "", "version of the release without the v")
	created := flag.String("created", "", "date of the release, such as 2026-11-27T00:00:00Z")
	out := flag.String("out", "", "folder of the bundle")
	flag.Parse()
	if err := write(*manifests, *version, *created, *out); err != nil {
		fmt.Fprintln(os.Stderr, "bundle:", err)
		os.Exit(1)
	}
}

type object map[string]any

func (o object) kind() string { return fmt.Sprint(o["kind"]) }

func (o object) name() string { return fmt.Sprint(o.at("metadata")["name"]) }

func (o object) at(path ...string) object {
	for _, key := range path {
		o, _ = o[key].(map[string]any)
	}
	return o
}

func write(manifests, version, created, out string) error {
	objects, err := read(manifests)
	if err != nil {
		return err
	}
	csv, err := serviceVersion(objects, version, created)
	if err != nil {
		return err
	}
	files := map[string]object{
		"manifests/travishook.clusterserviceversion.yaml": csv,
		"metadata/annotations.yaml": {"annotations": map[string]any{
			"operators.operatorframework.io.bundle.mediatype.v1":       "registry+v1",
			"operators.operatorframework.io.bundle.manifests.v1":       "manifests/",
			"operators.operatorframework.io.bundle.metadata.v1":        "metadata/",
			"operators.operatorframework.io.bundle.package.v1":         "travishook",
			"operators.operatorframework.io.bundle.channels.v1":        "alpha",
			"operators.operatorframework.io.bundle.channel.default.v1": "alpha",
		}},
	}
	for _, o := range objects {
		if slices.Contains(besides, o.kind()) && !strings.HasPrefix(o.name(), "travishook-api") || o.kind() == "Service" {
			delete(o.at("metadata"), "namespace") // that of the Subscription
			files[fmt.Sprintf("manifests/%s.%s.yaml", o.name(), strings.ToLower(o.kind()))] = o
		}
	}
	for name, o := range files {
		if err := save(filepath.Join(out, filepath.FromSlash(name)), o); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

// besides are the kinds that stay separate objects. The rest is part of the ClusterServiceVersion, or, as the
// NetworkPolicy, nothing that the lifecycle manager installs.
var besides = []string{"CustomResourceDefinition", "ConfigMap"}

func read(path string) ([]object, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var objects []object
	for i, doc := range bytes.Split(text, []byte("\n---\n")) {
		var o object
		if err := yaml.Unmarshal(doc, &o); err != nil {
			return nil, fmt.Errorf("%s, document %d: %w", path, i+1, err)
		}
		if len(o) > 0 {
			objects = append(objects, o)
		}
	}
	return objects, nil
}

func save(path string, o object) error {
	text, err := yaml.Marshal(o)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // everybody may read a release
		return err
	}
	return os.WriteFile(path, text, 0o644) //nolint:gosec // everybody may read a release
}

// find returns the object of a kind and name.
func find(objects []object, kind, name string) (object, error) {
	for _, o := range objects {
		if o.kind() == kind && o.name() == name {
			return o, nil
		}
	}
	return nil, fmt.Errorf("the manifests have no %s %s", kind, name)
}

// rules returns the rules of those objects of a kind that are the operator's own.
func rules(objects []object, kind string, names ...string) (all []any, err error) {
	for _, name := range names {
		var o object
		if o, err = find(objects, kind, name); err != nil {
			return nil, err
		}
		of, _ := o["rules"].([]any)
		all = append(all, of...)
	}
	return all, nil
}

// delegation is what the role system:auth-delegator allows: the lifecycle manager grants rules, and binds no role.
var delegation = []any{
	object{"apiGroups": []any{"authentication.k8s.io"}, "resources": []any{"tokenreviews"}, "verbs": []any{"create"}},
	object{"apiGroups": []any{"authorization.k8s.io"}, "resources": []any{"subjectaccessreviews"}, "verbs": []any{"create"}},
}

// deployment is the Deployment in the lifecycle manager's form. The administrator creates the claim of its volume.
func deployment(objects []object) (object, error) {
	deployment, err := find(objects, "Deployment", "travishook")
	if err != nil {
		return nil, err
	}
	template := deployment.at("spec", "template")
	volumes, _ := template.at("spec")["volumes"].([]any)
	if len(template.at("metadata")) == 0 || len(volumes) == 0 {
		return nil, errors.New("the Deployment has no pod with volumes")
	}
	return object{"name": "travishook", "label": deployment.at("metadata")["labels"], "spec": deployment["spec"]}, nil
}

// examples are the objects that OperatorHub shows.
func examples() (string, error) {
	var all []object
	for _, name := range []string{"route-smallest", "defaults-namespace"} {
		objects, err := read(filepath.Join("config", "samples", name+".yaml"))
		if err != nil {
			return "", err
		}
		all = append(all, objects...)
	}
	text, err := json.Marshal(all)
	return string(text), err
}
