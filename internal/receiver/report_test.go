package receiver_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/internal/verify"
)

// shortReport is a report, reduced to fields that can be compared.
type shortReport struct {
	Code                         int
	Reason, Slug                 string
	Declared                     bool
	Authorized, Recipients, Seen []string
	Build                        string
}

func (r *fixture) shortReports() []shortReport {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []shortReport
	for _, j := range r.reports {
		short := shortReport{
			Code: j.Code, Reason: j.Reason, Slug: j.Slug, Declared: j.Repository != nil,
			Authorized: names(j.Authorized), Recipients: names(j.Recipients), Seen: j.Seen,
		}
		if j.Event != nil {
			short.Build = j.Event.Build.Number
		}
		all = append(all, short)
	}
	return all
}

func names(namespaces []*routing.Namespace) []string {
	var all []string
	for _, n := range namespaces {
		all = append(all, n.Name)
	}
	return all
}

func TestEveryWebhookIsReported(t *testing.T) {
	r := newFixture(t)
	r.route("team-a", "example/example", "passed")
	r.route("team-b", "example/example", "passed")
	r.token("team-a", "token", "example/example", "sesame")
	build := travistest.Build{Result: travis.Passed}
	proven := func() *http.Request {
		request := webhook(build, travistest.Key())
		request.Header.Set("Authorization", verify.Proof("example/example", secret.New("sesame")))
		return request
	}

	r.send(proven())
	r.send(proven())
	r.send(webhook(build, travistest.Key()))
	r.send(webhook(travistest.Build{Repository: "Nobody/knows"}, nil))

	want := []shortReport{
		{Code: 202, Reason: receiver.ReasonStored, Slug: "example/example", Declared: true,
			Authorized: []string{"team-a"}, Recipients: []string{"team-a"}, Build: "123"},
		{Code: 204, Reason: receiver.ReasonSeen, Slug: "example/example", Declared: true,
			Authorized: []string{"team-a"}, Recipients: []string{"team-a"}, Seen: []string{"team-a"}, Build: "123"},
		{Code: 401, Reason: receiver.ReasonNoProof, Slug: "example/example", Declared: true},
		{Code: 204, Reason: receiver.ReasonUnknownRepository, Slug: "Nobody/knows"},
	}
	if diff := cmp.Diff(want, r.shortReports()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAnotherRepositoryIsProvenAndNotAccepted(t *testing.T) {
	r := newFixture(t)
	r.route("team-a", "example/example", "passed")
	r.grant("example/*")
	r.send(webhook(travistest.Build{ID: 1}, travistest.Key()))
	r.send(webhook(travistest.Build{ID: 2, RepositoryID: 99}, travistest.Key()))

	got := r.shortReports()[1]
	want := shortReport{Code: 403, Reason: receiver.ReasonOtherRepository, Slug: "example/example", Declared: true,
		Authorized: []string{"team-a"}, Build: "123"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
