package keysource_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
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

	"github.com/go-logr/logr"
	"go.uber.org/goleak"

	"github.com/travishook/travishook/internal/queue/keyvalue/keyvaluetest"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/internal/verify"
	"github.com/travishook/travishook/internal/verify/keysource"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// config returns the /config of a Travis.
func config(publicKey any) string {
	body, err := json.Marshal(map[string]any{"config": map[string]any{
		"host":          "travis.example.com",
		"notifications": map[string]any{"webhook": map[string]any{"public_key": publicKey}},
	}})
	if err != nil {
		panic(err)
	}
	return string(body)
}

// endpoint is a server whose answer can be changed.
type endpoint struct {
	*httptest.Server
	mu     sync.Mutex
	answer http.HandlerFunc
}

func serve(t *testing.T, answer http.HandlerFunc) *endpoint {
	t.Helper()
	e := &endpoint{answer: answer}
	e.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		now := e.answer
		e.mu.Unlock()
		now(w, r)
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) becomes(answer http.HandlerFunc) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answer = answer
}

func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
}

func (e *endpoint) keys(t *testing.T, m *keyvaluetest.Map, now func() time.Time) *keysource.Keys {
	t.Helper()
	k, err := keysource.New(keysource.Options{
		Keys:  []keysource.Key{{Name: "travis", URL: e.URL + "/config"}},
		Store: m, Transport: e.Client().Transport,
		Refresh: time.Hour, Overlap: 24 * time.Hour, Now: now, Log: logr.Discard(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// verifies reports whether what key signs is accepted.
func verifies(k *keysource.Keys, key *rsa.PrivateKey) bool {
	signature, err := verify.ParseSignature(travistest.Sign(key, []byte("{}")))
	if err != nil {
		return false
	}
	digest := verify.NewDigest()
	_, _ = digest.Write([]byte("{}")) // never fails
	_, err = k.Keyring().VerifyDigest("example/example", digest.Sum(nil), signature)
	return err == nil
}

func TestFetchedKeyVerifiesAndIsRemembered(t *testing.T) {
	key := travistest.Key()
	e := serve(t, says(config(travistest.PEM(key))))
	var m keyvaluetest.Map
	k := e.keys(t, &m, nil)
	if err := k.Ready(); err == nil {
		t.Error("ready before any key was known")
	}
	if err := k.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := k.Ready(); err != nil || !verifies(k, key) {
		t.Errorf("after the fetch: %v, %+v", err, k.States())
	}

	e.Close()
	again := e.keys(t, &m, nil) // a restart while the endpoint is down
	if err := again.Ready(); err != nil || !verifies(again, key) {
		t.Errorf("after a restart: %v", err)
	}
	if err := again.Refresh(t.Context()); err == nil {
		t.Error("a closed endpoint was fetched from")
	}
	if !verifies(again, key) || !strings.HasPrefix(again.States()[0].Problem, "it cannot be reached: ") {
		t.Errorf("with the endpoint down: %+v", again.States())
	}
}

func TestKeyBeforeStaysValidForTheOverlap(t *testing.T) {
	first, second := travistest.Key(), travistest.NewKey()
	now := time.Date(2026, 1, 3, 12, 0, 0, 0, time.UTC)
	e := serve(t, says(config(travistest.PEM(first))))
	var m keyvaluetest.Map
	k := e.keys(t, &m, func() time.Time { return now })
	steps := []struct {
		after         time.Duration
		answer        string
		first, second bool
	}{
		{0, config(travistest.PEM(first)), true, false},
		{time.Hour, config(travistest.PEM(second)), true, true},
		{23 * time.Hour, config(travistest.PEM(second)), true, true},
		{2 * time.Hour, "down", false, true},
		{0, config(travistest.PEM(first)), true, true},
	}
	for i, step := range steps {
		now = now.Add(step.after)
		e.becomes(says(step.answer))
		_ = k.Refresh(t.Context()) // one of them is down; the keys are checked below
		if a, b := verifies(k, first), verifies(k, second); a != step.first || b != step.second {
			t.Errorf("step %d: first is valid %v, second %v", i, a, b)
		}
		restarted := e.keys(t, &m, func() time.Time { return now })
		if a, b := verifies(restarted, first), verifies(restarted, second); a != step.first || b != step.second {
			t.Errorf("step %d, restarted: first is valid %v, second %v", i, a, b)
		}
	}
}

func TestALaterRotationDoesNotProlongAnOldKey(t *testing.T) {
	first, second, third := travistest.Key(), travistest.NewKey(), travistest.NewKey()
	now := time.Date(2026, 1, 3, 12, 0, 0, 0, time.UTC)
	e := serve(t, nil)
	k := e.keys(t, &keyvaluetest.Map{}, func() time.Time { return now })
	for _, key := range []*rsa.PrivateKey{first, second, third, third} {
		e.becomes(says(config(travistest.PEM(key))))
		if err := k.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		now = now.Add(13 * time.Hour)
	}
	// The first was replaced 39 hours ago, the second 26, at an overlap of 24.
	now = now.Add(-12 * time.Hour)
	if verifies(k, first) || !verifies(k, second) || !verifies(k, third) {
		t.Errorf("valid are first %t, second %t, third %t", verifies(k, first), verifies(k, second), verifies(k, third))
	}
}

func TestWrongEndpointsAreReportedAndTheLastGoodKeyStays(t *testing.T) {
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&curve.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	ofAnotherKind := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	key := travistest.Key()
	good := says(config(travistest.PEM(key)))
	tests := map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"a web page":        {says("\n<!DOCTYPE html><html>"), "it answered with a web page instead of JSON: is it the API's host, as in https://api.travis-ci.com/config?"},
		"other JSON":        {says(`{"config":{}}`), "its answer has no config.notifications.webhook: is it the /config of a Travis?"},
		"JSON of no shape":  {says(`[]`), "the answer is not the /config of a Travis as JSON"},
		"nothing":           {says(""), "the answer is not the /config of a Travis as JSON"},
		"a null key":        {says(config(nil)), "its public_key is null: this Travis signs nothing; list its repositories in trust.keylessRepositories, and remove the URL"},
		"no content":        {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, "it answered 204 instead of 200"},
		"refused":           {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }, "it answered 400 instead of 200"},
		"no webhook":        {says(`{"config":{"notifications":{}}}`), "its answer has no config.notifications.webhook: is it the /config of a Travis?"},
		"another kind":      {says(config(ofAnotherKind)), "its public_key cannot be used: it is not an RSA key, and Travis signs with RSA"},
		"an error":          {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, "it answered 502 instead of 200"},
		"more than a bound": {says(strings.Repeat(" ", 1<<20)), "it answered with more than 262144 bytes: is it the /config of a Travis?"},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/moved" {
				good(w, r)
				return
			}
			http.Redirect(w, r, "/moved", http.StatusMovedPermanently)
		}, "it redirects (301), which is not followed: configure the URL that it redirects to"},
		"a broken answer": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "it cannot be reached: EOF"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e := serve(t, test.answer)
			k := e.keys(t, &keyvaluetest.Map{}, nil)
			if err := k.Refresh(t.Context()); err == nil || err.Error() != `key "travis": `+test.want {
				t.Errorf("error is %v, want %s", err, test.want)
			}
			if k.Ready() == nil || !k.Keyring().Empty() {
				t.Error("ready without a key")
			}
			e.becomes(good)
			if err := k.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			e.becomes(test.answer)
			_ = k.Refresh(t.Context()) // fails as before
			if state := k.States()[0]; !verifies(k, key) || k.Ready() != nil || state.Problem != test.want || state.Fetched.IsZero() {
				t.Errorf("the last good key was lost: %+v", state)
			}
		})
	}
}

// transport is an endpoint without a network.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestSlowEndpointTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, err := keysource.New(keysource.Options{
			Keys:  []keysource.Key{{Name: "travis", URL: "https://travis.example.com/config"}},
			Store: &keyvaluetest.Map{}, Refresh: time.Hour,
			Transport: transport(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}),
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Refresh(t.Context()); err == nil || err.Error() != `key "travis": it did not answer within 10s` {
			t.Errorf("error is %v", err)
		}
	})
}

func TestRunRetriesSoonAndRefreshesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var asked []time.Duration
		k, err := keysource.New(keysource.Options{
			Keys:  []keysource.Key{{Name: "travis", URL: "https://travis.example.com/config"}},
			Store: &keyvaluetest.Map{}, Refresh: time.Hour, Overlap: time.Hour,
			Transport: transport(func(*http.Request) (*http.Response, error) {
				asked = append(asked, time.Since(start))
				if len(asked) < 3 {
					return nil, errors.New("no route to host")
				}
				body := io.NopCloser(strings.NewReader(config(travistest.PEM(travistest.Key()))))
				return &http.Response{StatusCode: http.StatusOK, Body: body}, nil
			}),
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
		defer cancel()
		if err := k.Run(ctx); err != nil {
			t.Fatal(err)
		}
		want := []time.Duration{0, 5 * time.Second, 15 * time.Second, time.Hour + 15*time.Second}
		if len(asked) != len(want) {
			t.Fatalf("asked at %v, want %v", asked, want)
		}
		for i := range want {
			if asked[i] != want[i] {
				t.Errorf("asked at %v, want %v", asked, want)
			}
		}
		if k.Ready() != nil {
			t.Error("not ready after the third fetch")
		}
	})
}

// A key that others have just fetched is used at once and remembered, and fetched again only after the interval.
func TestAFetchedKeyIsNotFetchedAgainAtOnce(t *testing.T) {
	var fetches atomic.Int64
	e := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		fetches.Add(1)
		_, _ = io.WriteString(w, config(travistest.PEM(travistest.Key())))
	})
	before := e.keys(t, &keyvaluetest.Map{}, time.Now)
	if err := before.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	store := &keyvaluetest.Map{}
	k, err := keysource.New(keysource.Options{
		Keys: []keysource.Key{{Name: "travis", URL: e.URL + "/config"}}, Store: store, Fetched: before,
		Transport: e.Client().Transport, Refresh: time.Hour, Overlap: time.Hour, Log: logr.Discard(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(k.Refresh(t.Context()), k.Ready()); err != nil || fetches.Load() != 1 {
		t.Errorf("%d fetches, %v; want one", fetches.Load(), err)
	}
	if err := e.keys(t, store, time.Now).Ready(); err != nil {
		t.Errorf("it is not remembered: %v", err)
	}
	if err := k.Refresh(t.Context()); err != nil || fetches.Load() != 2 {
		t.Errorf("%d fetches, %v; want another one after the interval", fetches.Load(), err)
	}
}

func TestStoringAKeyIsRetried(t *testing.T) {
	key := travistest.Key()
	e := serve(t, says(config(travistest.PEM(key))))
	m := &keyvaluetest.Map{BeforeWrite: func() error { return errors.New("store is unavailable") }}
	k := e.keys(t, m, nil)
	if err := k.Refresh(t.Context()); err == nil || !verifies(k, key) {
		t.Errorf("%v; the key must be valid, and the failure reported", err)
	}
	m.BeforeWrite = nil
	if err := k.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !verifies(e.keys(t, m, nil), key) {
		t.Error("the key is not remembered")
	}
}

func TestAnInvalidStoredKeyIsFetchedAgain(t *testing.T) {
	e := serve(t, says(config(travistest.PEM(travistest.Key()))))
	for _, rubbish := range []string{"", "{", `{"keys":[{"der":"AAAA"}]}`, `{"keys":null}`} {
		m := &keyvaluetest.Map{}
		if err := m.Put(t.Context(), "signing-keys", e.URL+"/config", []byte(rubbish)); err != nil {
			t.Fatal(err)
		}
		k := e.keys(t, m, nil)
		if k.Ready() == nil {
			t.Errorf("%q: ready", rubbish)
		}
		if err := k.Refresh(t.Context()); err != nil || k.Ready() != nil {
			t.Errorf("%q: %v", rubbish, err)
		}
	}
}

func TestGivenAndAwaitedKeys(t *testing.T) {
	given, awaited := travistest.Key(), travistest.NewKey()
	only, err := verify.ParsePatterns([]string{"other/*"})
	if err != nil {
		t.Fatal(err)
	}
	k, err := keysource.New(keysource.Options{Store: &keyvaluetest.Map{}, Keys: []keysource.Key{
		{Name: "given", Public: &given.PublicKey, Repositories: only}, {Name: "awaited"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Ready(); err == nil || err.Error() != "signing keys are not known yet (awaited)" {
		t.Errorf("while one is awaited: %v", err)
	}
	if !k.SetProblem("awaited", `the ConfigMap has no key "pem"`) || k.Ready() != nil {
		t.Errorf("a key that cannot be had holds the other up: %v", k.Ready())
	}
	if !k.Set("awaited", &awaited.PublicKey) || k.Set("unheard-of", &awaited.PublicKey) {
		t.Error("Set does not know which keys are configured")
	}
	if !verifies(k, awaited) || verifies(k, given) || k.States()[1].Problem != "" {
		t.Errorf("%+v", k.States())
	}
	k.SetProblem("awaited", "the ConfigMap was deleted")
	if !verifies(k, awaited) {
		t.Error("the last good key was lost")
	}
}

// TestAwaitedKeys: a webhook is held only while no key of its repository is known.
func TestAwaitedKeys(t *testing.T) {
	key := travistest.Key()
	only, err := verify.ParsePatterns([]string{"other/*"})
	if err != nil {
		t.Fatal(err)
	}
	k, err := keysource.New(keysource.Options{Store: &keyvaluetest.Map{}, Keys: []keysource.Key{
		{Name: "others", Repositories: only}, {Name: "first"}, {Name: "second"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	k.SetProblem("second", "the Secret does not exist")
	for slug, want := range map[string]string{
		"example/example": "first; second: the Secret does not exist",
		"other/x":         "others; first; second: the Secret does not exist",
	} {
		if got := k.Awaited(slug); got != want {
			t.Errorf("for %s, %q is awaited, want %q", slug, got, want)
		}
	}
	if err := k.Ready(); err == nil || err.Error() != "signing keys are not known yet (others; first; second: the Secret does not exist)" {
		t.Errorf("not ready because of %v", err)
	}
	k.Set("others", &key.PublicKey)
	if got := k.Awaited("other/x"); got != "" {
		t.Errorf("for other/x, %q is awaited though its key is known", got)
	}
	if got := k.Awaited("example/example"); got == "" {
		t.Error("for example/example, nothing is awaited, though the known key may not sign for it")
	}
	k.Set("first", &key.PublicKey)
	if got := k.Awaited("example/example"); got != "" {
		t.Errorf("for example/example, %q is awaited though a key is known", got)
	}
}

func TestWithoutKeysItIsReady(t *testing.T) {
	k, err := keysource.New(keysource.Options{Store: &keyvaluetest.Map{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Ready(); err != nil {
		t.Error(err)
	}
}

// TestChangesOfStateAreReported: Changed is called for what a condition shows, and not for another fetch.
func TestChangesOfStateAreReported(t *testing.T) {
	changes := 0
	good := true
	k, err := keysource.New(keysource.Options{
		Keys:  []keysource.Key{{Name: "travis", URL: "https://travis.example.com/config"}},
		Store: &keyvaluetest.Map{}, Refresh: time.Hour, Changed: func() { changes++ }, Log: logr.Discard(),
		Transport: transport(func(*http.Request) (*http.Response, error) {
			if !good {
				return nil, errors.New("no route to host")
			}
			body := io.NopCloser(strings.NewReader(config(travistest.PEM(travistest.Key()))))
			return &http.Response{StatusCode: http.StatusOK, Body: body}, nil
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name    string
		good    bool
		changes int
	}{{"the first key", true, 1}, {"the same key", true, 0}, {"a failure", false, 1}, {"the same failure", false, 0}, {"the key again", true, 1}} {
		before := changes
		good = step.good
		_ = k.Refresh(t.Context()) // fails where it should
		if got := changes - before; got != step.changes {
			t.Errorf("%s is reported %d times, want %d", step.name, got, step.changes)
		}
	}
}

func TestInvalidURLs(t *testing.T) {
	for url, want := range map[string]string{
		"ftp://travis.example.com/config":              `key "travis": "ftp://travis.example.com/config" is not a URL such as https://api.travis-ci.com/config`,
		"https://ann:sekrit@travis.example.com/config": `key "travis": the URL on travis.example.com must not have a user name or password: a public key needs none`,
	} {
		_, err := keysource.New(keysource.Options{Store: &keyvaluetest.Map{}, Keys: []keysource.Key{{Name: "travis", URL: url}}})
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v", url, err)
		}
	}
}
