package server_test

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
)

// broken is a build that every route of the tests wants unless it says otherwise.
var broken = travistest.Build{Number: "7", Result: travis.Broken}

func at(path string) func(*http.Request) {
	return func(r *http.Request) { r.URL.Path = path }
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// Each plants one cause for which no message comes, and must be told it first.
func TestWhyNoMessageCame(t *testing.T) {
	tests := []struct {
		cause deliveryapi.Cause
		plant func(*rig)
		asked string // repository, if another; its build after a #
		says  []string
	}{
		{deliveryapi.CauseNothingArrived, func(r *rig) { r.usual() }, "",
			[]string{"nothing has arrived for example/example since 2", ".travis.yml"}},
		{deliveryapi.CauseNothingArrived, func(r *rig) { r.usual(); r.post(broken) }, "#8",
			[]string{"nothing has arrived for build 8 of example/example"}},
		{deliveryapi.CauseSimilarArrived, func(r *rig) {
			r.usual(func(s *v1alpha1.TravisRouteSpec) { s.Repository = "example/examlpe" })
			r.account("example/*")
			r.post(travistest.Build{})
		}, "example/examlpe", []string{"example/example"}},
		{deliveryapi.CauseNotDeclared, func(r *rig) { r.usual() }, "example/other", []string{"no route names the repository example/other in namespace team-a"}},
		{deliveryapi.CauseSimilarRoute, func(r *rig) { r.usual() }, "example/exampel", []string{"almost the same: example/example"}},
		{deliveryapi.CauseRedirected, func(r *rig) {
			r.usual()
			r.post(broken, func(q *http.Request) { q.Method = http.MethodGet })
		}, "", []string{"redirect"}},
		{deliveryapi.CauseJSON, func(r *rig) { r.usual(); r.post(broken, header("Content-Type", "application/json")) }, "", []string{"msteams"}},
		{deliveryapi.CauseMalformed, func(r *rig) { r.usual(); r.post(broken, at("/elsewhere")) }, "", []string{"another path"}},
		{deliveryapi.CauseNotSetUp, func(r *rig) { r.account(); r.route(team, "builds"); r.post(broken) }, "",
			[]string{`nothing vouches for "example/example" in namespace "team-a"`}},
		{deliveryapi.CauseUnsigned, func(r *rig) { r.usual(); r.post(broken, header("Signature", "")) }, "", []string{"not signed", "keylessRepositories"}},
		{deliveryapi.CauseWrongSignature, func(r *rig) {
			r.usual()
			r.post(broken, header("Signature", travistest.Sign(travistest.Key(), []byte("{}"))))
		}, "", []string{"trust.keys"}},
		{deliveryapi.CauseNoProof, func(r *rig) { r.usual(); r.post(broken, at("/travis")) }, "", []string{"proved no token", "kubectl travis token"}},
		{deliveryapi.CauseWrongProof, func(r *rig) { r.usual(); r.post(broken, at("/travis/0123")) }, "", []string{"another token"}},
		{deliveryapi.CauseOtherRepository, func(r *rig) {
			r.usual()
			r.post(broken)
			r.attempt(queue.Outcome{Kind: queue.Delivered})
			r.post(travistest.Build{RepositoryID: 99})
		}, "", []string{"set spec.repositoryID to 99"}},
		{deliveryapi.CauseStale, func(r *rig) { r.usual(); r.post(travistest.Build{Finished: time.Now().Add(-48 * time.Hour)}) }, "", []string{"receiver.maxAge"}},
		{deliveryapi.CauseSeen, func(r *rig) {
			r.usual()
			b := broken
			b.Finished = time.Now().UTC().Truncate(time.Second)
			r.post(b)
			r.attempt(queue.Outcome{Kind: queue.Delivered})
			r.post(b)
		}, "", []string{"build 7 (broken)", "replay"}},
		{deliveryapi.CauseRefusing, func(r *rig) { r.usual(failures); r.refuses = queue.ErrFull }, "", []string{"at this moment: store is full", "TravisDefaults"}},
		{deliveryapi.CauseLost, func(r *rig) { r.usual(); r.notReady = errors.New("no key yet"); r.post(broken) }, "", []string{"not ready", "restart the build"}},
		{deliveryapi.CauseNotReady, func(r *rig) { r.usual(func(s *v1alpha1.TravisRouteSpec) { s.Filter = "1 +" }) }, "", []string{"filter: line 1"}},
		{deliveryapi.CauseSuspended, func(r *rig) { r.usual(func(s *v1alpha1.TravisRouteSpec) { s.Suspend = true }); r.post(broken) }, "", []string{"spec.suspend"}},
		{deliveryapi.CauseEvents, func(r *rig) {
			r.usual(func(s *v1alpha1.TravisRouteSpec) { s.Events = []v1alpha1.EventName{"passed"} })
			r.post(broken)
		}, "", []string{"build 7 (broken)", "the event is broken, and the route wants passed"}},
		{deliveryapi.CauseOnStart, func(r *rig) {
			r.usual(func(s *v1alpha1.TravisRouteSpec) { s.Events = []v1alpha1.EventName{"pending"} })
		}, "", []string{"on_start: always"}},
		{deliveryapi.CauseBuildTypes, func(r *rig) {
			r.usual(func(s *v1alpha1.TravisRouteSpec) {
				s.Events, s.BuildTypes = []v1alpha1.EventName{"failure"}, []v1alpha1.BuildType{"cron"}
			})
			r.post(broken)
		}, "", []string{"type push", "cron"}},
		{deliveryapi.CauseBranches, func(r *rig) {
			r.usual(func(s *v1alpha1.TravisRouteSpec) {
				s.Events, s.Branches = []v1alpha1.EventName{"failure"}, &v1alpha1.Branches{Include: []v1alpha1.Glob{"release/*"}}
			})
			r.post(broken)
		}, "", []string{`the branch is "main"`, "release/*"}},
		{deliveryapi.CauseFilter, func(r *rig) {
			r.usual(func(s *v1alpha1.TravisRouteSpec) {
				s.Events, s.Filter = []v1alpha1.EventName{"failure"}, `build.branch == "next"`
			})
			r.post(broken)
		}, "", []string{`build.branch == "next"`}},
		{deliveryapi.CauseNotReady, func(r *rig) {
			r.secret(team, token)
			r.route(team, "builds")
			r.post(broken)
		}, "", []string{`account "chat"`}},
		{deliveryapi.CauseDead, func(r *rig) {
			r.usual(failures)
			r.post(broken)
			r.attempt(queue.Outcome{Kind: queue.Dead, Reason: "there is no such room"})
		}, "", []string{"build 7 (broken) for #builds (chat)", "there is no such room", "redrive"}},
		{deliveryapi.CauseWaitingForAccount, func(r *rig) {
			r.usual(failures)
			r.post(broken)
			r.attempt(queue.Outcome{Kind: queue.Retry, Due: time.Now().Add(time.Hour), Credential: true, Reason: "the Secret has no key url"})
		}, "", []string{"as soon as that is mended", "the Secret has no key url"}},
		{deliveryapi.CauseRetrying, func(r *rig) {
			r.usual(failures)
			r.post(broken)
			r.attempt(queue.Outcome{Kind: queue.Retry, Due: time.Now().Add(time.Hour), Reason: "connection refused"})
		}, "", []string{"could not be sent 1 times", "connection refused"}},
		{deliveryapi.CauseDropped, func(r *rig) {
			r.usual(failures)
			r.post(broken)
			r.attempt(queue.Outcome{Kind: queue.Dropped, Reason: "route deleted"})
		}, "", []string{"route deleted"}},
		{deliveryapi.CauseSuperseded, func(r *rig) {
			r.usual(failures)
			r.post(broken)
			r.attempt(queue.Outcome{Kind: queue.Retry, Due: time.Now(), Reason: "connection refused"})
			again := broken
			again.Result, again.Started = travis.Errored, time.Now().Add(-time.Hour).UTC()
			r.post(again)
			r.retry(queue.Outcome{Kind: queue.Delivered})
		}, "#7", []string{"build 7 (broken)", "superseded by errored of the same build"}},
		{deliveryapi.CauseForgotten, func(r *rig) {
			r.usual(failures)
			r.post(broken)
			remembers := r.trail
			r.restart() // so that the end is told to another
			r.attempt(queue.Outcome{Kind: queue.Delivered})
			r.use(remembers)
		}, "", []string{"was stored for route team-a/builds"}},
		{deliveryapi.CauseUnderWay, func(r *rig) { r.usual(failures); r.post(broken) }, "", []string{"is on its way"}},
		{deliveryapi.CauseDelivered, func(r *rig) {
			r.usual(failures)
			r.post(broken)
			r.attempt(queue.Outcome{Kind: queue.Delivered})
		}, "", []string{"the service confirmed"}},
	}
	for _, test := range tests {
		t.Run(string(test.cause), func(t *testing.T) {
			r := newRig(t)
			test.plant(r)
			repository, build, _ := strings.Cut(test.asked, "#")
			if repository == "" {
				repository = slug
			}
			why := r.why(url.Values{"namespace": {team}, "repository": {repository}, "build": {build}}.Encode())
			i := slices.IndexFunc(why.Facts, func(f deliveryapi.Fact) bool { return f.Cause == test.cause })
			if i < 0 {
				t.Fatalf("not told; the facts are %q", why.Facts)
			}
			for _, word := range test.says {
				if !strings.Contains(why.Facts[i].Text, word) {
					t.Errorf("%q does not say %q", why.Facts[i].Text, word)
				}
			}
			for _, f := range why.Facts[:i] {
				if !expected[test.cause][f.Cause] {
					t.Errorf("told before it: %q", f)
				}
			}
		})
	}
}

// failures keeps a route from wanting pending, and so from being told about on_start.
func failures(s *v1alpha1.TravisRouteSpec) { s.Events = []v1alpha1.EventName{"failure"} }

// expected are causes that come along with another, and before it.
var expected = map[deliveryapi.Cause]map[deliveryapi.Cause]bool{
	deliveryapi.CauseSimilarArrived: {deliveryapi.CauseNothingArrived: true},
	deliveryapi.CauseSimilarRoute:   {deliveryapi.CauseNotDeclared: true},
	deliveryapi.CauseOnStart:        {deliveryapi.CauseNothingArrived: true},
}
