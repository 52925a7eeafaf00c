package receiver_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/identity"
	"github.com/travishook/travishook/internal/identity/travisapitest"
	"github.com/travishook/travishook/internal/travis/travistest"
)

// withAPI gives the receiver a stand-in for Travis' API.
func (r *fixture) withAPI(t *testing.T, known ...travisapitest.Repository) *travisapitest.Server {
	t.Helper()
	api := travisapitest.New(known...)
	t.Cleanup(api.Close)
	r.options.Identity = identity.NewResolver(identity.Options{
		Travises: []identity.Travis{{Key: "travis", API: api.URL, Provider: "github"}}, Transport: api.Client().Transport,
	})
	return api
}

// bitbucketBuild is a build of the repository with the same name at another provider.
func bitbucketBuild(id int64) travistest.Build {
	return travistest.Build{Repository: "open/open", RepositoryID: 666, ID: id,
		Fields: map[string]any{"compare_url": "https://bitbucket.org/open/open/branches/compare/a..b"}}
}

func TestTheSameNameAtAnotherProviderIsRefusedEvenIfItIsFirst(t *testing.T) {
	r := newPopulatedFixture(t)
	r.withAPI(t, travisapitest.Repository{ID: 1234, Provider: "github", Slug: "open/open"})
	if r.send(webhook(bitbucketBuild(1), travistest.Key())); r.last() != "403 other_repository" {
		t.Errorf("the first, of Bitbucket: %s", r.last())
	}
	if got := strings.Join(r.messages, "\n"); !strings.Contains(got, "has the id 1234 by Travis' API") || !strings.Contains(got, "the id 666") {
		t.Errorf("the notice does not name both ids: %s", got)
	}
	if r.send(webhook(travistest.Build{Repository: "open/open", ID: 2}, travistest.Key())); r.last() != "202 stored" {
		t.Errorf("the one that is meant: %s", r.last())
	}
	if got, ok := identity.Get(r.store, "team-a", "open/open"); !ok || got != (identity.Record{ID: 1234, Source: identity.API}) {
		t.Errorf("remembered is %+v, %t", got, ok)
	}
	if got := r.messages[len(r.messages)-1]; got != "open/open is bound to the repository with the id 1234, from Travis' API" {
		t.Errorf("the status says: %s", got)
	}
	if r.send(webhook(bitbucketBuild(3), travistest.Key())); r.last() != "403 other_repository" {
		t.Errorf("another, of Bitbucket: %s", r.last())
	}
}

func TestNoEventIsLostBecauseTheAPIIsDown(t *testing.T) {
	r := newPopulatedFixture(t)
	r.withAPI(t).Fail(http.StatusServiceUnavailable)
	if r.send(webhook(bitbucketBuild(1), travistest.Key())); r.last() != "403 other_repository" {
		t.Errorf("of Bitbucket: %s", r.last())
	}
	bare := travistest.Build{Repository: "open/open", ID: 2, Fields: map[string]any{"compare_url": nil}}
	if r.send(webhook(bare, travistest.Key())); r.last() != "503 unresolved_repository" {
		t.Errorf("without a compare_url: %s", r.last())
	}
	if r.send(webhook(travistest.Build{Repository: "open/open", ID: 3}, travistest.Key())); r.last() != "202 stored" {
		t.Errorf("of GitHub: %s", r.last())
	}
	if r.send(webhook(bare, travistest.Key())); r.last() != "202 stored" {
		t.Errorf("once the id is known, without a compare_url: %s", r.last())
	}
}

func TestTheTokenSufficesToIdentifyTheRepository(t *testing.T) {
	r := newPopulatedFixture(t)
	api := r.withAPI(t)
	request := webhook(travistest.Build{Repository: "example/Example", Fields: map[string]any{"compare_url": nil}}, travistest.Key())
	path("/travis/" + proof("example/Example"))(request)
	if r.send(request); r.last() != "202 stored" {
		t.Errorf("answer is %s", r.last())
	}
	if diff := cmp.Diff([]string(nil), api.Requests()); diff != "" {
		t.Errorf("the API was asked: %s", diff)
	}
}
