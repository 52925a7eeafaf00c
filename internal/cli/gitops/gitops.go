// Package gitops detects objects that a GitOps tool manages: such a tool reverts changes that are not
// made in its Git repository.
package gitops

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// mark is a label or annotation that a tool sets on the objects it applies.
type mark struct {
	key   string
	value string // empty for any
	tool  string
}

var marks = []mark{
	{"kustomize.toolkit.fluxcd.io/name", "", "Flux (a Kustomization)"},
	{"helm.toolkit.fluxcd.io/name", "", "Flux (a HelmRelease)"},
	{"argocd.argoproj.io/tracking-id", "", "Argo CD"},
	{"argocd.argoproj.io/instance", "", "Argo CD"},
	{"fleet.cattle.io/bundle-id", "", "Fleet"},
	{"configmanagement.gke.io/managed", "enabled", "Config Sync"},
	{"meta.helm.sh/release-name", "", "Helm"},
	{"app.kubernetes.io/managed-by", "Helm", "Helm"},
}

// managers are prefixes of the tools' field managers.
var managers = []struct{ prefix, tool string }{
	{"kustomize-controller", "Flux (a Kustomization)"},
	{"helm-controller", "Flux (a HelmRelease)"},
	{"flux", "Flux"},
	{"argocd-", "Argo CD"},
	{"fleetagent", "Fleet"},
	{"configsync", "Config Sync"},
	{"helm", "Helm"},
	{"kapp", "kapp"},
	{"pulumi", "Pulumi"},
	{"terraform", "Terraform"},
	{"Terraform", "Terraform"},
}

// Owner returns the tool that manages an object, with the tool's own name for the source if known.
func Owner(o metav1.Object) (tool string, owned bool) {
	for _, m := range marks {
		for _, set := range []map[string]string{o.GetLabels(), o.GetAnnotations()} {
			value, ok := set[m.key]
			switch {
			case !ok || m.value != "" && value != m.value:
			case m.value != "" || value == "":
				return m.tool, true
			default:
				return m.tool + " " + value, true
			}
		}
	}
	for _, entry := range o.GetManagedFields() {
		if entry.Subresource != "" {
			continue // whoever applies the spec does not manage status
		}
		for _, m := range managers {
			if strings.HasPrefix(entry.Manager, m.prefix) {
				return m.tool, true
			}
		}
	}
	return "", false
}

// Strip removes the tools' marks from an object, so that it can be committed as a manifest.
func Strip(o metav1.Object) {
	for _, m := range marks {
		if m.value != "" && o.GetLabels()[m.key] != m.value {
			continue
		}
		labels, annotations := o.GetLabels(), o.GetAnnotations()
		delete(labels, m.key)
		delete(annotations, m.key)
		o.SetLabels(labels)
		o.SetAnnotations(annotations)
	}
	for _, key := range []string{"kustomize.toolkit.fluxcd.io/namespace", "helm.toolkit.fluxcd.io/namespace", "meta.helm.sh/release-namespace"} {
		delete(o.GetLabels(), key)
		delete(o.GetAnnotations(), key)
	}
}
