package chart_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func TestTheExternalStoreIsSharedByADeployment(t *testing.T) {
	h := newHelm(t)
	const external = `"config":{"store":{"external":{"url":"nats://a:4222"}}}`
	for set, replicas := range map[string]int32{
		`{` + external + `}`:              3,
		`{` + external + `,"replicas":1}`: 1,
		`{` + external + `,"replicas":5}`: 5,
	} {
		out := renderWith(t, h, set)
		deployment := objects[appsv1.Deployment](t, out, "Deployment")[0]
		if got := *deployment.Spec.Replicas; got != replicas {
			t.Errorf("%s: %d replicas, want %d", set, got, replicas)
		}
		one, none := intstr.FromInt32(1), intstr.FromInt32(0)
		strategy := appsv1.DeploymentStrategy{
			Type:          appsv1.RollingUpdateDeploymentStrategyType,
			RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: &none, MaxSurge: &one},
		}
		if diff := cmp.Diff(strategy, deployment.Spec.Strategy); diff != "" {
			t.Errorf("%s: strategy (-want +got):\n%s", set, diff)
		}
		budget := objects[policyv1.PodDisruptionBudget](t, out, "PodDisruptionBudget")[0]
		if budget.Spec.MaxUnavailable.IntValue() != 1 {
			t.Errorf("%s: the budget is %v", set, budget.Spec.MaxUnavailable)
		}
		spread := deployment.Spec.Template.Spec.TopologySpreadConstraints[0]
		for what, selector := range map[string]*metav1.LabelSelector{
			"Deployment": deployment.Spec.Selector, "budget": budget.Spec.Selector, "spread": spread.LabelSelector,
		} {
			s, err := metav1.LabelSelectorAsSelector(selector)
			if err != nil || s.Empty() || !s.Matches(labels.Set(deployment.Spec.Template.Labels)) {
				t.Errorf("%s: the %s does not select the pods: %v %v", set, what, s, err)
			}
		}
		if strings.Contains(out, "PersistentVolumeClaim") || strings.Contains(out, "/var/lib/travishook") {
			t.Errorf("%s: there is a volume", set)
		}
	}
}

func TestTheEmbeddedStoreIsOnePods(t *testing.T) {
	h := newHelm(t)
	rolling := appsv1.DeploymentStrategy{
		Type:          appsv1.RollingUpdateDeploymentStrategyType,
		RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: new(intstr.FromInt32(0)), MaxSurge: new(intstr.FromInt32(1))},
	}
	for set, strategy := range map[string]appsv1.DeploymentStrategy{
		`{}`:                                      rolling,
		`{"replicas":1}`:                          rolling,
		`{"config":{"store":{"maxSize":"1Gi"}}}`:  rolling,
		`{"store":{"handover":false}}`:            {Type: appsv1.RecreateDeploymentStrategyType},
		`{"store":{"existingClaim":"mine"}}`:      rolling,
		`{"affinity":{"nodeAffinity":{}}}`:        rolling,
		`{"podLabels":{"a":"b"},"replicas":1}`:    rolling,
		`{"fullnameOverride":"other"}`:            rolling,
		`{"commonLabels":{"a":"b"},"replicas":0}`: rolling,
	} {
		out := renderWith(t, h, set)
		deployment := objects[appsv1.Deployment](t, out, "Deployment")[0]
		if *deployment.Spec.Replicas != 1 || strings.Contains(out, "kind: PodDisruptionBudget") {
			t.Errorf("%s: several pods", set)
		}
		if diff := cmp.Diff(strategy, deployment.Spec.Strategy); diff != "" {
			t.Errorf("%s: strategy (-want +got):\n%s", set, diff)
		}
		// Two pods must never have the volume on two nodes, however the second one came about.
		terms := deployment.Spec.Template.Spec.Affinity.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution
		own := terms[0]
		s, err := metav1.LabelSelectorAsSelector(own.LabelSelector)
		if err != nil || len(terms) != 1 || own.TopologyKey != "kubernetes.io/hostname" || !s.Matches(labels.Set(deployment.Spec.Template.Labels)) {
			t.Errorf("%s: a pod may run on another node than the one before: %+v %v", set, own, err)
		}
		// Pods of the NATS cluster's store may be on any node.
		pods := objects[appsv1.Deployment](t, renderWith(t, h, `{"config":{"store":{"external":{"url":"nats://a:4222"}}}}`), "Deployment")[0].Spec.Template
		if s.Matches(labels.Set(pods.Labels)) || pods.Spec.Affinity != nil {
			t.Errorf("%s: pods with an external store count: %v %v", set, pods.Labels, pods.Spec.Affinity)
		}
	}
}

// The pod that replaces another one must find a node, and must not share the store with it.
func TestValuesThatKeepTheNextPodAway(t *testing.T) {
	h := newHelm(t)
	const (
		required   = `{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"zone","labelSelector":%s}]}`
		preferred  = `{"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":1,"podAffinityTerm":{"topologyKey":"zone","labelSelector":%s}}]}`
		spread     = `"topologySpreadConstraints":[{"maxSkew":1,"topologyKey":"kubernetes.io/hostname","whenUnsatisfiable":%s}]`
		ours       = `{"matchLabels":{"app.kubernetes.io/name":"travishook"}}`
		team       = `{"matchExpressions":[{"key":"team","operator":"In","values":["ci","qa"]}]}`
		ingress    = `{"matchLabels":{"app":"ingress"}}`
		noHandover = `"store":{"handover":false}`
		external   = `"config":{"store":{"external":{"url":"nats://a:4222"}}}`

		near    = "affinity.podAffinity: with the embedded store a pod runs beside the one that it replaces"
		away    = "affinity.podAntiAffinity: a required term keeps the next pod of the embedded store away"
		apart   = "topologySpreadConstraints: DoNotSchedule keeps the next pod of the embedded store away"
		sandbox = "runtimeClassName: under gvisor two pods may not see each other's lock of the embedded store: set store.accessMode to ReadWriteOncePod and store.handover to false"
	)
	affinity := func(kind, terms, selector string) string {
		return `"affinity":{"` + kind + `":` + fmt.Sprintf(terms, selector) + `}`
	}
	for set, refused := range map[string]string{
		affinity("podAffinity", required, ingress):                                                             near,
		affinity("podAffinity", required, ingress) + `,` + noHandover:                                          near,
		affinity("podAffinity", required, ingress) + `,` + external:                                            "",
		affinity("podAffinity", preferred, ingress):                                                            "",
		affinity("podAntiAffinity", required, ours):                                                            away,
		affinity("podAntiAffinity", required, ours) + `,` + noHandover:                                         "",
		affinity("podAntiAffinity", required, ours) + `,` + external:                                           "",
		affinity("podAntiAffinity", required, ingress):                                                         "",
		affinity("podAntiAffinity", preferred, ours):                                                           "",
		affinity("podAntiAffinity", required, team):                                                            "",
		affinity("podAntiAffinity", required, team) + `,"podLabels":{"team":"ci"}`:                             away,
		fmt.Sprintf(spread, `"DoNotSchedule","labelSelector":`+ours):                                           apart,
		fmt.Sprintf(spread, `"DoNotSchedule","labelSelector":`+ours) + `,` + noHandover:                        "",
		fmt.Sprintf(spread, `"DoNotSchedule","labelSelector":`+ours) + `,` + external:                          "",
		fmt.Sprintf(spread, `"DoNotSchedule","labelSelector":`+ours+`,"matchLabelKeys":["pod-template-hash"]`): "",
		fmt.Sprintf(spread, `"DoNotSchedule","labelSelector":`+ingress):                                        "",
		fmt.Sprintf(spread, `"ScheduleAnyway","labelSelector":`+ours):                                          "",

		`"store":{"accessMode":"ReadWriteOncePod"}`:                                              "store.accessMode: ReadWriteOncePod lets no second pod start: set store.handover to false",
		`"store":{"accessMode":"ReadWriteOncePod","handover":false}`:                             "",
		`"store":{"accessMode":"ReadWriteOncePod"},` + external:                                  "",
		`"store":{"accessMode":"ReadOnlyMany"}`:                                                  "accessMode",
		`"runtimeClassName":"gvisor"`:                                                            sandbox,
		`"runtimeClassName":"gvisor",` + noHandover:                                              sandbox,
		`"runtimeClassName":"gvisor",` + external:                                                "",
		`"runtimeClassName":"gvisor","store":{"existingClaim":"mine"}`:                           sandbox,
		`"runtimeClassName":"gvisor","store":{"accessMode":"ReadWriteOncePod","handover":false}`: "",
	} {
		out, err := h.Run(t.Context(), "template", "travishook", h.Chart(), "--set-json", "{"+set+"}")
		switch {
		case refused == "" && err != nil:
			t.Errorf("%s: %v", set, err)
		case refused != "" && (err == nil || !strings.Contains(err.Error(), refused)):
			t.Errorf("%s: not refused with %q: %v", set, refused, err)
		case refused == "" && strings.Contains(set, "OncePod") && !strings.Contains(set, "external") && !strings.Contains(out, "accessModes: [ReadWriteOncePod]"):
			t.Errorf("%s: the claim does not have the mode", set)
		}
	}
}

// A pod whose image is still being pulled must not get the webhooks of the one that it replaces.
func TestOnlyAReadyPodGetsWebhooks(t *testing.T) {
	h := newHelm(t)
	for _, service := range objects[corev1.Service](t, renderWith(t, h, `{}`), "Service") {
		if service.Name == "travishook" && service.Spec.PublishNotReadyAddresses {
			t.Error("a pod that is not ready gets webhooks")
		}
	}
}

func TestAnExistingServiceAccountIsUsed(t *testing.T) {
	h := newHelm(t)
	out := renderWith(t, h, `{"serviceAccount":{"create":false,"name":"ci"}}`)
	for _, account := range objects[corev1.ServiceAccount](t, out, "ServiceAccount") {
		if account.Name == "ci" {
			t.Error("the account is created")
		}
	}
	if got := objects[appsv1.Deployment](t, out, "Deployment")[0].Spec.Template.Spec.ServiceAccountName; got != "ci" {
		t.Errorf("the pod has the account %q", got)
	}
}

// Argo CD prunes what leaves the manifests unless this says otherwise.
const keptByArgoCD = "argocd.argoproj.io/sync-options"

// Accepted events outlive the release.
func TestTheClaimStays(t *testing.T) {
	h := newHelm(t)
	claims := objects[corev1.PersistentVolumeClaim](t, renderWith(t, h, `{"store":{"size":"3Gi","storageClassName":"fast"}}`), "PersistentVolumeClaim")
	if len(claims) != 1 || claims[0].Annotations["helm.sh/resource-policy"] != "keep" || claims[0].Spec.Resources.Requests.Storage().String() != "3Gi" ||
		*claims[0].Spec.StorageClassName != "fast" || claims[0].Annotations[keptByArgoCD] != "Prune=false,Delete=false" {
		t.Errorf("%+v", claims)
	}
	for _, set := range []string{`{"store":{"existingClaim":"mine"}}`, `{"config":{"store":{"external":{"url":"nats://a:4222"}}}}`} {
		if strings.Contains(renderWith(t, h, set), "kind: PersistentVolumeClaim") {
			t.Errorf("%s: there is a claim", set)
		}
	}

	folder, err := os.ReadFile(filepath.Join(root, "config", "setup", "claim.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	claim := objects[corev1.PersistentVolumeClaim](t, string(folder), "PersistentVolumeClaim")[0]
	if diff := cmp.Diff(map[string]string{keptByArgoCD: "Prune=false,Delete=false"}, claim.Annotations); diff != "" {
		t.Errorf("of kustomize (-want +got):\n%s", diff)
	}
}

// An ingress controller that uses the wrong protocol answers 502.
func TestTheIngressSpeaksTheReceiversProtocol(t *testing.T) {
	h := newHelm(t)
	ingress := func(set string) networkingv1.Ingress {
		return objects[networkingv1.Ingress](t, renderWith(t, h, set), "Ingress")[0]
	}
	const protocol = "nginx.ingress.kubernetes.io/backend-protocol"
	plain := ingress(`{"ingress":{"enabled":true,"host":"a.example"}}`)
	if got, set := plain.Annotations[protocol]; set {
		t.Errorf("plain HTTP is called %s", got)
	}
	behind := ingress(`{"ingress":{"enabled":true,"host":"a.example"},"receiver":{"tls":{"secretName":"a"}}}`)
	if got := behind.Annotations[protocol]; got != "HTTPS" {
		t.Errorf("HTTPS is called %q", got)
	}
}
