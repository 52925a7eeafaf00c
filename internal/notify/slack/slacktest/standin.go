package slacktest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/travishook/travishook/internal/notify/notifytest"
)

const (
	token       = "xoxb-2048-5f1d0c9e7ab3"
	webhookPath = "/services/T0123456789/B0123456789/q7ZsVw3dGkRt"
	otherPath   = "/services/T0123456789/B9876543210/hJ4mXc8pLbNy"
)

// standIn is a Slack with two channels and two incoming webhooks, written from Slack's documentation:
//
//	https://docs.slack.dev/reference/methods/chat.postMessage
//	https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
//	https://docs.slack.dev/reference/block-kit/blocks and …/composition-objects/text-object
//	https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments
//	https://docs.slack.dev/apis/web-api/rate-limits
//
// and from three undocumented rules: attachments with blocks must not have the older fields, their colors
// must be numbers, and blocks of more than about 13 000 characters are msg_blocks_too_long.
type standIn struct {
	rec notifytest.Recorder

	mu    sync.Mutex
	count int            // of what was recorded
	posts map[string]int // messages by channel and timestamp
	// locked refuses replies.
	locked bool
}

func (s *standIn) lockThreads() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.locked = true
}

// forget deletes all messages.
func (s *standIn) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.posts)
}

// channels by their possible names.
var channels = map[string]string{"#builds": "C0000BUILDS", "C0000BUILDS": "C0000BUILDS", "#release": "C00RELEASE0", "C00RELEASE0": "C00RELEASE0"}

// payload is a message as it reaches Slack, through the API or a webhook.
type payload struct {
	Text        string       `json:"text"`
	Blocks      []block      `json:"blocks"`
	Attachments []attachment `json:"attachments"`
	Parse       string       `json:"parse"`
	LinkNames   bool         `json:"link_names"`
}

func (s *standIn) handler() http.HandlerFunc {
	mux := http.NewServeMux()
	mux.HandleFunc("POST slack.com/api/chat.postMessage", s.postMessage)
	mux.HandleFunc("POST slack.com/api/chat.update", s.postMessage)
	mux.HandleFunc("POST slack.com/api/users.info", usersInfo)
	mux.HandleFunc("POST slack.com/api/auth.test", authTest)
	mux.HandleFunc("POST hooks.slack.com/services/{team}/{service}/{secret}", s.postWebhook)
	return mux.ServeHTTP
}

// postMessage always answers 200 with JSON.
func (s *standIn) postMessage(w http.ResponseWriter, r *http.Request) {
	answer := func(v any) { _ = json.NewEncoder(w).Encode(v) }
	refuse := func(word string) { answer(map[string]any{"ok": false, "error": word}) }
	if err := r.ParseForm(); err != nil {
		refuse("invalid_form_data")
		return
	}
	given := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if given == "" {
		given = r.PostForm.Get("token")
	}
	channel, known := channels[r.PostForm.Get("channel")]
	switch {
	case given == "":
		refuse("not_authed")
		return
	case given != token:
		refuse("invalid_auth")
		return
	case !known:
		refuse("channel_not_found")
		return
	}
	m := payload{Text: r.PostForm.Get("text"), Parse: r.PostForm.Get("parse"), LinkNames: r.PostForm.Get("link_names") == "1"}
	for field, into := range map[string]any{"blocks": &m.Blocks, "attachments": &m.Attachments} {
		if r.PostForm.Get(field) == "" {
			continue
		}
		if err := json.Unmarshal([]byte(r.PostForm.Get(field)), into); err != nil {
			refuse("invalid_" + field)
			return
		}
	}
	if err := m.check(); err != nil {
		refuse(err.Error())
		return
	}
	ts, err := s.place(r, channel, m)
	if err != nil {
		refuse(err.Error())
		return
	}
	answer(map[string]any{"ok": true, "channel": channel, "ts": ts, "message": map[string]any{"text": m.Text}})
}

// authTest says whose a token is.
func authTest(w http.ResponseWriter, r *http.Request) {
	answer := map[string]any{"ok": true, "team": "Example", "user": "travis"}
	if given := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "); given != token && r.PostFormValue("token") != token {
		answer = map[string]any{"ok": false, "error": "invalid_auth"}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// People of the workspace: one is a member, and one has left.
const (
	member = "U012AB3CD"
	left   = "U0LEFT0000"
)

// usersInfo knows the two.
func usersInfo(w http.ResponseWriter, r *http.Request) {
	id := r.PostFormValue("user")
	answer := map[string]any{"ok": true, "user": map[string]any{"id": id, "deleted": id == left}}
	if id != member && id != left {
		answer = map[string]any{"ok": false, "error": "user_not_found"}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// postWebhook answers with a status and an error code.
func (s *standIn) postWebhook(w http.ResponseWriter, r *http.Request) {
	rooms := map[string]string{webhookPath: "url", otherPath: "release"}
	room, known := rooms[r.URL.Path]
	if !known {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "no_service")
		return
	}
	var m payload
	err := json.NewDecoder(r.Body).Decode(&m)
	if err == nil {
		err = m.check()
	}
	if err != nil || r.Header.Get("Content-Type") != "application/json" {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "invalid_payload")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record(room, m, notifytest.Received{})
	_, _ = io.WriteString(w, "ok")
}

// place posts a message, edits one, or answers in its thread. chat.update takes the channel's ID only.
func (s *standIn) place(r *http.Request, channel string, m payload) (ts string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	room := r.PostForm.Get("channel")
	earlier, thread := r.PostForm.Get("ts"), r.PostForm.Get("thread_ts")
	edits, answers := s.posts[channel+earlier], s.posts[channel+thread]
	switch {
	case strings.HasSuffix(r.URL.Path, "update") && (edits == 0 || room != channel):
		return "", errors.New("message_not_found")
	case strings.HasSuffix(r.URL.Path, "update"):
		s.record(addressOf(room), m, notifytest.Received{Edits: edits})
		return earlier, nil
	case thread != "" && s.locked:
		return "", errors.New("restricted_action_thread_locked")
	case thread != "" && answers == 0:
		return "", errors.New("thread_not_found")
	case thread != "":
		room = addressOf(room)
	}
	ts = fmt.Sprintf("1503435956.%06d", s.count+1)
	s.posts[channel+ts] = s.count + 1
	s.record(room, m, notifytest.Received{Answers: answers})
	return ts, nil
}

// addressOf is the address of the contract's messages to a channel.
func addressOf(channel string) string {
	if channel == channels["#builds"] {
		return "#builds"
	}
	return channel
}

// record is called with the lock held.
func (s *standIn) record(room string, m payload, got notifytest.Received) {
	raw, err := json.Marshal(m)
	if err != nil {
		raw = []byte(err.Error())
	}
	s.count++
	got.Address, got.Text, got.Raw, got.Mentions = room, m.readable(), raw, m.mentions()
	s.rec.Add(got)
}

// client sends Slack's requests to the stand-in, and can reach nothing else.
func client(t *testing.T, handler http.HandlerFunc) *http.Client {
	t.Helper()
	return notifytest.Detour(notifytest.Listen(t, handler), hosts...)
}

var hosts = []string{"slack.com", "hooks.slack.com"}
