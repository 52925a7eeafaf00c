package matrix

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/notify"
)

func TestAddress(t *testing.T) {
	for _, test := range []struct{ address, says string }{
		{"#builds:example.com", ""}, {"#Bygg-åäö/1@x:example.com:8448", ""}, {"#b:[::1]:8448", ""}, {"#b:1.2.3.4", ""},
		{"!bUiLdS0123456789ab:example.com", ""}, {"!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM", ""},
		{"#builds", "has no server"}, {"@ann:example.com", "is a person"}, {"https://matrix.to/#/#builds:example.com", "is a link"},
		{"matrix:r/builds:example.com", "is a link"}, {"builds:example.com", "not a Matrix room"}, {"#a\u200bb:example.com", "not a Matrix room"},
	} {
		got, err := Service.Address(nil, nil, test.address)
		switch {
		case test.says == "" && (err != nil || got != test.address):
			t.Errorf("Address(%q) = %q, %v", test.address, got, err)
		case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)):
			t.Errorf("Address(%q): %v, want one that says %q", test.address, err, test.says)
		}
	}
}

func TestLayout(t *testing.T) {
	m := notify.Message{
		Level: notify.Bad, Mention: "@ann/b:example.com",
		Spans: []notify.Span{{Text: "[a/b] build/123", URL: "https://travis.example/123?a=1&b=2"}, {Text: ": <b>broken</b> by @room\nsee "}, {Text: "Ann", URL: "https://matrix.to/#/@ann:example.com"}},
		Fields: []notify.Field{
			{Name: "Commit", Value: notify.Span{Text: "fix", URL: "https://git.example/a"}},
			{Name: "Tag"},
		},
	}
	got, err := json.Marshal(show(m))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"msgtype":"m.text",` +
		`"body":"@ann/b:example.com 🔴 [a/b] build/123 (https://travis.example/123?a=1&b=2): <b>broken</b> by @room\nsee Ann\nCommit: fix (https://git.example/a)",` +
		`"format":"org.matrix.custom.html",` +
		`"formatted_body":"<a href=\"https://matrix.to/#/%40ann%2Fb%3Aexample.com\">@ann/b:example.com</a> 🔴 ` +
		`<a href=\"https://travis.example/123?a=1&amp;b=2\">[a/b] build/123</a>: &lt;b&gt;broken&lt;/b&gt; by @room<br>see Ann<br>` +
		`Commit: <a href=\"https://git.example/a\">fix</a>",` +
		`"m.mentions":{"user_ids":["@ann/b:example.com"]},"com.beeper.linkpreviews":[]}`
	if diff := cmp.Diff(decode(t, want), decode(t, strings.ReplaceAll(string(got), joint, ""))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !strings.Contains(string(got), "@"+joint+"room") {
		t.Errorf("@room is not broken: %s", got)
	}
}

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestAnEditFitsIntoAnEvent: it has both bodies twice, and a homeserver accepts 65 536 bytes.
func TestAnEditFitsIntoAnEvent(t *testing.T) {
	for _, text := range []string{strings.Repeat("<&@", 20_000), strings.Repeat("ä", 60_000), strings.Repeat("😀\n", 20_000)} {
		m := notify.Message{Spans: []notify.Span{{Text: text}}}
		for range 20 {
			m.Fields = append(m.Fields, notify.Field{Name: text, Value: notify.Span{Text: text, URL: "https://git.example/" + strings.Repeat("a", 500)}})
		}
		raw, err := json.Marshal(show(m).replacing("$" + strings.Repeat("e", 254)))
		if err != nil {
			t.Fatal(err)
		}
		// A homeserver does not escape these.
		size := len(strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">").Replace(string(raw)))
		if size > 60_000 {
			t.Errorf("the edit of %.10q has %d bytes", text, size)
		}
	}
}

// TestALongHandleIsNotKept: the identifiers of the first versions of rooms have up to 255 bytes each.
func TestALongHandleIsNotKept(t *testing.T) {
	long := strings.Repeat("a", 200)
	if got := handle("!"+long+":example.com", "$"+long+":example.com"); got != "" {
		t.Errorf("a handle of %d bytes", len(got))
	}
	id, event, err := parseHandle(handle("!a:example.com", "$b+/c"))
	if id != "!a:example.com" || event != "$b+/c" || err != nil {
		t.Errorf("%q, %q, %v", id, event, err)
	}
}

func TestEveryErrorIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/services/matrix.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, by := range []map[string]string{advice, joinAdvice} {
		for code, says := range by {
			if !strings.Contains(string(page), "`"+code+"`") {
				t.Errorf("the page does not explain %s: %s", code, says)
			}
		}
	}
	for _, limit := range []string{"8 000", "ten fields"} {
		if !strings.Contains(string(page), limit) {
			t.Errorf("the page does not have the limit %s", limit)
		}
	}
}
