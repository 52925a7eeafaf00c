package webhook_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/webhook"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/travis"
)

const reference = "../../../docs/services/webhook.md"

// documented is the message of the examples in the reference.
func documented() notify.Message {
	started := time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)
	return notify.Message{
		ID:      "9f86d081884c7d659a2feaa0c55ad015",
		Address: "url",
		Text:    "[Travis-CI] [example/example] build/123 (https://app.travis-ci.com/example/example/builds/815): broken for push to main at 62aae5f.",
		Level:   notify.Bad,
		Route:   "team-a/example",
		Event: travis.Event{
			Repository: travis.Repository{ID: 4711, Owner: "example", Name: "example"},
			Build: travis.Build{
				ID: 815, Number: "123", Type: travis.PullRequest, State: "failed", Result: travis.Broken, Branch: "main",
				URL: "https://app.travis-ci.com/example/example/builds/815", Started: started,
				Finished: started.Add(90 * time.Second), Duration: 2 * time.Minute,
			},
			Commit: travis.Commit{
				SHA: "62aae5f70ceee39123ef9b36c2a6ef0f6f7f9e10", Message: "Fix the build", Author: "A. Author", Committer: "C. Committer",
				Committed: started.Add(-time.Minute), CompareURL: "https://github.com/example/example/pull/7",
			},
			PullRequest: &travis.PR{Number: 7, Title: "Fix the build"},
			Jobs: []travis.Job{{
				ID: 816, Number: "123.1", State: "failed",
				Started: started, Finished: started.Add(time.Minute),
			}},
		},
	}
}

// posted sends m with an account and returns what arrived.
func posted(t *testing.T, config string, keys map[string]string, m notify.Message) (http.Header, []byte) {
	t.Helper()
	var header http.Header
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		header = r.Header
		body, _ = io.ReadAll(r.Body)
	}))
	t.Cleanup(server.Close)
	credential := notify.Credential{"url": secret.New(server.URL)}
	for k, v := range keys {
		credential[k] = secret.New(v)
	}
	n, err := webhook.Service.New([]byte(config), credential, notify.Deps{HTTP: notify.NewClient(notify.Options{})})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Notify(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	return header, body
}

func TestBodiesAreAsDocumented(t *testing.T) {
	page, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	for name, config := range map[string]string{"JSON": `{}`, "CloudEvents": `{"format":"CloudEvents"}`} {
		_, body := posted(t, config, nil, documented())
		example := codeBlock(t, string(page), "<!-- example: "+name+" -->\n```json\n")
		if diff := cmp.Diff(decoded(t, example), decoded(t, body)); diff != "" {
			t.Errorf("%s differs from the example in %s (-documented +sent):\n%s\nsent:\n%s", name, reference, diff, indented(t, body))
		}
	}
}

// codeBlock is the block in page that follows mark.
func codeBlock(t *testing.T, page, mark string) []byte {
	t.Helper()
	_, rest, ok := strings.Cut(page, mark)
	block, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatalf("%s has no block after %q", reference, mark)
	}
	return []byte(block)
}

func decoded(t *testing.T, body []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return v
}

func indented(t *testing.T, body []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, body, "", "  "); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRequestsGoUnsignedWithoutAKey(t *testing.T) {
	header, _ := posted(t, `{}`, nil, documented())
	if got := header.Values("Webhook-Signature"); len(got) != 0 {
		t.Errorf("signed without a key: %q", got)
	}
	if header.Get("Webhook-Id") == "" || header.Get("Webhook-Timestamp") == "" {
		t.Errorf("id or time is missing: %v", header)
	}
}

func TestPendingBuildHasNoEnd(t *testing.T) {
	m := documented()
	m.Event.Build.Result, m.Event.Build.State = travis.Pending, "started"
	m.Event.Build.Finished, m.Event.Build.Duration = time.Time{}, 0
	_, body := posted(t, `{}`, nil, m)
	var got struct {
		Type      string         `json:"type"`
		Timestamp time.Time      `json:"timestamp"`
		Build     map[string]any `json:"build"`
	}
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	if got.Type != "dev.travishook.build.pending" || !got.Timestamp.Equal(m.Event.Build.Started) {
		t.Errorf("type %q at %v", got.Type, got.Timestamp)
	}
	if at, ok := got.Build["finishedAt"]; ok {
		t.Errorf("finished at %v", at)
	}
}

func TestTwoKeysWithOneURLAreOneChannel(t *testing.T) {
	credential := notify.Credential{
		"url": secret.New("https://example.com/a\n"), "copy": secret.New("https://example.com/a"), "other": secret.New("https://example.com/b"),
	}
	for address, want := range map[string]string{"": "copy", "url": "copy", "copy": "copy", "other": "other"} {
		if got, err := webhook.Service.Address([]byte(`{}`), credential, address); got != want || err != nil {
			t.Errorf("Address(%q) = %q, %v; want %q", address, got, err, want)
		}
	}
}

func TestBadURLUnderAnotherKeyIsThatChannelsFault(t *testing.T) {
	credential := notify.Credential{"url": secret.New("https://example.com/a"), "team-b": secret.New("nonsense")}
	if err := webhook.Service.Check([]byte(`{}`), credential); err != nil {
		t.Errorf("the account was refused: %v", err)
	}
	if _, err := webhook.Service.Address([]byte(`{}`), credential, "team-b"); err == nil {
		t.Error("the channel was not refused")
	}
}

// Without this, requests would go out unsigned and nobody would know.
func TestSigningKeyUnderAnotherNameIsRefused(t *testing.T) {
	credential := notify.Credential{"url": secret.New("https://example.com/a"), "signing-key": secret.New("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")}
	err := webhook.Service.Check([]byte(`{}`), credential)
	if err == nil || !strings.Contains(err.Error(), `"signing-key"`) || !strings.Contains(err.Error(), "hmacKey") || strings.Contains(err.Error(), "MfKQ9") {
		t.Errorf("got %v", err)
	}
}

// net/http may repeat a request by itself when a kept connection breaks.
func TestLostAnswerIsNotSentAgainBehindTheQueue(t *testing.T) {
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if requests.Add(1) > 1 {
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(server.Close)
	n, err := webhook.Service.New([]byte(`{}`), notify.Credential{"url": secret.New(server.URL)},
		notify.Deps{HTTP: notify.NewClient(notify.Options{})})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Notify(t.Context(), documented()); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Notify(t.Context(), documented()); !notify.IsAnswerLost(err) {
		t.Errorf("%v, want a lost answer", err)
	}
	if got := requests.Load(); got != 2 {
		t.Errorf("%d requests arrived, want 2", got)
	}
}
