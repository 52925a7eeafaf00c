package server_test

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
)

// broken is a build that every route of the tests matches unless it says otherwise.
var broken = travistest.Build{Number: "7", Result: travis.Broken}

func at(path string) func(*http.Request) {
	return func(r *http.Request) { r.URL.Path = path }
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// Each case plants one cause, which must be the first fact.
func TestCauses(t *testing.T) {
	tests := []struct {
		cause deliveryapi.Cause
		plant func(*testOperator)
		asked string // repository, if another; its build after a #
		says  []string
	}{
		{deliveryapi.CauseNothingArrived, func(r *testOperator) { r.setUp() }, "",
			[]string{"no webhook for example/example since 2", ".travis.yml", "on_success"}},
		{deliveryapi.CauseNothingArrived, func(r *testOperator) { r.setUp(); r.post(broken) }, "#8",
			[]string{"no webhook for build 8 of example/example"}},
		{deliveryapi.CauseFiltered, func(r *testOperator) { r.setUp(failures); r.post(broken) }, "#8", []string{"webhooks of other builds were received (7)", "on_success"}},
		{deliveryapi.CauseNothingArrived, func(r *testOperator) { r.setUp(failures); r.post(broken, at("/travis/0123")) }, "#8",
			[]string{"no webhook for build 8 of example/example"}},
		{deliveryapi.CauseSpelling, func(r *testOperator) {
			r.setUp(func(s *v1alpha1.TravisRouteSpec) { s.Repository = "Example/example" })
			r.post(broken, at("/travis/0123"))
		}, "", []string{"Travis spells the repository example/example, the route Example/example"}},
		{deliveryapi.CauseSimilarArrived, func(r *testOperator) {
			r.setUp(func(s *v1alpha1.TravisRouteSpec) { s.Repository = "example/examlpe" })
			r.account("example/*")
			r.post(travistest.Build{})
		}, "example/examlpe", []string{"example/example"}},
		{deliveryapi.CauseNotDeclared, func(r *testOperator) { r.setUp() }, "example/other", []string{"no route for example/other in namespace team-a"}},
		{deliveryapi.CauseSimilarRoute, func(r *testOperator) { r.setUp() }, "example/exampel", []string{"similar repository name: example/example"}},
		{deliveryapi.CauseRedirected, func(r *testOperator) {
			r.setUp()
			r.post(broken, func(q *http.Request) { q.Method = http.MethodGet })
		}, "", []string{"redirect"}},
		{deliveryapi.CauseJSON, func(r *testOperator) { r.setUp(); r.post(broken, header("Content-Type", "application/json")) }, "", []string{"msteams"}},
		{deliveryapi.CauseMalformed, func(r *testOperator) { r.setUp(); r.post(broken, at("/elsewhere")) }, "", []string{"another path"}},
		{deliveryapi.CauseNotSetUp, func(r *testOperator) { r.account(); r.route(team, "builds"); r.post(broken) }, "",
			[]string{"route team-a/builds is not ready"}},
		{deliveryapi.CauseUnsigned, func(r *testOperator) { r.setUp(); r.post(broken, header("Signature", "")) }, "", []string{"no signature", "keylessRepositories"}},
		{deliveryapi.CauseWrongSignature, func(r *testOperator) {
			r.setUp()
			r.post(broken, header("Signature", travistest.Sign(travistest.Key(), []byte("{}"))))
		}, "", []string{"trust.keys"}},
		{deliveryapi.CauseNoProof, func(r *testOperator) { r.setUp(); r.post(broken, at("/travis")) }, "", []string{"has no proof", "kubectl travis token --url"}},
		{deliveryapi.CauseWrongProof, func(r *testOperator) { r.setUp(); r.post(broken, at("/travis/0123")) }, "", []string{"another token"}},
		{deliveryapi.CauseOtherRepository, func(r *testOperator) {
			r.setUp()
			r.post(broken)
			r.attempt(queue.Outcome{Kind: queue.Delivered})
			r.post(travistest.Build{RepositoryID: 99})
		}, "", []string{"set spec.repositoryID to 99"}},
		{deliveryapi.CauseStale, func(r *testOperator) { r.setUp(); r.post(travistest.Build{Finished: time.Now().Add(-48 * time.Hour)}) }, "", []string{"receiver.maxAge"}},
		{deliveryapi.CauseStale, func(r *testOperator) { r.setUp(); r.post(travistest.Build{Finished: time.Now().Add(48 * time.Hour)}) }, "", []string{"ended in the future", "clocks"}},
		{deliveryapi.CauseStale, func(r *testOperator) {
			r.setUp()
			r.post(travistest.Build{Fields: map[string]any{"started_at": nil, "finished_at": nil}})
		}, "", []string{"does not contain when the build started or ended"}},
		{deliveryapi.CauseSeen, func(r *testOperator) {
			r.setUp()
			b := broken
			b.Finished = time.Now().UTC().Truncate(time.Second)
			r.post(b)
			r.attempt(queue.Outcome{Kind: queue.Delivered})
			r.post(b)
		}, "", []string{"build 7 (broken)", "the same event was received before"}},
		{deliveryapi.CauseRefusing, func(r *testOperator) { r.setUp(failures); r.refuses = queue.ErrFull }, "", []string{"at the moment: store is full", "TravisDefaults"}},
		{deliveryapi.CauseShare, func(r *testOperator) { r.setUp(failures); r.usage = 1 }, "", []string{"namespace team-a", "has used up", "with 7 deliveries"}},
		{deliveryapi.CauseShare, func(r *testOperator) { r.setUp(failures); r.usage = 0.85 }, "", []string{"namespace team-a has used 85 % of its share", "with 7 deliveries"}},
		{deliveryapi.CauseLost, func(r *testOperator) {
			r.setUp(failures)
			found, _ := r.lookup("example/example")
			event := travis.Event{
				Repository: travis.Repository{ID: 1, Owner: "example", Name: "example"},
				Build:      travis.Build{ID: 7, Number: "7", Result: travis.Broken, State: "failed", Type: travis.Push, Branch: "main"},
			}
			r.trail.Report(receiver.Report{ // it was stored for another namespace
				At: time.Now(), Code: http.StatusAccepted, Reason: receiver.ReasonStored, Slug: "example/example", Event: &event,
				Repository: found, Authorized: found.Namespaces, Recipients: found.Namespaces,
				Refused: map[string]string{team: "the namespace's share of the store is full"},
			})
		}, "", []string{"build 7 (broken): route team-a/builds: matched, but not stored: the namespace's share of the store is full"}},
		{deliveryapi.CauseDamaged, func(r *testOperator) { r.setUp(failures); r.losses = []queue.Loss{{At: time.Now(), Events: 3}} }, "", []string{"with 3 events"}},
		{deliveryapi.CauseLost, func(r *testOperator) { r.setUp(); r.notReady = errors.New("no key yet"); r.post(broken) }, "", []string{"not ready", "restart the build"}},
		{deliveryapi.CauseNotReady, func(r *testOperator) { r.setUp(func(s *v1alpha1.TravisRouteSpec) { s.Filter = "1 +" }) }, "", []string{"filter: line 1"}},
		{deliveryapi.CauseSuspended, func(r *testOperator) { r.setUp(func(s *v1alpha1.TravisRouteSpec) { s.Suspend = true }); r.post(broken) }, "", []string{"kubectl travis resume -n team-a builds"}},
		{deliveryapi.CauseEvents, func(r *testOperator) {
			r.setUp(func(s *v1alpha1.TravisRouteSpec) { s.Events = []v1alpha1.EventName{"passed"} })
			r.post(broken)
		}, "", []string{"build 7 (broken)", "event broken is not in [passed]"}},
		{deliveryapi.CauseOnStart, func(r *testOperator) {
			r.setUp(func(s *v1alpha1.TravisRouteSpec) { s.Events = []v1alpha1.EventName{"pending"} })
		}, "", []string{"on_start: always"}},
		{deliveryapi.CauseBuildTypes, func(r *testOperator) {
			r.setUp(func(s *v1alpha1.TravisRouteSpec) {
				s.Events, s.BuildTypes = []v1alpha1.EventName{"failure"}, []v1alpha1.BuildType{"cron"}
			})
			r.post(broken)
		}, "", []string{"type push", "cron"}},
		{deliveryapi.CauseBranches, func(r *testOperator) {
			r.setUp(func(s *v1alpha1.TravisRouteSpec) {
				s.Events, s.Branches = []v1alpha1.EventName{"failure"}, &v1alpha1.Branches{Include: []v1alpha1.Glob{"release/*"}}
			})
			r.post(broken)
		}, "", []string{`branch "main"`, "release/*"}},
		{deliveryapi.CauseFilter, func(r *testOperator) {
			r.setUp(func(s *v1alpha1.TravisRouteSpec) {
				s.Events, s.Filter = []v1alpha1.EventName{"failure"}, `build.branch == "next"`
			})
			r.post(broken)
		}, "", []string{`build.branch == "next"`}},
		{deliveryapi.CauseNotReady, func(r *testOperator) {
			r.secret(team, token)
			r.route(team, "builds")
			r.post(broken)
		}, "", []string{`account "chat"`}},
		{deliveryapi.CauseDead, func(r *testOperator) {
			r.setUp(failures)
			r.post(broken)
			r.attempt(queue.Outcome{Kind: queue.Dead, Reason: "there is no such room"})
		}, "", []string{"build 7 (broken): dead letter for chat:#builds by route team-a/builds", "there is no such room", "redrive"}},
		{deliveryapi.CauseWaitingForAccount, func(r *testOperator) {
			r.setUp(failures)
			r.post(broken)
			r.attempt(queue.Outcome{Kind: queue.Retry, Due: time.Now().Add(time.Hour), Credential: true, Reason: "the Secret has no key url"})
		}, "", []string{"as soon as the account is fixed", "the Secret has no key url"}},
		{deliveryapi.CausePaused, func(r *testOperator) {
			r.setUp(failures)
			r.post(broken)
			later := time.Now().Add(time.Hour)
			r.attempt(queue.Outcome{Kind: queue.Retry, Due: later, Rest: later, Reason: "rate limited"})
		}, "", []string{"waits to be sent to chat:#builds by route team-a/builds until the destination takes messages again", "rate limited"}},
		{deliveryapi.CauseRetrying, func(r *testOperator) {
			r.setUp(failures)
			r.post(broken)
			r.attempt(queue.Outcome{Kind: queue.Retry, Due: time.Now().Add(time.Hour), Reason: "connection refused"})
		}, "", []string{"not yet delivered to chat:#builds by route team-a/builds after 1 attempt, next attempt at", "connection refused"}},
		{deliveryapi.CauseDropped, func(r *testOperator) {
			r.setUp(failures)
			r.post(broken)
			r.attempt(queue.Outcome{Kind: queue.Dropped, Reason: "route deleted"})
		}, "", []string{"route deleted"}},
		{deliveryapi.CauseDropped, func(r *testOperator) {
			r.setUp(failures)
			r.post(broken)
			r.attempt(queue.Outcome{Kind: queue.Dead, Reason: "there is no such room"})
			if n, err := r.store.Drop(r.Context(), func(queue.Target) bool { return true }, "route deleted"); n != 1 || err != nil {
				r.Fatal(n, err)
			}
		}, "", []string{"build 7 (broken): not sent to chat:#builds by route team-a/builds: route deleted"}},
		{deliveryapi.CauseSuperseded, func(r *testOperator) {
			r.setUp(failures)
			r.post(broken)
			r.attempt(queue.Outcome{Kind: queue.Retry, Due: time.Now(), Reason: "connection refused"})
			again := broken
			again.Result, again.Started = travis.Errored, time.Now().UTC().Truncate(time.Second) // it was restarted
			r.post(again)
			r.retry(queue.Outcome{Kind: queue.Delivered})
		}, "#7", []string{"build 7 (broken)", "superseded by errored of the same build"}},
		{deliveryapi.CauseForgotten, func(r *testOperator) {
			r.setUp(failures)
			r.post(broken)
			before, keeper := r.trail, r.keeper
			r.restart() // the end is reported to another replica, which does not answer later
			r.attempt(queue.Outcome{Kind: queue.Delivered})
			r.use(before, keeper)
		}, "", []string{"stored for route team-a/builds", "no longer known"}},
		{deliveryapi.CauseUnderWay, func(r *testOperator) { r.setUp(failures); r.post(broken) }, "", []string{"build 7 (broken): waits to be sent to chat:#builds"}},
		{deliveryapi.CauseDelivered, func(r *testOperator) {
			r.setUp(failures)
			r.post(broken)
			r.attempt(queue.Outcome{Kind: queue.Delivered})
		}, "", []string{"build 7 (broken): delivered to chat:#builds by route team-a/builds"}},
	}
	for _, test := range tests {
		t.Run(string(test.cause), func(t *testing.T) {
			r := newOperator(t)
			test.plant(r)
			repository, build, _ := strings.Cut(test.asked, "#")
			if repository == "" {
				repository = slug
			}
			why := r.why(url.Values{"namespace": {team}, "repository": {repository}, "build": {build}}.Encode())
			i := slices.IndexFunc(why.Facts, func(f deliveryapi.Fact) bool { return f.Cause == test.cause })
			if i < 0 {
				t.Fatalf("missing; the facts are %q", why.Facts)
			}
			for _, word := range test.says {
				if !strings.Contains(why.Facts[i].Text, word) {
					t.Errorf("%q lacks %q", why.Facts[i].Text, word)
				}
			}
			for _, f := range why.Facts[:i] {
				if !expected[test.cause][f.Cause] {
					t.Errorf("before it: %q", f)
				}
			}
		})
	}
}

// failures is a route that does not match pending, so that on_start is no finding.
func failures(s *v1alpha1.TravisRouteSpec) { s.Events = []v1alpha1.EventName{"failure"} }

// expected are the causes that come with another, and before it.
var expected = map[deliveryapi.Cause]map[deliveryapi.Cause]bool{
	deliveryapi.CauseSimilarArrived: {deliveryapi.CauseNothingArrived: true},
	deliveryapi.CauseSimilarRoute:   {deliveryapi.CauseNotDeclared: true},
	deliveryapi.CauseOnStart:        {deliveryapi.CauseNothingArrived: true},
	deliveryapi.CauseFiltered:       {deliveryapi.CauseNothingArrived: true},
}

// Who asks for a build that was delivered is told that first, whatever else was received meanwhile.
func TestABuildThatWasDeliveredIsAnsweredFirst(t *testing.T) {
	r := newOperator(t)
	r.setUp(func(s *v1alpha1.TravisRouteSpec) { s.Events = []v1alpha1.EventName{"*"} })
	b := broken
	b.ID, b.Finished = 5, time.Now().UTC().Truncate(time.Second)
	r.post(b)
	r.attempt(queue.Outcome{Kind: queue.Delivered})
	r.post(b)                                                                            // again
	r.post(broken, header("Signature", travistest.Sign(travistest.Key(), []byte("{}")))) // of no known build
	why := r.why(url.Values{"namespace": {team}, "repository": {slug}, "build": {"7"}}.Encode())
	var got []deliveryapi.Cause
	for _, f := range why.Facts {
		got = append(got, f.Cause)
	}
	want := []deliveryapi.Cause{deliveryapi.CauseDelivered, deliveryapi.CauseOnStart, deliveryapi.CauseWrongSignature, deliveryapi.CauseSeen}
	if !slices.Equal(got, want) {
		t.Errorf("the facts are %q", why.Facts)
	}
}

// What strangers post is not the first answer to a question about a build that was received.
func TestRejectedWebhooksOfUnknownBuildsDoNotHeadTheAnswer(t *testing.T) {
	for name, received := range map[string]func(*testOperator){
		"that was dropped": func(r *testOperator) {
			r.post(travistest.Build{Number: "7", Finished: time.Now().Add(-48 * time.Hour)})
		},
		"that did not match": func(r *testOperator) { r.post(travistest.Build{Number: "7", Result: travis.Passed}) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newOperator(t)
			r.setUp(failures)
			received(r)
			r.post(broken, at("/travis/0123"))
			why := r.why(url.Values{"namespace": {team}, "repository": {slug}, "build": {"7"}}.Encode())
			if len(why.Facts) != 2 || why.Facts[0].Cause == deliveryapi.CauseWrongProof || !strings.Contains(why.Facts[1].Text, "perhaps of another build") {
				t.Errorf("the facts are %q", why.Facts)
			}
		})
	}
}

// A build whose webhook is no longer remembered is not reported as never received, and when other
// namespaces' builds were received is not disclosed.
func TestABuildThatIsNoLongerRemembered(t *testing.T) {
	r := newOperator(t)
	r.setUp(failures)
	r.route("team-b", "other")
	r.grant("bob get team-b ")
	start := time.Now().UTC().Truncate(time.Second).Add(-time.Hour)
	for i := range int64(60) {
		r.post(travistest.Build{ID: 100 + i, Number: strconv.FormatInt(100+i, 10), Result: travis.Passed, Finished: start.Add(time.Duration(i) * time.Second)})
	}
	ask := func(who, namespace string) string {
		t.Helper()
		why := r.whyAs(who, url.Values{"namespace": {namespace}, "repository": {slug}, "build": {"100"}}.Encode())
		for _, f := range why.Facts {
			if f.Cause == deliveryapi.CauseNothingArrived {
				return f.Text
			}
		}
		t.Fatalf("the facts are %q", why.Facts)
		return ""
	}
	if says := ask("ann", team); !strings.Contains(says, "of the time before that, nothing is remembered") {
		t.Error(says)
	}
	if says := ask("bob", "team-b"); strings.Contains(says, "remembered") {
		t.Error("another namespace: " + says)
	}
}
