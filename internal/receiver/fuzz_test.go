package receiver_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/travishook/travishook/internal/travis/travistest"
)

// fuzzed sends a stranger's request, which must not be stored, cause a panic, or be answered 500.
func fuzzed(t *testing.T, r *fixture, request *http.Request) {
	t.Helper()
	w := r.send(request)
	if w.Code == http.StatusAccepted || w.Code == http.StatusInternalServerError || strings.HasSuffix(r.last(), " panic") {
		t.Errorf("answer is %d (%s)", w.Code, r.last())
	}
	if strings.Count(w.Body.String(), "\n") > 1 {
		t.Errorf("the answer has more than one line: %q", w.Body)
	}
}

func FuzzForm(f *testing.F) {
	r := newPopulatedFixture(f)
	payload := travistest.Build{Repository: "old/old", Finished: finished}.Payload()
	for _, seed := range []string{
		"", "payload=", "payload", "payload=%", "payload=%zz", "payload=%ff", "payload={}&payload={}", "&&&", "a=b;payload={}",
		string(travistest.Form(payload)) + "&payload=", "payload=" + strings.Repeat("%5B", 10_000), "\x00", "payload=null",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		request := webhook(travistest.Build{Repository: "old/old"}, nil)
		request.Header.Set("Authorization", proof("old/old"))
		request.ContentLength = int64(len(body))
		request.Body = http.NoBody
		if len(body) > 0 {
			request = withBody(request, body)
		}
		w := r.send(request)
		// Whoever knows the token of a keyless repository may store, if the form is right.
		if w.Code == http.StatusInternalServerError || strings.HasSuffix(r.last(), " panic") {
			t.Errorf("answer is %d (%s)", w.Code, r.last())
		}
	})
}

func withBody(request *http.Request, body []byte) *http.Request {
	again := httptest.NewRequest(request.Method, request.URL.String(), bytes.NewReader(body))
	again.Header = request.Header
	return again
}

func FuzzPayload(f *testing.F) {
	r := newPopulatedFixture(f)
	f.Add(travistest.Build{Repository: "old/old", Finished: finished}.Payload())
	for _, seed := range []string{
		"", "{", "null", "[]", `{"repository":{"name":"old","owner_name":"old","id":1},"id":1,"status":0}`,
		`{"repository":{"name":"old/../x","owner_name":"old","id":1}}`, strings.Repeat("[", 20_000), "\"\xff\"",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		request := webhook(travistest.Build{Repository: "open/open"}, nil)
		request = withBody(request, travistest.Form(payload))
		request.Header.Set("Signature", travistest.Sign(travistest.Key(), payload))
		if r.send(request); strings.HasSuffix(r.last(), " panic") {
			t.Error(r.last())
		}
	})
}

func FuzzSignatureHeader(f *testing.F) {
	r := newPopulatedFixture(f)
	for _, seed := range []string{"", "=", "AAAA", "é", strings.Repeat("A", 344), strings.Repeat("/", 100_000), "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, signature string) {
		request := webhook(travistest.Build{Repository: "open/open"}, nil)
		request.Header.Set("Signature", signature)
		fuzzed(t, r, request)
	})
}

func FuzzPath(f *testing.F) {
	r := newPopulatedFixture(f)
	for _, seed := range []string{
		"", "/", "*", "/travis", "/travis/", "/travis//", "/travis/..", "/travis/\x00", "/travis/" + strings.Repeat("a", 64),
		"/travis/%2f", "//travis", "/travis/é", "/travis/" + strings.Repeat("/", 10_000),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		request := webhook(travistest.Build{Repository: "example/Example"}, travistest.Key())
		request.URL = &url.URL{Path: path}
		if strings.Contains(path, proof("example/Example")) {
			return
		}
		fuzzed(t, r, request)
		if strings.Contains(r.logged(), "/travis") {
			t.Errorf("the log holds the path: %s", r.logged())
		}
		r.log.Reset()
	})
}
