package app

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilversion "k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/yaml"

	"github.com/travishook/travishook/config/crd"
	"github.com/travishook/travishook/internal/settings"
	"github.com/travishook/travishook/internal/version"
)

const (
	// crdVersion is the annotation with the version of the operator that wrote a CRD.
	crdVersion = "travishook.dev/operator-version"
	// crdManager is the field manager.
	crdManager = "travishook-crds"
	// crdsTimeout limits the whole: the API server may be unavailable for a moment.
	crdsTimeout = 2 * time.Minute
	crdsRetry   = 2 * time.Second
)

var crdResource = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// ApplyCRDs creates the CRDs of this version of the operator, or brings those of an older version up to
// date. It leaves those of a newer one as they are. Its error is one sentence.
func ApplyCRDs(ctx context.Context, o Options) error {
	log := newLogger(settings.Default().Log)
	cfg, err := restConfig(o.Kubeconfig)
	if err != nil {
		return err
	}
	client, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return fmt.Errorf("reach the API server: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, crdsTimeout)
	defer cancel()
	definitions, err := ownCRDs(version.String())
	if err != nil {
		return err
	}
	for _, definition := range definitions {
		if err := (crdWriter{client.Resource(crdResource), log}).apply(ctx, definition); err != nil {
			return fmt.Errorf("apply CRD %s: %w", definition.GetName(), err)
		}
	}
	return nil
}

// ownCRDs returns the embedded CRDs, marked with the version.
func ownCRDs(version string) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	err := fs.WalkDir(crd.Bases, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := crd.Bases.ReadFile(path)
		if err != nil {
			return err
		}
		definition := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(text, &definition.Object); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		annotate(definition, map[string]string{crdVersion: version})
		all = append(all, definition)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the embedded CRDs: %w", err)
	}
	return all, nil
}

func annotate(object *unstructured.Unstructured, with map[string]string) {
	all := object.GetAnnotations()
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, with)
	object.SetAnnotations(all)
}

// crdWriter writes CRDs. It needs the rights to get, create, patch and update them by name.
type crdWriter struct {
	client dynamic.ResourceInterface
	log    logr.Logger
}

// apply creates or updates one CRD, and retries while the API server does not answer.
func (w crdWriter) apply(ctx context.Context, definition *unstructured.Unstructured) error {
	var last error
	err := wait.PollUntilContextCancel(ctx, crdsRetry, true, func(ctx context.Context) (bool, error) {
		last = retry.RetryOnConflict(retry.DefaultRetry, func() error { return w.write(ctx, definition) })
		if last == nil {
			return true, nil
		}
		if apierrors.IsForbidden(last) || apierrors.IsInvalid(last) || apierrors.IsBadRequest(last) {
			return false, last
		}
		w.log.Info("CRD could not be applied; retrying", "crd", definition.GetName(), "reason", last.Error())
		return false, nil
	})
	if err != nil && last != nil {
		return last
	}
	return err
}

// write replaces the whole spec: a server-side apply would leave, for example, a validation rule that
// this version no longer has, as another field manager's. It only creates by server-side apply, because
// RBAC cannot limit any other way of creating to certain names.
func (w crdWriter) write(ctx context.Context, definition *unstructured.Unstructured) error {
	log := w.log.WithValues("crd", definition.GetName(), "version", definition.GetAnnotations()[crdVersion])
	live, err := w.client.Get(ctx, definition.GetName(), metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		log.Info("creating CRD")
		live, err = w.client.Apply(ctx, definition.GetName(), definition, metav1.ApplyOptions{FieldManager: crdManager, Force: true})
	case err != nil:
		return err
	case newer(live.GetAnnotations()[crdVersion], definition.GetAnnotations()[crdVersion]):
		log.Info("CRD is of a newer version; left unchanged", "installedVersion", live.GetAnnotations()[crdVersion])
		return nil
	default:
		log.Info("updating CRD", "installedVersion", live.GetAnnotations()[crdVersion])
		annotate(live, definition.GetAnnotations())
		live.Object["spec"] = definition.Object["spec"]
		live, err = w.client.Update(ctx, live, metav1.UpdateOptions{FieldManager: crdManager})
	}
	if err != nil {
		return err
	}
	return established(live)
}

// newer reports whether version a is newer than b. A version that is none, such as that of a build outside
// of git, is not.
func newer(a, b string) bool {
	left, err := utilversion.ParseSemantic(a)
	if err != nil {
		return false
	}
	right, err := utilversion.ParseSemantic(b)
	return err == nil && right.LessThan(left)
}

// established returns an error unless the API server serves the CRD.
func established(definition *unstructured.Unstructured) error {
	conditions, _, _ := unstructured.NestedSlice(definition.Object, "status", "conditions")
	for _, c := range conditions {
		if condition, ok := c.(map[string]any); ok && condition["type"] == "Established" && condition["status"] == "True" {
			return nil
		}
	}
	return fmt.Errorf("the API server does not serve it yet")
}
