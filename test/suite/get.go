package suite

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/jsonpath"

	"github.com/travishook/travishook/api/v1alpha1"
)

// What Get gets.
var (
	Routes   = v1alpha1.GroupVersion.WithResource("travisroutes")
	Defaults = v1alpha1.GroupVersion.WithResource("travisdefaults")
	Events   = corev1.SchemeGroupVersion.WithResource("events")
)

// Get returns what kubectl get -o jsonpath=PATH prints of an object. If name is empty, it is of a list of all,
// sorted by their age. Polls use it: each start of kubectl takes a tenth of a second of processor time.
func Get(ctx context.Context, config *rest.Config, resource schema.GroupVersionResource, namespace, name, path string) (string, error) {
	content, err := get(ctx, config, resource, namespace, name)
	if err != nil {
		return "", fmt.Errorf("get %s: %w", resource.Resource, err)
	}
	printer := jsonpath.New("get").AllowMissingKeys(true)
	if err := printer.Parse(path); err != nil {
		return "", fmt.Errorf("get %s: %w", resource.Resource, err)
	}
	var out bytes.Buffer
	if err := printer.Execute(&out, content); err != nil {
		return "", fmt.Errorf("get %s: %w", resource.Resource, err)
	}
	return out.String(), nil
}

func get(ctx context.Context, config *rest.Config, resource schema.GroupVersionResource, namespace, name string) (map[string]any, error) {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	objects := client.Resource(resource).Namespace(namespace)
	if name != "" {
		object, err := objects.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		return object.Object, nil
	}
	list, err := objects.List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(list.Items, func(a, b unstructured.Unstructured) int {
		return a.GetCreationTimestamp().Compare(b.GetCreationTimestamp().Time)
	})
	return list.UnstructuredContent(), nil
}
