package telegramtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/travishook/travishook/internal/notify/notifytest"
)

const (
	token   = "123456789:AAq7ZsVw3dGkRt-hJ4mXc8pLbNy_0123456"
	builds  = "-1001234567890"
	channel = "@builds_of_example"
	topic   = 42
	person  = "ann_smith"
)

// standIn is a Telegram with a group that has a topic, and a public channel, written from the Bot API 10.1 of
// 11 June 2026: https://core.telegram.org/bots/api and https://core.telegram.org/bots/faq
type standIn struct {
	rec notifytest.Recorder

	mu    sync.Mutex
	posts map[int]string // chats of messages, by ID
	last  map[int]string // texts
	count int
	// locked forgets what a message may reply to.
	locked bool
}

func (s *standIn) lockThreads() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.locked = true
}

func (s *standIn) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.posts)
}

func (s *standIn) handler() http.HandlerFunc {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /bot"+token+"/sendMessage", func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, false) })
	mux.HandleFunc("POST /bot"+token+"/editMessageText", func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, true) })
	mux.HandleFunc("GET /bot"+token+"/getMe", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"ok": true, "result": map[string]any{"id": 123456789, "is_bot": true, "username": "example_ci_bot"}})
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusUnauthorized, "Unauthorized")
	})
	return mux.ServeHTTP
}

// message is the body of both methods, with the fields that are used.
type message struct {
	ChatID             json.RawMessage `json:"chat_id"`
	MessageThreadID    int             `json:"message_thread_id,omitempty"`
	MessageID          int             `json:"message_id,omitempty"`
	Text               string          `json:"text"`
	Entities           []entity        `json:"entities,omitempty"`
	LinkPreviewOptions struct {
		IsDisabled bool `json:"is_disabled"`
	} `json:"link_preview_options"`
	DisableNotification bool `json:"disable_notification,omitempty"`
	ReplyParameters     *struct {
		MessageID                int  `json:"message_id"`
		AllowSendingWithoutReply bool `json:"allow_sending_without_reply"`
	} `json:"reply_parameters,omitempty"`
}

type entity struct {
	Type   string `json:"type"`
	Offset int    `json:"offset"`
	Length int    `json:"length"`
	URL    string `json:"url"`
}

func refuse(w http.ResponseWriter, code int, description string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{"ok": false, "error_code": code, "description": description})
}

func (s *standIn) serve(w http.ResponseWriter, r *http.Request, edit bool) {
	var m message
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&m); err != nil || r.Header.Get("Content-Type") != "application/json" {
		refuse(w, http.StatusBadRequest, "Bad Request: can't parse the request")
		return
	}
	chat := strings.Trim(string(m.ChatID), `"`)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case string(m.ChatID) != builds && string(m.ChatID) != `"`+channel+`"`:
		refuse(w, http.StatusBadRequest, "Bad Request: chat not found")
	case m.MessageThreadID != 0 && (chat != builds || m.MessageThreadID != topic):
		refuse(w, http.StatusBadRequest, "Bad Request: message thread not found")
	case edit != (m.MessageID != 0) || edit && (m.ReplyParameters != nil || m.DisableNotification || m.MessageThreadID != 0):
		refuse(w, http.StatusBadRequest, "Bad Request: wrong parameters")
	case m.check() != "":
		refuse(w, http.StatusBadRequest, "Bad Request: "+m.check())
	case edit && !strings.HasPrefix(s.posts[m.MessageID], chat):
		refuse(w, http.StatusBadRequest, "Bad Request: message to edit not found")
	case edit && s.last[m.MessageID] == m.Text:
		refuse(w, http.StatusBadRequest, "Bad Request: message is not modified: specified new message content and reply markup are exactly the same")
	case m.ReplyParameters != nil && s.posts[m.ReplyParameters.MessageID] == "" && !m.ReplyParameters.AllowSendingWithoutReply:
		refuse(w, http.StatusBadRequest, "Bad Request: message to be replied not found")
	default:
		s.place(w, chat, m)
	}
}

// place is called with the lock held. Messages are numbered from 1, as the contract counts what arrives.
func (s *standIn) place(w http.ResponseWriter, chat string, m message) {
	if m.MessageThreadID != 0 {
		chat += fmt.Sprint("/", m.MessageThreadID)
	}
	s.count++
	id, got := s.count, notifytest.Received{Address: chat, Text: m.Text, Silent: m.DisableNotification}
	if m.MessageID != 0 {
		id, got.Edits, got.Address = m.MessageID, m.MessageID, s.posts[m.MessageID]
	} else {
		for _, name := range names.FindAllString(m.Text, -1) {
			got.Mentions = append(got.Mentions, name[1:])
		}
	}
	if m.ReplyParameters != nil && !s.locked && s.posts[m.ReplyParameters.MessageID] != "" {
		got.Answers = m.ReplyParameters.MessageID
	}
	s.posts[id], s.last[id] = got.Address, m.Text
	got.Raw, _ = json.Marshal(m)
	s.rec.Add(got)
	result := map[string]any{"message_id": id, "text": m.Text}
	if got.Answers != 0 {
		result["reply_to_message"] = map[string]any{"message_id": got.Answers}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"ok": true, "result": result})
}

// names are the mentions that Telegram finds in a text.
var names = regexp.MustCompile(`@[A-Za-z][A-Za-z0-9_]{3,31}`)

// check returns what is wrong with the text, empty if nothing is.
func (m *message) check() string {
	size := len(utf16.Encode([]rune(m.Text)))
	switch {
	case strings.TrimSpace(m.Text) == "":
		return "message text is empty"
	case size > 4096:
		return "message is too long"
	case !utf8.ValidString(m.Text):
		return "strings must be encoded in UTF-8"
	}
	end := 0
	for _, e := range m.Entities {
		u, err := url.Parse(e.URL)
		if e.Type != "text_link" || err != nil || u.Host == "" || e.Offset < end || e.Length <= 0 || e.Offset+e.Length > size {
			return fmt.Sprintf("can't parse entities: %+v", e)
		}
		end = e.Offset + e.Length
	}
	return ""
}
