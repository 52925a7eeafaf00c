package server_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
)

func TestABuildIsFoundByNumberIDAndLink(t *testing.T) {
	r := newOperator(t)
	r.setUp(failures)
	r.post(travistest.Build{ID: 123456, Number: "7", Result: travis.Broken})
	r.post(travistest.Build{ID: 123457, Number: "8", Result: travis.Broken})
	for _, build := range []string{
		"7", "#7", "123456", "https://app.travis-ci.com/github/example/example/builds/123456",
		"https://travis-ci.com/Example/example/builds/123456?utm_source=slack", "https://app.travis-ci.com/github/example/example/builds/123456/",
	} {
		why := r.why(url.Values{"repository": {slug}, "build": {build}}.Encode())
		if len(why.Webhooks) != 1 || why.Webhooks[0].BuildID != 123456 {
			t.Errorf("%s: got %+v", build, why.Webhooks)
		}
	}
	for _, build := range []string{"https://app.travis-ci.com/github/example/other/builds/123456", "https://app.travis-ci.com/github/example/example"} {
		if code, says := r.refused("ann", http.MethodGet, deliveryapi.PathWhy+"?"+url.Values{"repository": {slug}, "build": {build}}.Encode(), nil); code != http.StatusBadRequest {
			t.Errorf("%s: status code %d %s", build, code, says)
		}
	}
}

// What is said of pending is about the build that was asked for.
func TestPendingOfTheBuildThatIsAskedFor(t *testing.T) {
	r := newOperator(t)
	r.setUp(func(s *v1alpha1.TravisRouteSpec) { s.Events = []v1alpha1.EventName{"pending", "failure"} })
	r.post(travistest.Build{ID: 7, Number: "7", Result: travis.Pending})
	r.post(travistest.Build{ID: 7, Number: "7", Result: travis.Broken})
	r.post(travistest.Build{ID: 8, Number: "8", Result: travis.Broken})
	for build, want := range map[string]bool{"7": false, "8": true, "": false} {
		found := false
		for _, f := range r.why(url.Values{"repository": {slug}, "build": {build}}.Encode()).Facts {
			found = found || f.Cause == deliveryapi.CauseOnStart
		}
		if found != want {
			t.Errorf("build %q: on_start is a finding: %v, want %v", build, found, want)
		}
	}
}
