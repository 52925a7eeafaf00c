package receiver_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/internal/verify"
)

const token = "a-token-hard-to-guess"

// proof of the token, for a repository as Travis spells it.
func proof(slug string) string { return verify.Proof(slug, secret.New(token)) }

// newPopulatedFixture returns a receiver with routes: example/Example has a token, open/* are granted by signature
// alone, old/* are keyless, and bare/* have neither token nor grant.
func newPopulatedFixture(t testing.TB) *fixture {
	r := newFixture(t)
	r.route("team-a", "example/Example")
	r.token("team-a", "token", "example/Example", token)
	r.route("team-a", "open/open")
	r.route("team-a", "old/granted")
	r.grant("open/*", "old/granted")
	r.route("team-a", "old/old")
	r.token("team-a", "old", "old/old", token)
	r.route("team-a", "bare/bare")
	return r
}

// change changes a webhook that would be stored.
type change func(*http.Request)

func body(b []byte) change {
	return func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
	}
}

func header(name, value string) change { return func(r *http.Request) { r.Header.Set(name, value) } }

func path(p string) change { return func(r *http.Request) { r.URL.Path = p } }

// target is a request's target as it is written in its first line.
func target(t string) change {
	return func(r *http.Request) {
		u, err := url.ParseRequestURI(t)
		if err != nil {
			panic(err)
		}
		r.URL = u
	}
}

func method(m string) change { return func(r *http.Request) { r.Method = m } }

func declared(size int64) change { return func(r *http.Request) { r.ContentLength = size } }

// endless is a body of zeros.
func endless(r *http.Request) { r.Body = io.NopCloser(zeros{}) }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func chunked(r *http.Request) { r.ContentLength = -1 }

func TestAnswers(t *testing.T) {
	example := travistest.Build{Repository: "example/Example"}
	open := travistest.Build{Repository: "open/open"}
	old := travistest.Build{Repository: "old/old"}
	withProof := header("Authorization", proof("example/Example"))
	signed := func(payload string) change {
		return func(r *http.Request) {
			body(travistest.Form([]byte(payload)))(r)
			r.Header.Set("Signature", travistest.Sign(travistest.Key(), []byte(payload)))
		}
	}
	const key, noKey = true, false
	tests := []struct {
		name    string
		build   travistest.Build
		key     bool
		changes []change
		want    string
		line    string
	}{
		{"token in the header", example, key, []change{withProof}, "202 stored", "stored"},
		{"token in the path", example, key, []change{path("/travis/" + proof("example/Example"))}, "202 stored", "stored"},
		{"a slash at the end", open, key, []change{path("/travis/")}, "202 stored", "stored"},
		{"a slash behind the proof", example, key, []change{path("/travis/" + proof("example/Example") + "/")}, "202 stored", "stored"},
		{"doubled slashes", example, key, []change{path("//travis//" + proof("example/Example"))}, "202 stored", "stored"},
		{"percent-encoded", example, key, []change{target("/%74ravis/%" + fmt.Sprintf("%x", proof("example/Example")[0]) + proof("example/Example")[1:])}, "202 stored", "stored"},
		{"a query", open, key, []change{func(r *http.Request) { r.URL.RawQuery = "a=b" }}, "202 stored", "stored"},
		{"signature alone, where granted", open, key, nil, "202 stored", "stored"},
		{"slug in other letters", example, key, []change{withProof, header("Travis-Repo-Slug", "EXAMPLE/example")}, "202 stored", "stored"},
		{"a charset at the content type", open, key, []change{header("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")}, "202 stored", "stored"},
		{"chunked", open, key, []change{chunked}, "202 stored", "stored"},
		{"other fields in the form", open, key, []change{func(r *http.Request) {
			payload := open
			payload.Finished = finished
			body(append([]byte("a=b&"), append(travistest.Form(payload.Payload()), "&c&=&%zz"...)...))(r)
		}}, "202 stored", "stored"},
		{"keyless with proof", old, noKey, []change{header("Authorization", proof("old/old"))}, "202 stored", "stored"},
		{"keyless with proof and a signature of its own", old, noKey, []change{header("Authorization", proof("old/old")), header("Signature", "AAAA")}, "202 stored", "stored"},
		{"keyless, signed where that is enough", travistest.Build{Repository: "old/granted"}, key, nil, "202 stored", "stored"},

		{"unknown repository", travistest.Build{Repository: "un/known"}, noKey, nil, "204 unknown_repository", ""},
		{"unknown repository, body too large by chunks", travistest.Build{Repository: "un/known"}, noKey, []change{body(make([]byte, 5<<20)), chunked}, "204 unknown_repository", ""},
		{"neither token nor grant", travistest.Build{Repository: "bare/bare"}, key, nil, "204 not_set_up", ""},
		{"an event that no route matches", travistest.Build{Repository: "open/open", Result: travis.Canceled}, key, nil, "204 unrouted", ""},
		{"finished two days ago", travistest.Build{Repository: "open/open", Finished: now.Add(-48 * time.Hour)}, key, nil, "204 stale", ""},
		{"without a time", travistest.Build{Repository: "open/open", Fields: map[string]any{"started_at": nil, "finished_at": nil}}, key, nil, "204 stale", ""},

		{"not a form", open, key, []change{header("Content-Type", "text/plain")}, "400 not_form", "the Content-Type must be application/x-www-form-urlencoded"},
		{"no content type", open, key, []change{func(r *http.Request) { r.Header.Del("Content-Type") }}, "400 not_form", "the Content-Type must be application/x-www-form-urlencoded"},
		{"a broken content type", open, key, []change{header("Content-Type", "application/x-www-form-urlencoded; charset")}, "400 not_form", "the Content-Type must be application/x-www-form-urlencoded"},
		{"no slug", open, key, []change{func(r *http.Request) { r.Header.Del("Travis-Repo-Slug") }}, "400 no_slug", "the Travis-Repo-Slug header is missing"},
		{"no payload", open, key, []change{body([]byte("a=b"))}, "400 no_payload", "the form must have exactly one field payload"},
		{"an empty body", open, key, []change{body(nil)}, "400 no_payload", "the form must have exactly one field payload"},
		{"two payloads", open, key, []change{body([]byte("payload=1&payload=2"))}, "400 no_payload", "the form must have exactly one field payload"},
		{"broken encoding", open, key, []change{body([]byte("payload=%zz"))}, "400 body", "the body ends early or is not form-encoded"},
		{"a body that ends early", open, key, []change{func(r *http.Request) {
			r.Body = io.NopCloser(io.MultiReader(strings.NewReader("payload="), errorReader{io.ErrUnexpectedEOF}))
		}}, "400 body", "the body ends early or is not form-encoded"},
		{"not JSON", open, key, []change{signed("hello")}, "400 payload", "payload is not a JSON object"},
		{"not JSON, and large", open, key, []change{signed(strings.Repeat("hello", 100_000))}, "400 payload", "payload is not a JSON object"},
		{"wrong shapes", open, key, []change{signed(`{"repository":[]}`)}, "400 payload", "payload has no repository.owner_name"},
		{"no slug in the payload", open, key, []change{signed("{}")}, "400 payload", "payload has no repository.owner_name"},
		{"a slug that is none", open, key, []change{header("Travis-Repo-Slug", "open/open/open")}, "400 header", "the Travis-Repo-Slug header is not owner/name with ASCII letters, digits, '.', '-', '_' and '~'"},
		{"two slugs", open, key, []change{func(r *http.Request) { r.Header.Add("Travis-Repo-Slug", "example/Example") }}, "400 header", "a header is repeated: Content-Type, Travis-Repo-Slug, Signature and Authorization may occur only once"},
		{"two signatures", open, key, []change{func(r *http.Request) { r.Header.Add("Signature", "AAAA") }}, "400 header", "a header is repeated: Content-Type, Travis-Repo-Slug, Signature and Authorization may occur only once"},
		{"slug differs", example, key, []change{header("Travis-Repo-Slug", "open/open")}, "400 slug_differs", "the Travis-Repo-Slug header differs from the payload's repository"},

		{"not signed", open, noKey, nil, "401 no_signature", "proof is required"},
		{"not signed, with proof", example, noKey, []change{withProof}, "401 no_signature", "proof is required"},
		{"signed, without proof", example, key, nil, "401 no_proof", "proof is required"},
		{"keyless, where the signature is enough", travistest.Build{Repository: "old/granted"}, noKey, nil, "401 no_proof", "proof is required"},
		{"keyless, without proof", old, noKey, nil, "401 no_proof", "proof is required"},
		{"a signature of other bytes", open, key, []change{header("Signature", travistest.Sign(travistest.Key(), []byte("{}")))}, "403 wrong_signature", "refused"},
		{"a signature that is none", open, key, []change{header("Signature", "é")}, "403 wrong_signature", "refused"},
		{"wrong proof", example, key, []change{header("Authorization", proof("example/other"))}, "403 wrong_proof", "refused"},
		{"wrong proof in the path", example, key, []change{path("/travis/" + proof("example/example"))}, "403 wrong_proof", "refused"},
		{"proof in other letters", example, key, []change{header("Authorization", strings.ToUpper(proof("example/Example")))}, "403 wrong_proof", "refused"},
		{"proof that is no ASCII", example, key, []change{header("Authorization", "\xff\xfeé")}, "403 wrong_proof", "refused"},
		{"keyless, wrong proof", old, noKey, []change{header("Authorization", "Basic QTpC")}, "403 wrong_proof", "refused"},

		{"other path", open, key, []change{path("/")}, "404 path", "not found"},
		{"a path that only begins the same", open, key, []change{path("/travishook")}, "404 path", "not found"},
		{"a path below", open, key, []change{path("/travis/a/b")}, "404 path", "not found"},
		{"an empty path", open, key, []change{path("")}, "404 path", "not found"},
		{"GET", open, key, []change{method(http.MethodGet), header("User-Agent", "curl/8")}, "405 method", "webhooks must be posted"},
		{"PUT", open, key, []change{method(http.MethodPut)}, "405 method", "webhooks must be posted"},
		{"GET by Travis", open, key, []change{method(http.MethodGet), body(nil)}, "405 redirected", "webhooks must be posted; a redirect turned this one into a GET without its event"},
		{"too large", open, key, []change{declared(128<<20 + 1)}, "413 too_large", "the body is larger than 128 MiB"},
		{"too large, by chunks", open, key, []change{endless, chunked}, "413 too_large", "the body is larger than 128 MiB"},
		{"JSON", open, key, []change{header("Content-Type", "application/json"), body([]byte(`{"text":"x"}`))}, "415 json",
			`this is JSON, which Travis sends unsigned if .travis.yml has "msteams: true": remove that line from notifications.webhooks`},
		{"compressed", open, key, []change{header("Content-Encoding", "gzip"), body(zip("payload={}"))}, "415 compressed", "the body must not be compressed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newPopulatedFixture(t)
			signer := travistest.Key()
			if !test.key {
				signer = nil
			}
			request := webhook(test.build, signer)
			for _, change := range test.changes {
				change(request)
			}
			w := r.send(request)
			if got := r.last(); got != test.want || !strings.HasPrefix(test.want, fmt.Sprint(w.Code)) {
				t.Errorf("answer is %d (%s), want %s", w.Code, got, test.want)
			}
			if got := strings.TrimSuffix(w.Body.String(), "\n"); got != test.line {
				t.Errorf("line is %q, want %q", got, test.line)
			}
			if got := w.Header().Get("X-Content-Type-Options"); got != "nosniff" {
				t.Errorf("a browser may take the answer for what it likes: %q", got)
			}
			if stored := len(r.store.namespaces()) == 1; stored != (w.Code == http.StatusAccepted) {
				t.Errorf("answered %d and stored for %v", w.Code, r.store.namespaces())
			}
			for _, secretive := range []string{token, proof("example/Example"), proof("old/old"), "@example.com", "Ann Author"} {
				if strings.Contains(r.logged(), secretive) {
					t.Errorf("the log holds %q: %s", secretive, r.logged())
				}
			}
			if !strings.Contains(r.logged(), `"client"="192.0.2.7"`) || strings.Count(r.logged(), "\n") != 1 {
				t.Errorf("the log is not one line with the client: %s", r.logged())
			}
		})
	}
}

type errorReader struct{ err error }

func (e errorReader) Read([]byte) (int, error) { return 0, e.err }

func zip(s string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, s) // to memory
	_ = w.Close()
	return b.Bytes()
}

// TestOrder makes requests that are wrong for every stage from one on: that stage must answer.
func TestOrder(t *testing.T) {
	payload := []byte("hello")
	right := travistest.Sign(travistest.Key(), payload)
	wrong := []struct {
		fix  change
		want string
	}{
		{func(*http.Request) {}, "404 path"},
		{path("/travis/wrong"), "405 method"},
		{method(http.MethodPost), "400 header"},
		{func(r *http.Request) { r.Header["Signature"] = nil }, "415 json"},
		{header("Content-Type", "application/x-www-form-urlencoded"), "413 too_large"},
		{body([]byte("payload=%zz")), "503 not_ready"},
		{nil, "400 no_slug"}, // ready from here on
		{header("Travis-Repo-Slug", "un/known/"), "400 header"},
		{header("Travis-Repo-Slug", "un/known"), "204 unknown_repository"},
		{header("Travis-Repo-Slug", "bare/bare"), "204 not_set_up"},
		{header("Travis-Repo-Slug", "example/example"), "401 no_signature"},
		{header("Signature", "AAAA"), "403 wrong_signature"},
		{header("Signature", travistest.Sign(travistest.Key(), []byte("{}"))), "403 wrong_proof"},
		{path("/travis/" + proof("example/Example")), "400 body"},
		{body(travistest.Form(payload)), "403 wrong_signature"},
		{func(r *http.Request) {
			body(travistest.Form(payload))(r) // the last body was read
			r.Header.Set("Signature", right)
		}, "400 payload"},
	}
	r := newPopulatedFixture(t)
	r.ready = errors.New("the table is not complete")
	request := webhook(travistest.Build{}, nil)
	request.Header = http.Header{"Content-Type": {"application/json"}, "Signature": {"AAAA", "AAAA"}}
	request.Method, request.URL.Path = http.MethodPut, "/other"
	for _, step := range wrong {
		if step.fix == nil {
			r.ready = nil
		} else {
			step.fix(request)
		}
		if step.want == "413 too_large" {
			request.ContentLength = receiver.MaxBody + 1
		}
		if r.send(request); r.last() != step.want {
			t.Fatalf("answer is %s, want %s", r.last(), step.want)
		}
	}
}

func TestEachNamespaceIsJudgedOnItsOwn(t *testing.T) {
	build := travistest.Build{Repository: "example/Example"}
	newest := []string{"team-a", "team-b"}
	tests := map[string]struct {
		tokens map[string]string // by namespace
		other  string            // the namespace whose route matches other events
		proof  string
		want   string
		stored []string
	}{
		"both know the token":                  {map[string]string{"team-a": "one", "team-b": "one"}, "", "one", "202 stored", newest},
		"one knows it":                         {map[string]string{"team-a": "one", "team-b": "two"}, "", "two", "202 stored", []string{"team-b"}},
		"one knows it, the other has none":     {map[string]string{"team-b": "two"}, "", "two", "202 stored", []string{"team-b"}},
		"neither knows it":                     {map[string]string{"team-a": "one", "team-b": "two"}, "", "three", "403 wrong_proof", nil},
		"the one that knows it matches others": {map[string]string{"team-a": "one", "team-b": "two"}, "team-b", "two", "204 unrouted", nil},
		"one of two that know it matches":      {map[string]string{"team-a": "one", "team-b": "one"}, "team-b", "one", "202 stored", []string{"team-a"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := newFixture(t)
			for _, ns := range newest {
				route := r.route(ns, "example/example", "passed")
				if ns == test.other {
					route.Spec.Events[0] = "fixed"
					r.compiler.PutRoute(route)
				}
				if token, ok := test.tokens[ns]; ok {
					r.token(ns, "token", "example/Example", token)
				}
			}
			request := webhook(build, travistest.Key())
			request.Header.Set("Authorization", verify.Proof("example/Example", secret.New(test.proof)))
			if r.send(request); r.last() != test.want {
				t.Errorf("answer is %s, want %s", r.last(), test.want)
			}
			if diff := cmp.Diff(test.stored, r.store.namespaces()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTwoTokensAreBothValid(t *testing.T) {
	r := newFixture(t)
	r.route("team-a", "example/example")
	r.token("team-a", "old", "example/example", "old")
	r.token("team-a", "new", "example/example", "new")
	for i, token := range []string{"old", "new"} {
		request := webhook(travistest.Build{ID: int64(i + 1)}, travistest.Key())
		request.URL.Path = "/travis/" + verify.Proof("example/example", secret.New(token))
		if r.send(request); r.last() != "202 stored" {
			t.Errorf("with the %s token: %s", token, r.last())
		}
	}
}

func TestProofInThePathAndAnotherHeaderOfAProxy(t *testing.T) {
	r := newPopulatedFixture(t)
	request := webhook(travistest.Build{Repository: "example/Example"}, travistest.Key())
	request.URL.Path = "/travis/" + proof("example/Example")
	request.Header.Set("Authorization", "Bearer something-else")
	if r.send(request); r.last() != "202 stored" {
		t.Errorf("answer is %s", r.last())
	}
}

func TestReplayIsStoredOnce(t *testing.T) {
	r := newPopulatedFixture(t)
	for i, want := range []string{"202 stored", "204 seen", "204 seen"} {
		if r.send(webhook(travistest.Build{Repository: "open/open"}, travistest.Key())); r.last() != want {
			t.Errorf("time %d: %s, want %s", i+1, r.last(), want)
		}
	}
	restarted := travistest.Build{Repository: "open/open", Finished: finished.Add(time.Second)}
	if r.send(webhook(restarted, travistest.Key())); r.last() != "202 stored" {
		t.Errorf("the same build, restarted: %s", r.last())
	}
}

func TestWithoutAnyKeyOnlyKeylessRepositoriesAreAccepted(t *testing.T) {
	r := newPopulatedFixture(t)
	r.keys = nil
	for slug, want := range map[string]string{"example/Example": "204 not_set_up", "open/open": "204 not_set_up", "old/old": "202 stored"} {
		request := webhook(travistest.Build{Repository: slug}, nil)
		request.Header.Set("Authorization", proof(slug))
		if r.send(request); r.last() != want {
			t.Errorf("%s: %s, want %s", slug, r.last(), want)
		}
	}
}

func TestKeysAreLimitedToTheirRepositories(t *testing.T) {
	r := newPopulatedFixture(t)
	other := travistest.NewKey()
	only, err := verify.ParsePatterns([]string{"example/*"})
	if err != nil {
		t.Fatal(err)
	}
	r.keys = []verify.Key{{Name: "limited", Public: &other.PublicKey, Repositories: only}}
	for slug, want := range map[string]string{"example/Example": "202 stored", "open/open": "403 wrong_signature"} {
		request := webhook(travistest.Build{Repository: slug}, other)
		request.Header.Set("Authorization", proof(slug))
		if r.send(request); r.last() != want {
			t.Errorf("%s: %s, want %s", slug, r.last(), want)
		}
	}
}

func TestARepositoryIsHeldToItsID(t *testing.T) {
	r := newPopulatedFixture(t)
	r.route("team-b", "open/open")
	build := travistest.Build{Repository: "open/open", RepositoryID: 1}
	if r.send(webhook(build, travistest.Key())); r.last() != "202 stored" {
		t.Fatalf("the first: %s", r.last())
	}
	build.RepositoryID, build.ID = 2, 2
	if r.send(webhook(build, travistest.Key())); r.last() != "403 other_repository" {
		t.Errorf("another repository under the name: %s", r.last())
	}
	want := []string{"team-a open/open repository_id", "team-b open/open repository_id", "team-a open/open other_repository", "team-b open/open other_repository"}
	if diff := cmp.Diff(want, r.noticed); diff != "" {
		t.Errorf("shown to: %s", diff)
	}

	route := r.route("team-b", "open/open")
	route.Spec.RepositoryID = 2
	r.compiler.PutRoute(route)
	if r.send(webhook(build, travistest.Key())); r.last() != "202 stored" {
		t.Errorf("pinned by a route: %s", r.last())
	}
	if got := r.store.namespaces(); got[len(got)-1] != "team-b" || len(got) != 3 {
		t.Errorf("stored for %v, want team-a, team-b and then team-b alone", got)
	}
}

func TestANamespaceCannotSpoilTheIDForAnother(t *testing.T) {
	r := newFixture(t)
	for _, ns := range []string{"team-a", "team-b"} {
		r.route(ns, "old/old")
		r.token(ns, "token", "old/old", "of "+ns)
	}
	for i, step := range []struct {
		namespace string
		id        int64
		want      string
	}{
		{"team-b", 666, "202 stored"}, // a keyless event is as trustworthy as those who have the token
		{"team-a", 1, "202 stored"},
		{"team-a", 666, "403 other_repository"},
		{"team-b", 1, "403 other_repository"},
	} {
		request := webhook(travistest.Build{Repository: "old/old", RepositoryID: step.id, ID: int64(i + 1)}, nil)
		request.Header.Set("Authorization", verify.Proof("old/old", secret.New("of "+step.namespace)))
		if r.send(request); r.last() != step.want {
			t.Errorf("%s with id %d: %s, want %s", step.namespace, step.id, r.last(), step.want)
		}
	}
}

func TestAnEventIsStoredEvenIfTheSenderDisconnects(t *testing.T) {
	r := newPopulatedFixture(t)
	r.store.hold, r.store.entered = make(chan struct{}), make(chan struct{})
	ctx, hangUp := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		r.send(webhook(travistest.Build{Repository: "open/open"}, travistest.Key()).WithContext(ctx))
		close(done)
	}()
	<-r.store.entered
	hangUp()
	close(r.store.hold)
	<-done
	if r.last() != "202 stored" {
		t.Errorf("answer is %s", r.last())
	}
}

func TestAnEventThatCannotBeStoredIsNotAnswered202(t *testing.T) {
	for fault, want := range map[error]string{
		fmt.Errorf("accept: %w", queue.ErrFull): "503 store_full",
		queue.ErrUnavailable:                    "503 store_unavailable",
		errors.New("disk on fire"):              "503 store_unavailable",
	} {
		r := newPopulatedFixture(t)
		r.send(webhook(travistest.Build{Repository: "open/open"}, travistest.Key())) // its id is known then
		r.store.fail = fault
		w := r.send(webhook(travistest.Build{Repository: "open/open", ID: 2}, travistest.Key()))
		if r.last() != want || strings.Contains(w.Body.String(), "fire") {
			t.Errorf("%v: %s %q, want %s", fault, r.last(), w.Body, want)
		}
		if !strings.Contains(r.logged(), fault.Error()) {
			t.Errorf("the log does not say %q: %s", fault, r.logged())
		}
	}
}

func TestAnEventThatNoRouteMatchesNeedsNoStore(t *testing.T) {
	r := newPopulatedFixture(t)
	r.send(webhook(travistest.Build{Repository: "open/open"}, travistest.Key())) // its id is known then
	r.store.fail = queue.ErrUnavailable
	if r.send(webhook(travistest.Build{Repository: "open/open", ID: 2, Result: travis.Canceled}, travistest.Key())); r.last() != "204 unrouted" {
		t.Errorf("answer is %s", r.last())
	}
}

// TestABuildThatEndedNeedsTheStore: the build before decides whether it was broken or fixed, and it decides that for the
// next one. Only the store knows them.
func TestABuildThatEndedNeedsTheStore(t *testing.T) {
	r := newPopulatedFixture(t)
	r.route("team-a", "open/open", v1alpha1.EventName(travis.Broken))
	r.send(webhook(travistest.Build{Repository: "open/open"}, travistest.Key())) // its id is known then
	r.store.fail = queue.ErrUnavailable
	for result, want := range map[travis.Result]string{
		travis.StillFailing: "503 store_unavailable", travis.Passed: "503 store_unavailable", travis.Errored: "204 unrouted",
	} {
		if r.send(webhook(travistest.Build{Repository: "open/open", ID: 2, Result: result}, travistest.Key())); r.last() != want {
			t.Errorf("%s: answer is %s, want %s", result, r.last(), want)
		}
	}
}

func TestAStoreThatHangsIsNotWaitedForForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newPopulatedFixture(t)
		r.store.hold, r.store.entered = make(chan struct{}), make(chan struct{}, 1)
		began := time.Now()
		r.send(webhook(travistest.Build{Repository: "open/open"}, travistest.Key()))
		if took := time.Since(began); r.last() != "503 store_unavailable" || took != receiver.StoreTimeout {
			t.Errorf("answer is %s after %s", r.last(), took)
		}
	})
}

func TestAnIDThatCannotBeRememberedIsNotAccepted(t *testing.T) {
	r := newPopulatedFixture(t)
	r.store.fail = queue.ErrUnavailable
	if r.send(webhook(travistest.Build{Repository: "open/open"}, travistest.Key())); r.last() != "503 store_unavailable" {
		t.Errorf("answer is %s", r.last())
	}
}

func TestAPanicIsNever500(t *testing.T) {
	r := newPopulatedFixture(t)
	r.options.Lookup = func(string) (*routing.Repository, bool) { panic("a-secret") }
	w := r.send(webhook(travistest.Build{Repository: "open/open"}, travistest.Key()))
	if w.Code != http.StatusServiceUnavailable || r.last() != "503 panic" {
		t.Errorf("answer is %d %s", w.Code, r.last())
	}
	if log := r.logged(); !strings.Contains(log, "handler_test.go") || strings.Contains(log, "a-secret") {
		t.Errorf("the log does not say where, or says too much: %s", log)
	}
}

func TestARedirectIsNoticedWhereTheSenderKnowsTheToken(t *testing.T) {
	r := newPopulatedFixture(t)
	get := func(slug, path string) *http.Request {
		request := webhook(travistest.Build{Repository: slug}, nil)
		request.Method, request.Body, request.ContentLength, request.URL.Path = http.MethodGet, http.NoBody, 0, path
		return request
	}
	for _, request := range []*http.Request{
		get("example/Example", "/travis/"+proof("example/Example")),
		get("example/Example", "/travis"), get("example/Example", "/travis/wrong"), get("open/open", "/travis"), get("un/known", "/travis"), // by anybody
	} {
		if w := r.send(request); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != http.MethodPost {
			t.Errorf("answer is %d, allowed is %q", w.Code, w.Header().Get("Allow"))
		}
	}
	if diff := cmp.Diff([]string{"team-a example/example redirected"}, r.noticed); diff != "" {
		t.Errorf("shown to: %s", diff)
	}
	if strings.Count(r.logged(), "webhook lost to a redirect") != 5 {
		t.Errorf("the log does not mention the redirects: %s", r.logged())
	}
}

func TestAGetWithTheTokenShowsHelp(t *testing.T) {
	r := newPopulatedFixture(t)
	request := webhook(travistest.Build{Repository: "example/Example"}, nil)
	header("Content-Type", "application/json")(request)
	path("/travis/" + proof("example/Example"))(request)
	w := r.send(request)
	if r.last() != "415 json" || !strings.Contains(w.Body.String(), `remove that line`) {
		t.Errorf("answer is %s %s", r.last(), w.Body)
	}
	want := shortReport{Code: 415, Reason: receiver.ReasonJSON, Slug: "example/Example", Declared: true, Authorized: []string{"team-a"}}
	if diff := cmp.Diff([]shortReport{want}, r.shortReports()); diff != "" {
		t.Error(diff)
	}
}

func TestClient(t *testing.T) {
	tests := map[string]struct {
		remote  string
		headers http.Header
		want    string
	}{
		"itself":                     {"192.0.2.7:1", nil, "192.0.2.7"},
		"a stranger's claim":         {"192.0.2.7:1", http.Header{"X-Forwarded-For": {"198.51.100.1"}, "X-Real-Ip": {"198.51.100.1"}}, "192.0.2.7"},
		"through a proxy":            {"10.1.2.3:1", http.Header{"X-Forwarded-For": {"198.51.100.1"}}, "198.51.100.1"},
		"through two":                {"10.1.2.3:1", http.Header{"X-Forwarded-For": {"198.51.100.1, 10.4.5.6"}}, "198.51.100.1"},
		"through two, two headers":   {"10.1.2.3:1", http.Header{"X-Forwarded-For": {"198.51.100.1", "10.4.5.6"}}, "198.51.100.1"},
		"a claim before the proxy's": {"10.1.2.3:1", http.Header{"X-Forwarded-For": {"203.0.113.9, 198.51.100.1"}}, "198.51.100.1"},
		"rubbish before the proxy's": {"10.1.2.3:1", http.Header{"X-Forwarded-For": {"<script>, 10.4.5.6"}}, "10.4.5.6"},
		"by X-Real-IP":               {"10.1.2.3:1", http.Header{"X-Real-Ip": {"198.51.100.1"}}, "198.51.100.1"},
		"by both":                    {"10.1.2.3:1", http.Header{"X-Forwarded-For": {"10.4.5.6"}, "X-Real-Ip": {"198.51.100.1"}}, "10.4.5.6"},
		"the proxy itself":           {"10.1.2.3:1", nil, "10.1.2.3"},
		"IPv6":                       {"[2001:db8::1]:1", http.Header{"X-Forwarded-For": {"[2001:db9::7]:99"}}, "2001:db9::7"},
		"IPv4 in IPv6":               {"[::ffff:10.1.2.3]:1", http.Header{"X-Forwarded-For": {"198.51.100.1"}}, "198.51.100.1"},
		"no address":                 {"@", nil, "unknown"},
	}
	for name, test := range tests {
		r := newPopulatedFixture(t)
		request := httptest.NewRequest(http.MethodPost, "/travis", nil)
		request.RemoteAddr = test.remote
		for k, v := range test.headers {
			request.Header[k] = v
		}
		r.send(request)
		if want := fmt.Sprintf(`"client"=%q`, test.want); !strings.Contains(r.logged(), want) {
			t.Errorf("%s: want %s in %s", name, want, r.logged())
		}
	}
}

func TestAStrangersSlugCannotForgeALogLine(t *testing.T) {
	r := newPopulatedFixture(t)
	request := webhook(travistest.Build{}, nil)
	request.Header.Set("Travis-Repo-Slug", "a/b\x1b[31m\u202e"+strings.Repeat("x", 5000))
	r.send(request)
	log := r.logged()
	if len(log) > 1000 || strings.ContainsAny(log, "\x1b\u202e") || strings.Count(log, "\n") != 1 {
		t.Errorf("the log is %q", log)
	}
}

var _ receiver.Observer = (*fixture)(nil)
