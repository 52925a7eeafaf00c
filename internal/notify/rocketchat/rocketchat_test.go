package rocketchat

import (
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/secret"
)

func TestAddress(t *testing.T) {
	hook, other := secret.New("https://chat.example.com/hooks/64b7c1f0e2d93a4856aa0001/MfKQ9r8GKYqrTwjUPD8I"), secret.New("https://chat.example.com/hooks/64b7c1f0e2d93a4856aa0002/MfKQ9r8GKYqrTwjUPD8I")
	bot := notify.Credential{"token": secret.New("x"), "user": secret.New("y")}
	both := notify.Credential{"token": secret.New("x"), "url": hook, "release": other}
	hooks := notify.Credential{"url": hook, "builds": hook, "release": other}
	for _, test := range []struct {
		credential    notify.Credential
		address, want string // want is empty if the address is refused
	}{
		{bot, "#builds", "#builds"}, {bot, "#Bygg-åäö", "#Bygg-åäö"}, {bot, "GENERALbuilds0001", "GENERALbuilds0001"},
		{bot, "builds", ""}, {bot, "", ""}, {bot, "token", ""}, {bot, "user", ""}, {bot, "url", ""},
		{hooks, "", "builds"}, {hooks, "url", "builds"}, {hooks, "release", "release"}, {hooks, "#builds", ""},
		{both, "", "url"}, {both, "release", "release"}, {both, "#release", "#release"}, {both, "user", ""},
	} {
		got, err := Service.Address([]byte(`{}`), test.credential, test.address)
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("Address(%q) = %q, %v; want %q", test.address, got, err, test.want)
		}
	}
}

func TestLayout(t *testing.T) {
	m := notify.Message{
		Level: notify.Bad, Route: "team-a/example",
		Spans: []notify.Span{{Text: "[a/b] build/123", URL: "https://travis.example/123"}, {Text: ": broken by @all"}},
		Fields: []notify.Field{
			{Name: "Commit", Value: notify.Span{Text: "*fix*", URL: "https://git.example/a"}},
			{Name: "Tag"},
		},
	}
	const line = "<https://travis.example/123|[a/b] build/123>: broken by @\u200ball"
	if diff := cmp.Diff("🔴 "+line+"\nCommit: <https://git.example/a|∗fix∗>", showText(m)); diff != "" {
		t.Errorf("of a bot (-want +got):\n%s", diff)
	}
	want := webhookMessage{line, []attachment{{"#e01e5a", "team-a/example", []field{{"Commit", "<https://git.example/a|∗fix∗>", true}}}}}
	if diff := cmp.Diff(want, show(m)); diff != "" {
		t.Errorf("of an integration (-want +got):\n%s", diff)
	}
	m.Text = strings.Repeat("*", 20_000)
	m.Spans = nil
	if size := len([]rune(showText(m))); size > 5000 {
		t.Errorf("a long text has %d characters", size)
	}
}

// TestWait: the delay is told in five ways, and never by Retry-After.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the clock stands at the beginning of the year 2000
		for want, a := range map[time.Duration]notify.Answer{
			2500 * time.Millisecond: {Body: []byte(`{"success":false,"details":{"timeToReset":2500,"seconds":3}}`)},
			3 * time.Second:         {Body: []byte(`{"success":false,"details":{"seconds":3}}`)},
			4 * time.Second:         {Header: map[string][]string{"X-Ratelimit-Reset": {"946684804000"}}},
			5 * time.Second:         {Body: []byte(`{"success":false,"error":"Error, too many requests. Please slow down. You must wait 5 seconds before trying this endpoint again."}`)},
			time.Minute:             {Header: map[string][]string{"X-Ratelimit-Reset": {"soon"}}},
		} {
			a.Status = 429
			_, err := read(a)
			if got, _ := notify.RetryAfterOf(err); got != want {
				t.Errorf("waits %v, want %v", got, want)
			}
		}
	})
}

// TestAMessageThatWasPostedAlready is delivered.
func TestAMessageThatWasPostedAlready(t *testing.T) {
	for text, want := range map[string]bool{"E11000 duplicate key error collection: x": true, "[error-invalid-room]": false} {
		if got := isDuplicate(notify.Answer{Status: 400, Body: []byte(`{"success":false,"error":"` + text + `"}`)}); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestEveryErrorIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/services/rocketchat.md")
	if err != nil {
		t.Fatal(err)
	}
	for word, says := range advice {
		if !strings.Contains(string(page), "`"+word+"`") {
			t.Errorf("the page does not explain %s: %s", word, says)
		}
	}
}
