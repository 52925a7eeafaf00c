package cli

import (
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/yaml"

	"github.com/travishook/travishook/internal/cli/gitops"
)

// manifest returns an object as one would write it to a file: without the fields that the API server
// and GitOps tools set.
func manifest(o client.Object) (*unstructured.Unstructured, error) {
	kind, err := apiutil.GVKForObject(o, scheme)
	if err != nil {
		return nil, fmt.Errorf("create manifest: %w", err)
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return nil, fmt.Errorf("create manifest: %w", err)
	}
	u := &unstructured.Unstructured{Object: content}
	u.SetGroupVersionKind(kind)
	gitops.Strip(u)
	for _, field := range []string{"managedFields", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink"} {
		unstructured.RemoveNestedField(u.Object, "metadata", field)
	}
	annotations := maps.Clone(u.GetAnnotations())
	delete(annotations, corev1.LastAppliedConfigAnnotation)
	u.SetAnnotations(annotations)
	if len(annotations) == 0 {
		unstructured.RemoveNestedField(u.Object, "metadata", "annotations")
	}
	if len(u.GetLabels()) == 0 {
		unstructured.RemoveNestedField(u.Object, "metadata", "labels")
	}
	delete(u.Object, "status")
	return u, nil
}

// printManifest writes an object as a YAML document.
func (e *environment) printManifest(o client.Object) error {
	u, err := manifest(o)
	if err != nil {
		return err
	}
	document, err := yaml.Marshal(u.Object)
	if err != nil {
		return fmt.Errorf("create manifest: %w", err)
	}
	_, err = e.Out.Write(document)
	return err
}
