package mattermost

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/secret"
)

const token = "q7zsvw3dgkrthj4mxc8plbny42"

func TestAddress(t *testing.T) {
	hook, other := secret.New("https://chat.example.com/hooks/"+token), secret.New("https://chat.example.com/hooks/"+strings.Repeat("a", 26))
	bot := notify.Credential{"token": secret.New(token), "server": secret.New("https://chat.example.com")}
	both := notify.Credential{"token": secret.New(token), "url": hook, "release": other}
	hooks := notify.Credential{"url": hook, "builds": hook, "release": other}
	for _, test := range []struct {
		credential    notify.Credential
		address, want string // want is empty if the address is refused
	}{
		{bot, "eng/builds", "eng/builds"}, {bot, "Eng/~Builds", "eng/builds"}, {bot, token, token},
		{bot, "builds", ""}, {bot, "", ""}, {bot, "token", ""}, {bot, "server", ""}, {bot, "url", ""},
		{hooks, "", "builds"}, {hooks, "url", "builds"}, {hooks, "release", "release"}, {hooks, "eng/builds", ""},
		{both, "", "url"}, {both, "release", "release"}, {both, "eng/release", "eng/release"}, {both, "token", ""},
	} {
		got, err := Service.Address([]byte(`{}`), test.credential, test.address)
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("Address(%q) = %q, %v; want %q", test.address, got, err, test.want)
		}
	}
}

// TestLayout compares the whole message.
func TestLayout(t *testing.T) {
	s := show(notify.Message{
		Level: notify.Bad, Route: "team-a/example",
		Text:  "[example/example] build/123 (https://travis.example/123): broken by @all",
		Spans: []notify.Span{{Text: "[example/example] build/123", URL: "https://travis.example/123"}, {Text: ": broken by @all :smile: <!channel>"}},
		Fields: []notify.Field{
			{Name: "Branch", Value: notify.Span{Text: "feature_*x*"}},
			{Name: "Commit", Value: notify.Span{Text: "fix ~all", URL: "https://git.example/a(b)"}},
			{Name: "Tag"},
		},
	})
	got := webhookMessage{Text: s.text, Attachments: s.attachments}
	want := webhookMessage{
		Text: "[\\[example/example\\] build/123](https://travis.example/123): broken by @\u200ball :\u200bsmile: ‹\\!channel>",
		Attachments: []attachment{{
			Fallback: "\\[example/example\\] build/123 \\(https:\\//travis.example/123\\): broken by @\u200ball", Color: "#e01e5a",
			Footer: "team-a/example",
			Fields: []field{
				{"Branch", `feature\_\*x\*`, true},
				{"Commit", "[fix \\~\u200ball](https://git.example/a%28b%29)", true},
			},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// server answers requests by their method and path, and records them.
type server struct {
	answers  map[string]string // status and body, by the last word of the path
	requests []string
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	var p post
	if err := json.NewDecoder(r.Body).Decode(&p); err != nil && r.Method != http.MethodGet {
		return nil, err
	}
	name := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	if p.RootID != "" {
		name = "reply"
	}
	s.requests = append(s.requests, name)
	w := httptest.NewRecorder()
	answer, ok := s.answers[name]
	if !ok {
		answer = `{"id":"` + token + `"}`
	}
	if word, failed := strings.CutPrefix(answer, "400 "); failed {
		w.WriteHeader(http.StatusBadRequest)
		answer = `{"id":"` + word + `"}`
	}
	_, _ = io.WriteString(w, answer)
	return w.Result(), nil
}

func (s *server) send(t *testing.T, u *notify.Update) (notify.Receipt, error) {
	t.Helper()
	n, err := newNotifier([]byte(`{"server":"https://chat.example.com/"}`), notify.Credential{"token": secret.New(token)}, notify.Deps{HTTP: &http.Client{Transport: s}})
	if err != nil {
		t.Fatal(err)
	}
	return n.Notify(t.Context(), notify.Message{ID: "1", Address: "eng/builds", Text: "broken", Update: u})
}

func TestUpdates(t *testing.T) {
	reply := []notify.Span{{Text: "it broke"}}
	for name, test := range map[string]struct {
		answers map[string]string
		update  notify.Update
		want    []string
		gone    bool
		note    string
	}{
		"an edit":             {update: notify.Update{}, want: []string{"patch"}},
		"with a reply":        {update: notify.Update{Reply: reply}, want: []string{"patch", "builds", "reply"}},
		"in the thread":       {update: notify.Update{Thread: true}, want: []string{"patch", "builds", "reply"}},
		"too old":             {answers: map[string]string{"patch": "400 api.post.update_post.permissions_time_limit.app_error"}, want: []string{"patch"}, gone: true},
		"the thread is gone":  {answers: map[string]string{"reply": "400 api.post.create_post.root_id.app_error"}, update: notify.Update{Reply: reply}, want: []string{"patch", "builds", "reply", "posts"}, note: "root_id"},
		"a handle of another": {update: notify.Update{Handle: "C0/1"}, gone: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{answers: test.answers}
			if test.update.Handle == "" {
				test.update.Handle = token
			}
			receipt, err := s.send(t, &test.update)
			if notify.IsGone(err) != test.gone || !test.gone && err != nil || !strings.Contains(receipt.Note, test.note) {
				t.Errorf("%+v, %v", receipt, err)
			}
			if diff := cmp.Diff(test.want, s.requests); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

// TestTheChannelIsAskedForOnce also checks that an answer to the question that is not Mattermost's counts as no post.
func TestTheChannelIsAskedForOnce(t *testing.T) {
	s := &server{answers: map[string]string{"builds": "<html>"}}
	if _, err := s.send(t, nil); err == nil || notify.IsAnswerLost(err) || notify.IsPermanent(err) {
		t.Errorf("got %v, want a retry", err)
	}
	s = &server{}
	n, err := newNotifier([]byte(`{"server":"https://chat.example.com"}`), notify.Credential{"token": secret.New(token)}, notify.Deps{HTTP: &http.Client{Transport: s}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := n.Notify(t.Context(), notify.Message{ID: "1", Address: "eng/builds", Text: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"builds", "posts", "posts"}, s.requests); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}
