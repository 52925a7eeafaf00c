package routing

import (
	"slices"
	"testing"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/travis"
)

func TestParseEvents(t *testing.T) {
	tests := map[string]struct {
		names   []v1alpha1.EventName
		results []travis.Result
		shown   string
		trap    bool
	}{
		"none":                  {nil, nil, "", false},
		"success is passed":     {[]v1alpha1.EventName{"success"}, []travis.Result{travis.Passed}, "passed", false},
		"failure is three":      {[]v1alpha1.EventName{"failure"}, []travis.Result{travis.Broken, travis.Failed, travis.Errored}, "failure", false},
		"* is all":              {[]v1alpha1.EventName{"*"}, travis.Results, "*", false},
		"failed without broken": {[]v1alpha1.EventName{"failed", "passed"}, []travis.Result{travis.Passed, travis.Failed}, "passed,failed", true},
		"failed with broken":    {[]v1alpha1.EventName{"failed", "broken"}, []travis.Result{travis.Broken, travis.Failed}, "broken,failed", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			set, err := ParseEvents(test.names)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range travis.Results {
				if set.Has(r) != slices.Contains(test.results, r) {
					t.Errorf("Has(%s) = %v", r, set.Has(r))
				}
			}
			if set.Has("unheard_of") {
				t.Error("has a result that there is not")
			}
			if set.String() != test.shown || len(set.Names()) != len(test.results) || (set.trap() != "") != test.trap {
				t.Errorf("shown as %q, names %v, trap %q", set, set.Names(), set.trap())
			}
		})
	}
	if len(travis.Results) != 8 || allEvents != setOf(travis.Results...) {
		t.Error("* is not all results")
	}
}
