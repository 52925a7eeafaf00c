package controllers

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/routing"
)

// TestKstatusReadsTheStatus is what Flux, kpt and helm --wait make of a route.
func TestKstatusReadsTheStatus(t *testing.T) {
	problem := []routing.Problem{{Reason: v1alpha1.ReasonInvalid, Message: "why"}}
	judged := func(v routing.Verdict) v1alpha1.TravisRouteStatus {
		v.Generation = 2
		return routeStatus(v1alpha1.TravisRouteStatus{}, "a/b", v, nil)
	}
	outdated := judged(routing.Verdict{})
	outdated.ObservedGeneration = 1
	was := judged(routing.Verdict{Invalid: problem})
	for name, c := range map[string]struct {
		is   v1alpha1.TravisRouteStatus
		want status.Status
	}{
		"seen by no operator":     {v1alpha1.TravisRouteStatus{ObservedGeneration: -1}, status.InProgressStatus}, // the schema's default
		"changed since":           {outdated, status.InProgressStatus},
		"ready":                   {judged(routing.Verdict{}), status.CurrentStatus},
		"suspended":               {judged(routing.Verdict{Suspended: true}), status.CurrentStatus},
		"waiting for a Secret":    {judged(routing.Verdict{Unresolved: problem}), status.InProgressStatus},
		"not accepted":            {judged(routing.Verdict{Invalid: problem}), status.FailedStatus},
		"with a template's fault": {judged(routing.Verdict{Faults: problem}), status.FailedStatus},
		"corrected":               {routeStatus(was, "a/b", routing.Verdict{Generation: 2}, nil), status.CurrentStatus},
	} {
		route := &v1alpha1.TravisRoute{Status: c.is}
		route.APIVersion, route.Kind, route.Generation = v1alpha1.GroupVersion.String(), "TravisRoute", 2
		object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(route)
		if err != nil {
			t.Fatal(err)
		}
		got, err := status.Compute(&unstructured.Unstructured{Object: object})
		if err != nil || got.Status != c.want {
			t.Errorf("a route that is %s: %v, %v; want %s", name, got, err, c.want)
		}
	}
}
