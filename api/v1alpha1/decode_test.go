package v1alpha1

import (
	"encoding/json"
	"strings"
	"testing"
)

// One object that does not decode does not fail the list of all of them.
func TestListsSurviveObjectsThatDoNotDecode(t *testing.T) {
	const list = `{"items": [
		{"metadata": {"name": "fine", "namespace": "a"}, "spec": {"repository": "a/b"}, "status": {"lastBuild": "#1 passed"}},
		{"metadata": {"name": "time"}, "spec": {"repository": "a/c"}, "status": {"lastBuild": "x", "test": {"time": "2026-01-01t00:00:00z"}}},
		{"metadata": {"name": "spec"}, "spec": {"repository": 7}, "status": {}},
		{"metadata": {"name": "number"}, "spec": {"repository": "a/d", "repositoryID": 1e30}}
	]}`
	var routes TravisRouteList
	if err := json.Unmarshal([]byte(list), &routes); err != nil {
		t.Fatal(err)
	}
	if len(routes.Items) != 4 {
		t.Fatalf("%d of 4 routes", len(routes.Items))
	}
	fine, badTime, badSpec, badNumber := routes.Items[0], routes.Items[1], routes.Items[2], routes.Items[3]
	if fine.Namespace != "a" || fine.Status.LastBuild != "#1 passed" || Undecodable(&fine) != "" {
		t.Errorf("a route that decodes: %+v", fine)
	}
	if badTime.Name != "time" || badTime.Spec.Repository != "a/c" || badTime.Status.LastBuild != "" || Undecodable(&badTime) != "" {
		t.Errorf("a route whose status does not decode: %+v", badTime)
	}
	for _, r := range []TravisRoute{badSpec, badNumber} {
		if r.Name == "" || r.Spec.Repository != "" || !strings.Contains(Undecodable(&r), "cannot unmarshal") {
			t.Errorf("a route whose spec does not decode: %+v", r)
		}
	}
	var defaults TravisDefaultsList
	if err := json.Unmarshal([]byte(`{"items": [{"metadata": {"name": "default"}, "spec": {"events": 7}}, {"metadata": {"name": "default"}, "spec": {"account": "a"}}]}`), &defaults); err != nil {
		t.Fatal(err)
	}
	if Undecodable(&defaults.Items[0]) == "" || defaults.Items[1].Spec.Account != "a" {
		t.Errorf("defaults: %+v", defaults.Items)
	}
	if json.Unmarshal([]byte(`{"items": [{"metadata": 7}]}`), &routes) == nil {
		t.Error("an object without metadata decodes")
	}
}
