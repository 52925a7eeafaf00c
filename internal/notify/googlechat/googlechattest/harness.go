// Package googlechattest is Google Chat's harness, with a stand-in for its server.
package googlechattest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/googlechat"
	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/internal/secret"
)

const (
	space  = "AAAAbuilds0"
	other  = "AAAArelease"
	key    = "AIzaSyq7ZsVw3dGkRthJ4mXc8pLbNy"
	token  = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	person = "123456789012345678901"
)

// Harness tests the webhooks of spaces.
type Harness struct{}

var _ notifytest.Harness = Harness{}

// Service implements notifytest.Harness.
func (Harness) Service() notify.Service { return googlechat.Service }

// Start implements notifytest.Harness.
func (Harness) Start(t *testing.T) notifytest.Account {
	s := &standIn{threads: map[string]int{}}
	a := account(notifytest.Listen(t, s.serve))
	a.Received = s.rec.Wait
	return a
}

func hook(space string) string {
	return "https://chat.googleapis.com/v1/spaces/" + space + "/messages?key=" + key + "&token=" + token
}

func account(server string) notifytest.Account {
	return notifytest.Account{
		Config:     json.RawMessage(`{"secretRef":{"name":"googlechat"}}`),
		Credential: notify.Credential{"url": secret.New(hook(space) + "\n"), "release": secret.New(hook(other))},
		Addresses:  []string{"", "release"},
		Secrets:    []string{key, token},
		Handle:     "spaces/" + space + "/threads/none",
		Person:     person,
		HTTP:       notifytest.Detour(server, "chat.googleapis.com"),
	}
}

// standIn is a Google Chat with two spaces, written from its documentation as of November 2026:
//
//	https://developers.google.com/workspace/chat/quickstart/webhooks
//	https://developers.google.com/workspace/chat/api/reference/rest/v1/spaces.messages/create
type standIn struct {
	rec notifytest.Recorder

	mu      sync.Mutex
	count   int
	threads map[string]int
}

type message struct {
	Text   string `json:"text"`
	Thread *struct {
		Name string `json:"name"`
	} `json:"thread,omitempty"`
}

func refuse(w http.ResponseWriter, code int, status string) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(code)
	_, _ = fmt.Fprintf(w, `{"error":{"code":%d,"message":"of %s","status":%q}}`, code, token, status)
}

func (s *standIn) serve(w http.ResponseWriter, r *http.Request) {
	in := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/v1/spaces/"), "/messages")
	room, known := map[string]string{space: "url", other: "release"}[in]
	var m message
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&m)
	switch {
	case r.Method != http.MethodPost || !known:
		refuse(w, http.StatusNotFound, "NOT_FOUND")
		return
	case r.URL.Query().Get("key") != key || r.URL.Query().Get("token") != token:
		refuse(w, http.StatusUnauthorized, "UNAUTHENTICATED")
		return
	case err != nil || strings.TrimSpace(m.Text) == "" || utf8.RuneCountInString(m.Text) > 4096 || len(m.Text) > 32_000:
		refuse(w, http.StatusBadRequest, "INVALID_ARGUMENT")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	got := notifytest.Received{Address: room}
	name := fmt.Sprintf("spaces/%s/threads/t%d", in, s.count)
	// Without the option, a message opens a thread of its own. With it, it falls back to one.
	if m.Thread != nil && r.URL.Query().Get("messageReplyOption") == "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD" && s.threads[m.Thread.Name] != 0 {
		name, got.Answers = m.Thread.Name, s.threads[m.Thread.Name]
	} else {
		s.threads[name] = s.count
	}
	for _, id := range mentioned.FindAllStringSubmatch(m.Text, -1) {
		got.Mentions = append(got.Mentions, id[1])
	}
	got.Text, _ = syntax.Read(strings.Replace(m.Text, "<users/"+person+">", "Ann", 1)) // CheckShown reports the error
	got.Raw, _ = json.Marshal(m)
	s.rec.Add(got)
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	_ = json.NewEncoder(w).Encode(map[string]any{"name": fmt.Sprintf("spaces/%s/messages/m%d", in, s.count), "thread": map[string]string{"name": name}})
}

var mentioned = regexp.MustCompile(`<users/([^>]+)>`)

// syntax is Google Chat's markup.
var syntax = notifytest.Syntax{
	Link:   regexp.MustCompile(`^<(?:https?://[^<>\s()"|]+)\|([^<>|]+)>`),
	Acts:   regexp.MustCompile("^([*_~`<>|]|://)"),
	Begins: regexp.MustCompile(`^[-•]`),
}

// Hang implements notifytest.Harness.
func (Harness) Hang(t *testing.T) (notifytest.Account, <-chan struct{}) {
	handler, reached := notifytest.Hangs()
	return account(notifytest.Listen(t, handler)), reached
}

// Cannot implements notifytest.Harness.
func (Harness) Cannot() map[notifytest.Kind]string { return nil }

// BadAccounts implements notifytest.Harness.
func (Harness) BadAccounts(*testing.T) []notifytest.BadAccount {
	bad := func(name, value, says string) notifytest.BadAccount {
		return notifytest.BadAccount{Name: name, Config: []byte(`{}`), Credential: notify.Credential{"url": secret.New(value)}, Says: says}
	}
	return []notifytest.BadAccount{
		bad("a link to a space", "https://mail.google.com/chat/u/0/#chat/space/"+space, "Apps & integrations"),
		bad("Slack's webhook", "https://hooks.slack.com/services/T0/B0/"+token, "a URL of Slack"),
		bad("another host", "https://chat.googleapis.com.example.com/v1/spaces/"+space+"/messages?key="+key+"&token="+token, "begins with https://chat.googleapis.com"),
		bad("without a token", "https://chat.googleapis.com/v1/spaces/"+space+"/messages?key="+key, "copy the whole URL"),
		bad("plain HTTP", strings.Replace(hook(space), "https:", "http:", 1), "https://"),
		bad("no URL", token, "https://"),
	}
}

// BadAddresses implements notifytest.Harness.
func (Harness) BadAddresses() []string { return []string{"#builds", "no-such-key", "spaces/" + space} }

// CheckShown implements notifytest.Harness.
func (Harness) CheckShown(_ notify.Message, got notifytest.Received) error {
	var m message
	if err := json.Unmarshal(got.Raw, &m); err != nil {
		return err
	}
	if _, err := syntax.Read(m.Text); err != nil {
		return err
	}
	return notifytest.CheckCharacters(m.Text, true)
}

// Faults implements notifytest.Harness.
func (Harness) Faults() []notifytest.Fault {
	refused := func(code int, status string) func(*testing.T) notifytest.Account {
		return arrange(func(w http.ResponseWriter, _ *http.Request) { refuse(w, code, status) })
	}
	return []notifytest.Fault{
		{Name: "rate-limited", Arrange: refused(429, "RESOURCE_EXHAUSTED"), Want: notifytest.Retry, Says: "RESOURCE_EXHAUSTED"},
		{Name: "told-to-wait", Arrange: arrange(notifytest.Answers(503, http.Header{"Retry-After": {"30"}}, "")), Want: notifytest.RetryAfter, Wait: 30 * time.Second},
		{Name: "server-error", Arrange: refused(500, "INTERNAL"), Want: notifytest.Retry, Says: "500"},
		{Name: "malformed", Arrange: refused(400, "INVALID_ARGUMENT"), Want: notifytest.Permanent, Says: "INVALID_ARGUMENT"},
		{Name: "forbidden", Arrange: refused(403, "PERMISSION_DENIED"), Want: notifytest.BadCredential, Says: "forbids webhooks"},
		{Name: "redirect", Arrange: arrange(notifytest.Answers(302, http.Header{"Location": {"https://accounts.google.com/"}}, "")),
			Want: notifytest.Permanent, Says: "redirects are not followed"},
		{Name: "not-google", Arrange: arrange(notifytest.Answers(200, nil, "<html>")), Want: notifytest.AnswerLost, Says: "not Google Chat's"},
		{Name: "answer-lost", Arrange: arrange(notifytest.Drops), Want: notifytest.AnswerLost},
		{Name: "connection-refused", Arrange: func(t *testing.T) notifytest.Account {
			return account(notifytest.ClosedPort(t))
		}, Want: notifytest.Retry, Says: "connection refused"},
		{Name: "deleted", Arrange: with("AAAAbuilds0", "AAAAgone000"), Want: notifytest.BadCredential, Says: "make a new one"},
		{Name: "wrong-token", Arrange: with("&token=", "&token=x"), Want: notifytest.BadCredential, Says: "UNAUTHENTICATED"},
	}
}

// with changes the URL.
func with(before, after string) func(*testing.T) notifytest.Account {
	return func(t *testing.T) notifytest.Account {
		a := Harness{}.Start(t)
		a.Credential = notify.Credential{"url": secret.New(strings.Replace(hook(space), before, after, 1))}
		return a
	}
}

func arrange(handler http.HandlerFunc) func(*testing.T) notifytest.Account {
	return func(t *testing.T) notifytest.Account { return account(notifytest.Listen(t, handler)) }
}
