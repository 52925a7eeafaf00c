package chart_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
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
	for _, set := range []string{`{}`, `{"replicas":1}`, `{"config":{"store":{"maxSize":"1Gi"}}}`} {
		out := renderWith(t, h, set)
		sets := objects[appsv1.StatefulSet](t, out, "StatefulSet")
		if len(sets) != 1 || *sets[0].Spec.Replicas != 1 || len(sets[0].Spec.VolumeClaimTemplates) != 1 {
			t.Errorf("%s: %+v", set, sets)
		}
		for _, kind := range []string{"Deployment", "PodDisruptionBudget"} {
			if strings.Contains(out, "kind: "+kind) {
				t.Errorf("%s: there is a %s", set, kind)
			}
		}
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
