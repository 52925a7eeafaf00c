package server_test

import (
	"net/url"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
)

// TestWhySaysByWhichBuildItJudged: Travis reports failed after an errored build, whatever was before.
func TestWhySaysByWhichBuildItJudged(t *testing.T) {
	for name, test := range map[string]struct {
		transitions v1alpha1.Transitions
		events      []v1alpha1.EventName
		fact        string
		matched     bool
		says        string
	}{
		"the operator decides": {"", []v1alpha1.EventName{"broken"}, "build 7 (broken)", true, "; broken by build 6, which passed (Travis reported failed)"},
		"Travis decides":       {v1alpha1.TransitionsTravis, []v1alpha1.EventName{"failed"}, "build 7 (failed)", true, "; failed as Travis reported; it would be broken by build 6, which passed"},
		"another event": {"", []v1alpha1.EventName{"failed"}, "build 7 (broken)", false,
			"did not match: event broken is not in [failed]; broken by build 6, which passed (Travis reported failed)"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newOperator(t)
			r.setUp(func(s *v1alpha1.TravisRouteSpec) { s.Events = test.events })
			r.compiler.PutDefaults(&v1alpha1.TravisDefaults{
				ObjectMeta: metav1.ObjectMeta{Namespace: team, Name: v1alpha1.DefaultsName},
				Spec:       v1alpha1.TravisDefaultsSpec{Transitions: test.transitions},
			})
			r.post(travistest.Build{ID: 6, Number: "6", Result: travis.Passed})
			r.post(travistest.Build{ID: 7, Number: "7", Result: travis.Failed})
			why := r.why(url.Values{"namespace": {team}, "repository": {slug}, "build": {"7"}}.Encode())
			verdict := why.Webhooks[0].Routes[0]
			if verdict.Matched != test.matched || !strings.HasSuffix(verdict.Detail, test.says) {
				t.Errorf("verdict %+v, want matched %v: …%s", verdict, test.matched, test.says)
			}
			if len(why.Facts) == 0 || !strings.Contains(why.Facts[0].Text, test.fact) {
				t.Errorf("facts %q, want one on %s", why.Facts, test.fact)
			}
		})
	}
}
