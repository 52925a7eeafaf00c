package mattermosttest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/travishook/travishook/internal/notify/notifytest"
)

const (
	token     = "q7zsvw3dgkrthj4mxc8plbny42"
	hookKey   = "b7c1f0e2d93a4856q7zsvw3dgk"
	otherKey  = "hj4mxc8plbny42q7zsvw3dgkrt"
	buildsID  = "1builds7f8g9h0j1k2m3n4p5q6"
	releaseID = "2release8g9h0j1k2m3n4p5q6r"
	person    = "ann.smith"
)

// standIn is a Mattermost with two channels and two incoming webhooks, written from its documentation and API
// specification as of November 2026:
//
//	https://developers.mattermost.com/integrate/webhooks/incoming/
//	https://developers.mattermost.com/integrate/reference/message-attachments/
//	https://developers.mattermost.com/api-documentation/ (posts)
type standIn struct {
	rec notifytest.Recorder

	mu    sync.Mutex
	count int
	posts map[string]posted // by ID
	// locked refuses replies.
	locked bool
}

func (s *standIn) lockThreads() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.locked = true
}

type posted struct {
	number        int
	channel, root string
}

func (s *standIn) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.posts)
}

func (s *standIn) handler() http.HandlerFunc {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /chat/hooks/{key}", s.hook)
	mux.HandleFunc("GET /chat/api/v4/teams/name/{team}/channels/name/{channel}", s.channel)
	mux.HandleFunc("POST /chat/api/v4/posts", s.create)
	mux.HandleFunc("PUT /chat/api/v4/posts/{id}/patch", s.patch)
	mux.HandleFunc("GET /chat/api/v4/users/me", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"id": buildsID, "username": "ci", "is_bot": true})
	})
	return func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/api/") && r.Header.Get("Authorization") != "Bearer "+token {
			refuse(w, http.StatusUnauthorized, "api.context.session_expired.app_error")
			return
		}
		mux.ServeHTTP(w, r)
	}
}

// message is a post or the body of a webhook, with the fields that are used.
type message struct {
	Text          string       `json:"text,omitempty"`        // of a webhook
	Attachments   []attachment `json:"attachments,omitempty"` // of a webhook
	Silent        bool         `json:"silent,omitempty"`      // of a webhook
	Message       string       `json:"message,omitempty"`     // of a post, as the following
	ChannelID     string       `json:"channel_id,omitempty"`
	RootID        string       `json:"root_id,omitempty"`
	PendingPostID string       `json:"pending_post_id,omitempty"`
	Props         struct {
		Attachments []attachment `json:"attachments,omitempty"`
	} `json:"props"`
}

type attachment struct {
	Fallback string `json:"fallback"`
	Color    string `json:"color"`
	Fields   []struct {
		Title string `json:"title"`
		Value string `json:"value"`
		Short bool   `json:"short"`
	} `json:"fields"`
	Footer string `json:"footer"`
}

func refuse(w http.ResponseWriter, status int, id string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"id": id, "message": "of " + hookKey + " and " + token, "detailed_error": "", "status_code": status,
	})
}

func decode(r *http.Request) (message, bool) {
	var m message
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	return m, decoder.Decode(&m) == nil
}

func (s *standIn) hook(w http.ResponseWriter, r *http.Request) {
	room, known := map[string]string{hookKey: "url", otherKey: "release"}[r.PathValue("key")]
	m, ok := decode(r)
	switch {
	case !known:
		refuse(w, http.StatusBadRequest, "web.incoming_webhook.invalid.app_error")
		return
	case !ok:
		refuse(w, http.StatusBadRequest, "web.incoming_webhook.parse.app_error")
		return
	case m.Text == "" && len(m.Attachments) == 0:
		refuse(w, http.StatusBadRequest, "web.incoming_webhook.text.app_error")
		return
	}
	// The server splits a longer text into several posts.
	for text := range strings.SplitSeq(chunks(m.Text), "\x00") {
		s.add(room, message{Text: text, Attachments: m.Attachments, Silent: m.Silent}, posted{})
	}
	_, _ = io.WriteString(w, "ok")
}

func chunks(text string) string {
	if utf8.RuneCountInString(text) <= 16_383 {
		return text
	}
	runes := []rune(text)
	return string(runes[:16_383]) + "\x00" + string(runes[16_383:])
}

func (s *standIn) channel(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("team") != "eng" || r.PathValue("channel") != "builds" {
		refuse(w, http.StatusNotFound, "app.channel.get_by_name.missing.app_error")
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"id": buildsID, "name": "builds"})
}

var rooms = map[string]string{buildsID: "eng/builds", releaseID: releaseID}

func (s *standIn) create(w http.ResponseWriter, r *http.Request) {
	m, ok := decode(r)
	s.mu.Lock()
	root, locked := s.posts[m.RootID], s.locked
	s.mu.Unlock()
	switch {
	case !ok || utf8.RuneCountInString(m.Message) > 16_383 || m.Text != "" || m.Attachments != nil:
		refuse(w, http.StatusBadRequest, "model.post.is_valid.msg.app_error")
		return
	case rooms[m.ChannelID] == "":
		refuse(w, http.StatusForbidden, "api.context.permissions.app_error")
		return
	case m.RootID != "" && (locked || root.number == 0 || root.root != "" || root.channel != m.ChannelID):
		refuse(w, http.StatusBadRequest, "api.post.create_post.root_id.app_error")
		return
	}
	made := s.add(rooms[m.ChannelID], m, posted{channel: m.ChannelID, root: m.RootID, number: root.number})
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(map[string]any{"id": made, "channel_id": m.ChannelID})
}

func (s *standIn) patch(w http.ResponseWriter, r *http.Request) {
	m, ok := decode(r)
	s.mu.Lock()
	earlier := s.posts[r.PathValue("id")]
	s.mu.Unlock()
	switch {
	case earlier.number == 0:
		refuse(w, http.StatusNotFound, "app.post.get.app_error")
		return
	case !ok || m.ChannelID != "" || m.RootID != "" || m.PendingPostID != "":
		refuse(w, http.StatusBadRequest, "api.context.invalid_body_param.app_error")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	s.rec.Add(received(rooms[earlier.channel], m, notifytest.Received{Edits: earlier.number}))
	_ = json.NewEncoder(w).Encode(map[string]any{"id": r.PathValue("id")})
}

// add records a new message and returns its ID. p.number is the number of the thread's root.
func (s *standIn) add(room string, m message, p posted) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	s.rec.Add(received(room, m, notifytest.Received{Answers: p.number}))
	made := fmt.Sprintf("post%022d", s.count)
	p.number = s.count
	s.posts[made] = p
	return made
}

func received(room string, m message, got notifytest.Received) notifytest.Received {
	got.Address = room
	text := m.Text + m.Message
	for _, name := range mentioned.FindAllStringSubmatch(text, -1) {
		if got.Edits == 0 { // an edit notifies nobody
			got.Mentions = append(got.Mentions, name[1])
		}
	}
	got.Silent = m.Silent
	got.Text, _ = syntax.Read(strings.Replace(text, "@"+person, "ann", 1)) // CheckShown reports the error
	got.Raw, _ = json.Marshal(m)
	return got
}

var mentioned = regexp.MustCompile(`@([a-zA-Z0-9][a-zA-Z0-9._-]*)`)

// syntax is Mattermost's Markdown, with what incoming webhooks replace before.
var syntax = notifytest.Syntax{
	Escape: regexp.MustCompile(`^\\([][!"#$%&'()*+,./:;<=>?@^_` + "`" + `{|}~\\-])`),
	Link:   regexp.MustCompile(`^\[((?:\\.|[^\]\\])+)\]\((https?://[^<>\s()"|]+)\)`),
	Acts:   regexp.MustCompile("^([*_`|\\[\\]<&$]|[@][A-Za-z0-9]|~[a-z~]|://|:[A-Za-z0-9_+-]+:)"),
	Begins: regexp.MustCompile(`^([-+>#=]|[0-9]+[.)])`),
}
