package identity_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/identity"
	"github.com/travishook/travishook/internal/identity/travisapitest"
	"github.com/travishook/travishook/internal/queue/keyvalue/keyvaluetest"
	"github.com/travishook/travishook/internal/travis"
)

func event(id int64, compareURL string) *travis.Event {
	return &travis.Event{
		Repository: travis.Repository{ID: id, Owner: "example", Name: "X"},
		Commit:     travis.Commit{CompareURL: compareURL},
	}
}

const (
	github    = "https://github.com/example/x/compare/a...b"
	bitbucket = "https://bitbucket.org/example/x/branches/compare/a..b"
)

func TestResolve(t *testing.T) {
	atGitHub := travisapitest.Repository{ID: 1, Provider: "github", Slug: "example/X"}
	atBitbucket := travisapitest.Repository{ID: 2, Provider: "bitbucket", Slug: "example/X"}
	private := travisapitest.Repository{ID: 1, Provider: "github", Slug: "example/X", Private: true}
	const down = http.StatusBadGateway
	tests := map[string]struct {
		known      []travisapitest.Repository
		fail       int
		provider   string
		event      *travis.Event
		want       identity.Source
		err        error
		otherwords string // in the error
	}{
		"by the API":                                 {[]travisapitest.Repository{atGitHub, atBitbucket}, 0, "github", event(1, ""), identity.API, nil, ""},
		"another repository, by the API":             {[]travisapitest.Repository{atGitHub, atBitbucket}, 0, "github", event(2, bitbucket), "", identity.ErrOther, "has the id 1 by Travis' API, and this event is of the repository with the id 2"},
		"another one, whatever its compare_url says": {[]travisapitest.Repository{atGitHub}, 0, "github", event(2, github), "", identity.ErrOther, "id 2"},
		"meant is the one at Bitbucket":              {[]travisapitest.Repository{atGitHub, atBitbucket}, 0, "bitbucket", event(2, bitbucket), identity.API, nil, ""},
		"private: by compare_url":                    {[]travisapitest.Repository{private}, 0, "github", event(1, github), identity.CompareURL, nil, ""},
		"private: from Bitbucket":                    {[]travisapitest.Repository{private}, 0, "github", event(2, bitbucket), "", identity.ErrOther, "bitbucket.org and not from github"},
		"private: without compare_url":               {[]travisapitest.Repository{private}, 0, "github", event(1, ""), "", identity.ErrUnresolved, "set spec.repositoryID to 1"},
		"not at GitHub at all":                       {[]travisapitest.Repository{atBitbucket}, 0, "github", event(2, bitbucket), "", identity.ErrOther, "bitbucket.org"},
		"API down: by compare_url":                   {nil, down, "github", event(1, github), identity.CompareURL, nil, ""},
		"API down: from Bitbucket":                   {nil, down, "github", event(2, bitbucket), "", identity.ErrOther, "id 2"},
		"API down: without compare_url":              {nil, down, "github", event(1, ""), "", identity.ErrUnavailable, "502"},
		"too many requests: by compare_url":          {nil, http.StatusTooManyRequests, "github", event(1, github), identity.CompareURL, nil, ""},
		"another repository's compare_url":           {nil, down, "github", event(1, "https://github.com/example/y/compare/a...b"), "", identity.ErrOther, ""},
		"a host that only begins the same":           {nil, down, "github", event(1, "https://github.com.example.org/example/x/compare/a...b"), "", identity.ErrOther, "github.com.example.org"},
		"a compare_url without TLS":                  {nil, down, "github", event(1, "http://github.com/example/x/compare/a...b"), "", identity.ErrUnavailable, ""},
		"a compare_url with a password":              {nil, down, "github", event(1, "https://github.com@evil.example/example/x/compare/a...b"), "", identity.ErrUnresolved, ""},
		"one provider: the first event":              {nil, down, "", event(7, "https://git.example.com/example/x/compare/a...b"), identity.FirstEvent, nil, ""},
		"one provider: without compare_url":          {nil, down, "", event(7, ""), identity.FirstEvent, nil, ""},
		"one provider, and yet from a public host":   {nil, down, "", event(7, bitbucket), "", identity.ErrOther, "bitbucket.org"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			api := travisapitest.New(test.known...)
			defer api.Close()
			api.Fail(test.fail)
			r := identity.NewResolver(identity.Options{
				Travises:  []identity.Travis{{Key: "travis", API: api.URL, Provider: test.provider}},
				Transport: api.Client().Transport,
			})
			got, err := r.Resolve(t.Context(), "travis", test.event)
			if !errors.Is(err, test.err) || got.Source != test.want {
				t.Fatalf("resolved to %+v, %v; want %s, %v", got, err, test.want, test.err)
			}
			if err == nil && got.ID != test.event.Repository.ID {
				t.Errorf("the id is %d", got.ID)
			}
			if err != nil && (!strings.Contains(err.Error(), test.otherwords) || strings.Contains(err.Error(), "\n")) {
				t.Errorf("the error is %q, want %q in it", err, test.otherwords)
			}
		})
	}
}

// Whoever can redirect could return any id.
func TestARedirectOfTheAPIIsNotFollowed(t *testing.T) {
	api := travisapitest.New(travisapitest.Repository{ID: 1, Provider: "github", Slug: "example/X"})
	defer api.Close()
	redirecting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, api.URL+r.URL.EscapedPath(), http.StatusFound)
	}))
	defer redirecting.Close()
	r := identity.NewResolver(identity.Options{
		Travises: []identity.Travis{{Key: "travis", API: redirecting.URL, Provider: "github"}}, Transport: redirecting.Client().Transport,
	})
	if got, err := r.Resolve(t.Context(), "travis", event(1, "")); !errors.Is(err, identity.ErrUnavailable) {
		t.Errorf("resolved to %+v, %v", got, err)
	}
	if asked := api.Requests(); len(asked) != 0 {
		t.Errorf("the target of the redirect was asked: %s", asked)
	}
}

func TestTheSlugIsOneSegmentOfThePath(t *testing.T) {
	api := travisapitest.New(travisapitest.Repository{ID: 1, Provider: "github", Slug: "example/X"})
	defer api.Close()
	r := identity.NewResolver(identity.Options{
		Travises: []identity.Travis{{Key: "travis", API: api.URL, Provider: "github"}}, Transport: api.Client().Transport,
	})
	if _, err := r.Resolve(t.Context(), "travis", event(1, "")); err != nil {
		t.Error(err)
	}
	if got := api.Requests(); len(got) != 1 || got[0] != "/repo/github/example%2FX" {
		t.Errorf("the API was asked for %v", got)
	}
}

// TestAnAnswerIsRememberedForAWhile asks again just before and just after an answer expires.
func TestAnAnswerIsRememberedForAWhile(t *testing.T) {
	for name, test := range map[string]struct {
		status  int
		body    string
		keep    time.Duration
		source  identity.Source
		problem error
	}{
		"found":        {http.StatusOK, `{"@type": "repository", "id": 1, "slug": "example/X"}`, time.Hour, identity.API, nil},
		"not found":    {http.StatusNotFound, `{}`, 5 * time.Minute, "", identity.ErrUnresolved},
		"unavailable":  {http.StatusBadGateway, ``, time.Minute, "", identity.ErrUnavailable},
		"another page": {http.StatusOK, `<html>welcome</html>`, time.Minute, "", identity.ErrUnavailable},
		"another repository": {http.StatusOK, `{"@type": "repository", "id": 1, "slug": "example/Y"}`, time.Minute,
			"", identity.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				r := identity.NewResolver(identity.Options{
					Travises: []identity.Travis{{Key: "travis", API: "https://api.example.com", Provider: "github"}},
					Transport: answers(func(*http.Request) (*http.Response, error) {
						asked++
						return &http.Response{StatusCode: test.status, Body: io.NopCloser(strings.NewReader(test.body))}, nil
					}),
				})
				check := func(when string, want int) {
					t.Helper()
					got, err := r.Resolve(t.Context(), "travis", event(1, ""))
					if got.Source != test.source || !errors.Is(err, test.problem) {
						t.Errorf("%s, resolved to %+v, %v; want %q, %v", when, got, err, test.source, test.problem)
					}
					if asked != want {
						t.Errorf("%s, the API was asked %d times, want %d", when, asked, want)
					}
				}
				check("at first", 1)
				time.Sleep(test.keep - time.Second)
				check("before the answer expires", 1)
				time.Sleep(2 * time.Second)
				check("after it", 2)
			})
		})
	}
}

// TestQuestionsAtOnceAreAskedOnce resolves one repository many times while the API has not answered.
func TestQuestionsAtOnceAreAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		var asked atomic.Int64
		r := identity.NewResolver(identity.Options{
			Travises: []identity.Travis{{Key: "travis", API: "https://api.example.com", Provider: "github"}},
			Transport: answers(func(*http.Request) (*http.Response, error) {
				asked.Add(1)
				<-answer
				return &http.Response{StatusCode: http.StatusNotFound, Body: http.NoBody}, nil
			}),
		})
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { _, _ = r.Resolve(t.Context(), "travis", event(1, "")) })
		}
		synctest.Wait()
		close(answer)
		all.Wait()
		if n := asked.Load(); n != 1 {
			t.Errorf("the API was asked %d times", n)
		}
	})
}

// answers is a transport without a network.
type answers func(*http.Request) (*http.Response, error)

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) { return a(r) }

// TestTheAPIIsAskedSlowly resolves many repositories at once, on the clock of a bubble.
func TestTheAPIIsAskedSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []time.Time
		var mu sync.Mutex
		r := identity.NewResolver(identity.Options{
			Travises: []identity.Travis{{Key: "travis", API: "https://api.example.com", Provider: "github"}},
			Transport: answers(func(r *http.Request) (*http.Response, error) {
				mu.Lock()
				asked = append(asked, time.Now())
				mu.Unlock()
				<-r.Context().Done() // it hangs
				return nil, r.Context().Err()
			}),
		})
		began := time.Now()
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				e := event(1, github)
				e.Repository.Name = strings.Repeat("x", i+1)
				e.Commit.CompareURL = strings.Replace(github, "/x/", "/"+e.Repository.Name+"/", 1)
				if got, err := r.Resolve(context.Background(), "travis", e); err != nil || got.Source != identity.CompareURL {
					t.Errorf("resolved to %+v, %v", got, err)
				}
			})
		}
		all.Wait()
		if took := time.Since(began); took > 11*time.Second {
			t.Errorf("an API that hangs held the events up for %s", took)
		}
		if len(asked) > 10+6 {
			t.Errorf("it was asked %d times within five seconds", len(asked))
		}
	})
}

func TestTravisOf(t *testing.T) {
	tests := map[string]struct{ url, api, provider, wantAPI, wantProvider string }{
		"travis-ci.com":            {"https://api.travis-ci.com/config", "", "", "https://api.travis-ci.com", "github"},
		"travis-ci.com, Bitbucket": {"https://api.travis-ci.com/config", "", "bitbucket", "https://api.travis-ci.com", "bitbucket"},
		"its key as PEM":           {"", "https://api.travis-ci.com/", "", "https://api.travis-ci.com/", "github"},
		"one's own":                {"https://travis.example.com/api/config", "", "", "https://travis.example.com/api", ""},
		"one's own, as PEM":        {"", "", "", "", ""},
		"its API at another place": {"https://travis.example.com/config", "https://api.example.com", "", "https://api.example.com", ""},
	}
	for name, test := range tests {
		got := identity.TravisOf("k", test.url, test.api, test.provider)
		if want := (identity.Travis{Key: "k", API: test.wantAPI, Provider: test.wantProvider}); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

// TestCheck checks, one after the other, events of a repository of which nothing is remembered at first.
func TestCheck(t *testing.T) {
	type check struct {
		claim identity.Claim
		bound *identity.Record
		err   error
	}
	of := func(namespace string, id int64) identity.Claim {
		return identity.Claim{Namespace: namespace, Event: event(id, bitbucket), Key: "travis"}
	}
	pinned := func(c identity.Claim, id int64) identity.Claim { c.SpecID = id; return c }
	proven := func(c identity.Claim) identity.Claim { c.KnowsToken = true; return c }
	for name, checks := range map[string][]check{
		"resolved once, and remembered for its namespace": {
			{of("a", 2), &identity.Record{ID: 2, Source: identity.API}, nil},
			{of("a", 2), nil, nil},
			{of("a", 3), nil, identity.ErrOther},
			{of("b", 3), nil, identity.ErrOther},
		},
		"the token's first event is remembered without a question": {
			{proven(of("a", 3)), nil, nil},
			{of("a", 3), nil, nil},
			{proven(of("a", 2)), nil, identity.ErrOther},
		},
		"the spec's id overrides what is remembered": {
			{of("a", 2), &identity.Record{ID: 2, Source: identity.API}, nil},
			{pinned(of("a", 3), 3), nil, nil},
			{proven(pinned(of("a", 2), 3)), nil, identity.ErrOther},
		},
	} {
		t.Run(name, func(t *testing.T) {
			api := travisapitest.New(travisapitest.Repository{ID: 2, Provider: "bitbucket", Slug: "example/X"})
			defer api.Close()
			r := identity.NewResolver(identity.Options{
				Travises: []identity.Travis{{Key: "travis", API: api.URL, Provider: "bitbucket"}}, Transport: api.Client().Transport,
			})
			store := &keyvaluetest.Map{}
			for i, c := range checks {
				bound, err := r.Check(t.Context(), store, c.claim)
				if diff := cmp.Diff(c.bound, bound); diff != "" || !errors.Is(err, c.err) {
					t.Errorf("check %d: error %v, want %v; bound (-want +got): %s", i, err, c.err, diff)
				}
			}
		})
	}
}

func TestOfTwoReplicasOnePins(t *testing.T) {
	m := &keyvaluetest.Map{}
	m.BeforeWrite = func() error { // the other replica writes between a read and the next write
		m.BeforeWrite = nil
		if _, err := identity.Pin(t.Context(), m, "team-a", "example/x", identity.Record{ID: 1, Source: identity.API}); err != nil {
			t.Error(err)
		}
		return nil
	}
	got, err := identity.Pin(t.Context(), m, "team-a", "Example/X", identity.Record{ID: 2, Source: identity.FirstEvent})
	if want := (identity.Record{ID: 1, Source: identity.API}); err != nil || got != want {
		t.Errorf("pinned is %+v, %v; want that of the first", got, err)
	}
	if got, ok := identity.Get(m, "team-a", "example/X"); !ok || got.ID != 1 {
		t.Errorf("remembered is %+v, %t", got, ok)
	}
	if _, ok := identity.Get(m, "team-b", "example/x"); ok {
		t.Error("another namespace remembers it, too")
	}
	if got, err := identity.Pin(t.Context(), m, "team-b", "example/x", identity.Record{ID: 3, Source: identity.API}); err != nil || got.ID != 3 {
		t.Errorf("another namespace's pinned id is %+v, %v", got, err)
	}
}

func TestAnUnreadableRecordIsReplaced(t *testing.T) {
	m := &keyvaluetest.Map{}
	if _, err := identity.Pin(t.Context(), m, "team-a", "example/x", identity.Record{Source: identity.API}); err != nil {
		t.Fatal(err)
	}
	if got, ok := identity.Get(m, "team-a", "example/x"); ok {
		t.Errorf("a record without an id is %+v", got)
	}
	got, err := identity.Pin(t.Context(), m, "team-a", "example/x", identity.Record{ID: 2, Source: identity.FirstEvent})
	if err != nil || got.ID != 2 {
		t.Errorf("pinned is %+v, %v", got, err)
	}
}

func TestAnIDThatCannotBeStoredIsNotPinned(t *testing.T) {
	away := errors.New("away")
	m := &keyvaluetest.Map{BeforeWrite: func() error { return away }}
	got, err := identity.Pin(t.Context(), m, "team-a", "example/x", identity.Record{ID: 2, Source: identity.FirstEvent})
	if !errors.Is(err, away) || got != (identity.Record{}) {
		t.Errorf("pinned is %+v, %v; want nothing and the store's error", got, err)
	}
}
