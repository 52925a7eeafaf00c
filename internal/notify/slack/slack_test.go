package slack_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/slack"
	"github.com/travishook/travishook/internal/secret"
)

func TestAddress(t *testing.T) {
	hook, other := secret.New("https://hooks.slack.com/services/a"), secret.New("https://hooks.slack.com/services/b")
	bot := notify.Credential{"token": secret.New("xoxb-1")}
	both := notify.Credential{"token": secret.New("xoxb-1"), "url": hook, "release": other}
	hooks := notify.Credential{"url": hook, "builds": hook, "release": other}
	for _, test := range []struct {
		credential    notify.Credential
		address, want string // want is empty if the address is refused
	}{
		{bot, "#builds", "#builds"}, {bot, "#Builds", "#builds"}, {bot, "#bygg-åäö_2", "#bygg-åäö_2"}, {bot, "C0123456789", "C0123456789"},
		{bot, "builds", ""}, {bot, "", ""}, {bot, "token", ""}, {bot, "url", ""},
		{hooks, "", "builds"}, {hooks, "url", "builds"}, {hooks, "builds", "builds"}, {hooks, "release", "release"}, {hooks, "#builds", ""},
		{both, "", "url"}, {both, "release", "release"}, {both, "#release", "#release"}, {both, "token", ""},
	} {
		got, err := slack.Service.Address([]byte(`{}`), test.credential, test.address)
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("Address(%q) = %q, %v; want %q", test.address, got, err, test.want)
		}
	}
}

// TestLayout compares the whole message that is sent to a webhook.
func TestLayout(t *testing.T) {
	var got any
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		_, _ = w.Write([]byte("ok"))
	}))
	t.Cleanup(server.Close)
	n, err := slack.Service.New([]byte(`{}`), notify.Credential{"url": secret.New(server.URL)}, notify.Deps{HTTP: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Notify(t.Context(), notify.Message{
		ID: "1", Address: "url", Level: notify.Bad, Route: "team-a/example",
		Text:  "[example/example] build/123 (https://travis.example/123): broken & <sad>",
		Spans: []notify.Span{{Text: "[example/example] build/123", URL: "https://travis.example/123"}, {Text: ": broken & <sad>"}},
		Fields: []notify.Field{
			{Name: "Branch", Value: notify.Span{Text: "feature_*x*"}},
			{Name: "Commit", Value: notify.Span{Text: "fix: *all*", URL: "https://git.example/a|b"}},
			{Name: "Tag"},
		},
	}); err != nil {
		t.Fatal(err)
	}
	var want any
	if err := json.Unmarshal([]byte(`{
		"text": "[example/example] build/123 (https://travis.example/123): broken &amp; &lt;sad&gt;",
		"blocks": [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [
			{"type": "link", "url": "https://travis.example/123", "text": "[example/example] build/123"},
			{"type": "text", "text": ": broken & <sad>"}
		]}]}],
		"attachments": [{"color": "#e01e5a", "blocks": [
			{"type": "section", "fields": [
				{"type": "plain_text", "emoji": false, "text": "Branch: feature_*x*"},
				{"type": "mrkdwn", "verbatim": true, "text": "Commit: <https://git.example/a%7Cb|fix∶ ∗all∗>"}
			]},
			{"type": "context", "elements": [{"type": "plain_text", "emoji": false, "text": "team-a/example"}]}
		]}],
		"parse": "none", "unfurl_links": false, "unfurl_media": false,
		"replace_original": false, "delete_original": false
	}`), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
