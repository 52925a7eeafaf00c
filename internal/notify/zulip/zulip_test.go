package zulip

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/travis"
)

const reference = "../../../docs/services/zulip.md"

func TestAddress(t *testing.T) {
	for address, want := range map[string]string{
		"builds": "builds", "#Builds": "builds", "Core Team": "core team", "17": "17", "bygg-åäö": "bygg-åäö",
		"builds>Releases": "builds>Releases", "#Builds > v2.0: next": "builds>v2.0: next", "builds>a>b": "builds>a>b",
	} {
		if got, err := Service.Address([]byte(`{}`), nil, address); got != want || err != nil {
			t.Errorf("Address(%q) = %q, %v; want %q", address, got, err, want)
		}
	}
}

// TestTopic: each repository has a topic, unless the address names one. Channels' names are quoted, so that none
// is read as a list or a number.
func TestTopic(t *testing.T) {
	var asked []url.Values
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		r.PostForm.Del("content")
		asked = append(asked, r.PostForm)
		_, _ = w.Write([]byte(`{"result":"success","msg":"","id":7}`))
	}))
	defer server.Close()
	credential := notify.Credential{"key": secret.New("k"), "email": secret.New("e@x"), "site": secret.New(server.URL)}
	n, err := Service.New([]byte(`{}`), credential, notify.Deps{HTTP: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []notify.Message{
		{Address: "builds", Event: travis.Event{Repository: travis.Repository{Owner: "example", Name: strings.Repeat("n", 70)}}},
		{Address: "17>Releases", Event: travis.Event{Repository: travis.Repository{Owner: "example", Name: "widget"}}},
		{Address: `["a"]`},
	} {
		if r, err := n.Notify(t.Context(), m); err != nil || r.Handle != "7" {
			t.Errorf("%+v, %v", r, err)
		}
	}
	want := []url.Values{
		{"type": {"stream"}, "to": {`"builds"`}, "topic": {"example/" + strings.Repeat("n", 51) + "…"}},
		{"type": {"stream"}, "to": {"17"}, "topic": {"Releases"}},
		{"type": {"stream"}, "to": {`"[\"a\"]"`}, "topic": {"Travis CI"}},
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestServer: the Secret's keys go before the account's field.
func TestServer(t *testing.T) {
	credential := notify.Credential{}
	for _, step := range []struct{ key, value, want string }{
		{"", "", "https://field.example"}, {"site", "https://site.example/\n", "https://site.example"},
		{"server", "https://server.example", "https://server.example"},
	} {
		if step.key != "" {
			credential[step.key] = secret.New(step.value)
		}
		if got, err := server([]byte(`{"server":"https://field.example"}`), credential); got != step.want || err != nil {
			t.Errorf("with %q: %q, %v; want %q", step.key, got, err, step.want)
		}
	}
}

func TestLayout(t *testing.T) {
	m := notify.Message{
		Level: notify.Bad, Mention: "2187", Finished: time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC),
		Spans: []notify.Span{{Text: "[a/b] build/123", URL: "https://travis.example/123"}, {Text: ": broken by @**all**"}},
		Fields: []notify.Field{
			{Name: "Commit", Value: notify.Span{Text: "fix] it_now", URL: "https://git.example/a"}},
			{Name: "Tag"},
		},
	}
	const want = "@**|2187** 🔴 [[a/b] build/123](https://travis.example/123): broken by @\u200b∗∗all∗∗\n" +
		"Commit: [fix］ it_now](https://git.example/a)\nFinished: <time:2026-11-03T12:00:00Z>"
	if diff := cmp.Diff(want, show(m)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	m.Text, m.Spans = strings.Repeat("@", 20_000), nil
	for range 20 {
		m.Fields = append(m.Fields, notify.Field{Name: strings.Repeat("@", 100), Value: notify.Span{Text: strings.Repeat("$", 500)}})
	}
	if size := utf8.RuneCountInString(show(m)); size > 10_000 {
		t.Errorf("a long text has %d characters", size)
	}
}

// TestBracketsAcrossSpans: two texts make no link between them.
func TestBracketsAcrossSpans(t *testing.T) {
	got := line([]notify.Span{{Text: "[a]"}, {Text: "(https://evil.example)"}, {Text: "["}}, "")
	if strings.Contains(got, "](") || strings.HasSuffix(got, "[") {
		t.Errorf("%q", got)
	}
}

func TestEveryErrorIsDocumented(t *testing.T) {
	page, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	for _, codes := range []map[string]string{credentials, advice} {
		for code, says := range codes {
			if !strings.Contains(string(page), "`"+code+"`") {
				t.Errorf("%s does not explain %s: %s", reference, code, says)
			}
		}
	}
}
