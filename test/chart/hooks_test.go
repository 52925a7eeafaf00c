package chart_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// A pod of a hook that a Service or a NetworkPolicy selects would be taken for the operator.
func TestThePodsOfHooksAreNotTheOperators(t *testing.T) {
	h := newHelm(t)
	for _, name := range cases(t) {
		t.Run(name, func(t *testing.T) {
			out := render(t, h, "--values", "testdata/"+name+".values.yaml")
			hooks := []labels.Set{
				objects[corev1.Pod](t, out, "Pod")[0].Labels,
				objects[batchv1.Job](t, out, "Job")[0].Spec.Template.Labels,
			}
			operator := labels.Set(template(t, out).Labels)
			check := func(what string, selector labels.Selector) {
				if !selector.Matches(operator) {
					t.Errorf("%s does not select the operator's pod", what)
				}
				for _, hook := range hooks {
					if selector.Matches(hook) {
						t.Errorf("%s selects the pod with the labels %v", what, hook)
					}
				}
			}
			for _, s := range objects[corev1.Service](t, out, "Service") {
				check("Service "+s.Name, labels.SelectorFromSet(s.Spec.Selector))
			}
			for _, n := range objects[networkingv1.NetworkPolicy](t, out, "NetworkPolicy") {
				check("NetworkPolicy "+n.Name, selectorOf(t, &n.Spec.PodSelector))
			}
		})
	}
}

// helm test must post to the receiver's Service, as an ingress does, on the port and the path that it has.
func TestHelmTestPostsToTheService(t *testing.T) {
	h := newHelm(t)
	for _, name := range cases(t) {
		t.Run(name, func(t *testing.T) {
			out := render(t, h, "--values", "testdata/"+name+".values.yaml")
			text, is := strings.CutPrefix(objects[corev1.Pod](t, out, "Pod")[0].Spec.Containers[0].Args[0], "--check=")
			address, err := url.Parse(text)
			if !is || err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			service := objects[corev1.Service](t, out, "Service")[0]
			port := service.Spec.Ports[0]
			want := url.URL{
				Scheme: port.Name, Host: service.Name + "." + namespace + ".svc:" + strconv.Itoa(int(port.Port)),
				Path: settingsIn(t, out).Receiver.PathPrefix,
			}
			if *address != want {
				t.Errorf("%s, want %s", address, &want)
			}
		})
	}
}

// If only some may reach the receiver, helm test must be one of them, while it runs.
func TestHelmTestPassesTheNetworkPolicy(t *testing.T) {
	h := newHelm(t)
	policies := func(set string) (networkingv1.NetworkPolicy, bool, corev1.Pod) {
		out := renderWith(t, h, set)
		for _, n := range objects[networkingv1.NetworkPolicy](t, out, "NetworkPolicy") {
			if n.Annotations["helm.sh/hook"] == "test" {
				return n, true, objects[corev1.Pod](t, out, "Pod")[0]
			}
		}
		return networkingv1.NetworkPolicy{}, false, corev1.Pod{}
	}
	policy, is, pod := policies(`{"networkPolicy":{"receiverFrom":[{"namespaceSelector":{}}]}}`)
	if !is {
		t.Fatal("nothing lets the test through")
	}
	for _, rule := range policy.Spec.Ingress {
		if len(rule.From) != 1 || !selectorOf(t, rule.From[0].PodSelector).Matches(labels.Set(pod.Labels)) {
			t.Errorf("it lets through %v", rule.From)
		}
	}
	const weight = "helm.sh/hook-weight"
	before, err := strconv.Atoi(policy.Annotations[weight])
	after, err2 := strconv.Atoi(pod.Annotations[weight])
	if err != nil || err2 != nil || before >= after {
		t.Errorf("it comes at %s, the pod at %s", policy.Annotations[weight], pod.Annotations[weight])
	}
	for _, set := range []string{`{}`, `{"networkPolicy":{"enabled":false,"receiverFrom":[{"namespaceSelector":{}}]}}`} {
		if _, is, _ := policies(set); is {
			t.Errorf("%s: there is a policy that nobody needs", set)
		}
	}
}

func selectorOf(t *testing.T, of *metav1.LabelSelector) labels.Selector {
	t.Helper()
	selector, err := metav1.LabelSelectorAsSelector(of)
	if err != nil || selector.Empty() {
		t.Fatalf("the selector is %v: %v", selector, err)
	}
	return selector
}
