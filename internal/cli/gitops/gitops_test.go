package gitops_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/travishook/travishook/internal/cli/gitops"
)

func TestOwner(t *testing.T) {
	labeled := func(key, value string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Labels: map[string]string{key: value}}
	}
	managed := func(manager, subresource string) metav1.ObjectMeta {
		return metav1.ObjectMeta{ManagedFields: []metav1.ManagedFieldsEntry{{Manager: manager, Subresource: subresource}}}
	}
	tests := map[string]struct {
		object metav1.ObjectMeta
		tool   string
	}{
		"no manager":                  {metav1.ObjectMeta{}, ""},
		"a person with kubectl":       {managed("kubectl-client-side-apply", ""), ""},
		"this command line":           {managed("kubectl-travis", ""), ""},
		"managed by something else":   {labeled("app.kubernetes.io/managed-by", "kubectl-travis"), ""},
		"a status that Argo CD wrote": {managed("argocd-controller", "status"), ""},
		"Flux by label":               {labeled("kustomize.toolkit.fluxcd.io/name", "apps"), "Flux (a Kustomization) apps"},
		"Flux by manager":             {managed("kustomize-controller", ""), "Flux (a Kustomization)"},
		"Argo CD by annotation": {metav1.ObjectMeta{Annotations: map[string]string{"argocd.argoproj.io/tracking-id": "apps:x"}},
			"Argo CD apps:x"},
		"Argo CD by manager": {managed("argocd-controller", ""), "Argo CD"},
		"Helm":               {labeled("app.kubernetes.io/managed-by", "Helm"), "Helm"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			tool, owned := gitops.Owner(&test.object)
			if tool != test.tool || owned != (test.tool != "") {
				t.Errorf("got %q, %v; want %q", tool, owned, test.tool)
			}
		})
	}
}

func TestStripLeavesOwnLabels(t *testing.T) {
	o := metav1.ObjectMeta{
		Labels:      map[string]string{"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux", "team": "a", "app.kubernetes.io/managed-by": "us"},
		Annotations: map[string]string{"meta.helm.sh/release-name": "x", "note": "y"},
	}
	gitops.Strip(&o)
	if len(o.Labels) != 2 || o.Labels["team"] != "a" || o.Labels["app.kubernetes.io/managed-by"] != "us" {
		t.Errorf("labels: %v", o.Labels)
	}
	if len(o.Annotations) != 1 || o.Annotations["note"] != "y" {
		t.Errorf("annotations: %v", o.Annotations)
	}
}
