package importer

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/api/v1alpha1"
)

func TestConditions(t *testing.T) {
	branches := func(globs ...v1alpha1.Glob) *v1alpha1.Branches { return &v1alpha1.Branches{Include: globs} }
	tests := map[string]v1alpha1.TravisRouteSpec{
		"branch = main":                            {Branches: branches("main")},
		"branch = main AND type = push":            {Branches: branches("main"), BuildTypes: []v1alpha1.BuildType{"push"}},
		"type == cron and branch = 'release/1'":    {Branches: branches("release/1"), BuildTypes: []v1alpha1.BuildType{"cron"}},
		"branch IN (main, next) && type IN (push)": {Branches: branches("main", "next"), BuildTypes: []v1alpha1.BuildType{"push"}},
		"type IN (push, api)":                      {BuildTypes: []v1alpha1.BuildType{"push", "api"}},
		"branch = main OR type = push":             {},
		"branch != main":                           {},
		"branch =~ ^release":                       {},
		"NOT branch = main":                        {},
		"tag IS present":                           {},
		"branch = main AND tag IS blank":           {},
		"branch = main AND branch = next":          {},
		"type = pushed":                            {},
		"branch = concat(a, b)":                    {},
		"branch = main AND (type = push OR fork)":  {},
		"":                               {},
		"branch = main AND env(X) = 1":   {},
		"branch IN (main":                {},
		"branch = main, next":            {},
		"sender = ann AND branch = main": {},
		"branch = main AND type = push AND os = x":    {},
		"branch = \"main\" AND commit_message =~ /x/": {},
	}
	for condition, want := range tests {
		var got v1alpha1.TravisRouteSpec
		converted := applyCondition(&got, condition)
		if diff := cmp.Diff(want, got); diff != "" || converted == cmp.Equal(want, v1alpha1.TravisRouteSpec{}) {
			t.Errorf("%q: converted: %v (-want +got)\n%s", condition, converted, diff)
		}
	}
}
