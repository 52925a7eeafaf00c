package rocketchattest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/travishook/travishook/internal/notify/notifytest"
)

const (
	token     = "q7ZsVw3dGkRt-hJ4mXc8pLbNy_0123456789abcdefgh"
	user      = "aobEdbYhXfu5hkeqG"
	hookPath  = "/hooks/64b7c1f0e2d93a4856aa0001/MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	otherPath = "/hooks/64b7c1f0e2d93a4856aa0002/hJ4mXc8pLbNyq7ZsVw3dGkRt01234567"
	buildsID  = "GENERALbuilds0001"
	releaseID = "GENERALrelease002"
	person    = "ann.smith"
)

// standIn is a Rocket.Chat with two rooms and two incoming integrations, written from its documentation and source as
// of June 2024:
//
//	https://developer.rocket.chat/apidocs/ (chat.sendMessage, chat.update, rooms.info, rate limiter)
//	https://docs.rocket.chat/docs/integrations
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
	number int
	room   string
}

func (s *standIn) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.posts)
}

func (s *standIn) handler() http.HandlerFunc {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /hooks/{id}/{token}", s.hook)
	mux.HandleFunc("GET /api/v1/rooms.info", s.room)
	mux.HandleFunc("POST /api/v1/chat.sendMessage", s.send)
	mux.HandleFunc("POST /api/v1/chat.update", s.update)
	mux.HandleFunc("GET /api/v1/me", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"success": true, "_id": user, "username": "ci"})
	})
	return func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/") && (r.Header.Get("X-Auth-Token") != token || r.Header.Get("X-User-Id") != user) {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"status":"error","message":"You must be logged in to do this."}`))
			return
		}
		mux.ServeHTTP(w, r)
	}
}

func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, word string) {
	answer(w, http.StatusBadRequest, map[string]any{"success": false, "error": "of " + token + " [" + word + "]", "errorType": word})
}

func decode(r *http.Request, into any) bool {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	return decoder.Decode(into) == nil
}

// hookMessage is the body of an incoming integration, with the fields that are used.
type hookMessage struct {
	Text        string       `json:"text"`
	Attachments []attachment `json:"attachments"`
}

type attachment struct {
	Color  string `json:"color"`
	Text   string `json:"text"`
	Fields []struct {
		Title string `json:"title"`
		Value string `json:"value"`
		Short bool   `json:"short"`
	} `json:"fields"`
}

func (s *standIn) hook(w http.ResponseWriter, r *http.Request) {
	room, known := map[string]string{hookPath: "url", otherPath: "release"}[r.URL.Path]
	var m hookMessage
	if !known {
		answer(w, http.StatusBadRequest, map[string]any{"success": false, "error": "Invalid integration id or token provided."})
		return
	}
	if !decode(r, &m) || m.Text == "" && len(m.Attachments) == 0 {
		refuse(w, "error-invalid-message")
		return
	}
	if utf8.RuneCountInString(m.Text) > 5000 {
		refuse(w, "error-message-size-exceeded")
		return
	}
	for _, a := range m.Attachments {
		for _, f := range a.Fields {
			if f.Title == "" || f.Value == "" {
				refuse(w, "error-invalid-field")
				return
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record(room, m.Text, m, notifytest.Received{})
	answer(w, http.StatusOK, map[string]any{"success": true})
}

func (s *standIn) room(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("roomName") != "builds" {
		refuse(w, "error-room-not-found")
		return
	}
	answer(w, http.StatusOK, map[string]any{"success": true, "room": map[string]any{"_id": buildsID, "name": "builds"}})
}

var rooms = map[string]string{buildsID: "#builds", releaseID: releaseID}

func (s *standIn) send(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Message struct {
			ID   string `json:"_id"`
			RID  string `json:"rid"`
			Msg  string `json:"msg"`
			TMID string `json:"tmid"`
		} `json:"message"`
	}
	ok := decode(r, &body)
	m := body.Message
	s.mu.Lock()
	defer s.mu.Unlock()
	root := s.posts[m.TMID]
	switch {
	case !ok || m.Msg == "":
		refuse(w, "error-invalid-params")
	case rooms[m.RID] == "":
		refuse(w, "error-not-allowed")
	case utf8.RuneCountInString(m.Msg) > 5000:
		refuse(w, "error-message-size-exceeded")
	case m.TMID != "" && (s.locked || root.number == 0 || root.room != m.RID):
		refuse(w, "error-invalid-thread")
	case s.posts[m.ID].number != 0: // not posted again
		answer(w, http.StatusOK, map[string]any{"success": true, "message": map[string]any{"_id": m.ID}})
	default:
		got := notifytest.Received{Answers: root.number}
		if m.TMID == "" && len(m.ID) == 32 {
			got.ID = m.ID
		}
		s.record(rooms[m.RID], m.Msg, map[string]string{"text": m.Msg}, got)
		s.posts[m.ID] = posted{s.count, m.RID}
		answer(w, http.StatusOK, map[string]any{"success": true, "message": map[string]any{"_id": m.ID, "msg": m.Msg}})
	}
}

func (s *standIn) update(w http.ResponseWriter, r *http.Request) {
	var body struct {
		RoomID string `json:"roomId"`
		MsgID  string `json:"msgId"`
		Text   string `json:"text"`
	}
	ok := decode(r, &body)
	s.mu.Lock()
	defer s.mu.Unlock()
	earlier := s.posts[body.MsgID]
	switch {
	case !ok || body.Text == "":
		refuse(w, "error-invalid-params")
	case earlier.number == 0 || earlier.room != body.RoomID:
		answer(w, http.StatusBadRequest, map[string]any{"success": false, "error": fmt.Sprintf("No message found with the id of %q.", body.MsgID)})
	default:
		s.record(rooms[body.RoomID], body.Text, map[string]string{"text": body.Text}, notifytest.Received{Edits: earlier.number})
		answer(w, http.StatusOK, map[string]any{"success": true, "message": map[string]any{"_id": body.MsgID}})
	}
}

var mentioned = regexp.MustCompile(`@([a-zA-Z0-9][a-zA-Z0-9._-]*)`)

// record is called with the lock held.
func (s *standIn) record(room, text string, whole any, got notifytest.Received) {
	for _, name := range mentioned.FindAllStringSubmatch(text, -1) {
		if got.Edits == 0 { // an edit notifies nobody
			got.Mentions = append(got.Mentions, name[1])
		}
	}
	s.count++
	got.Address = room
	got.Text, _ = syntax.Read(strings.Replace(text, "@"+person, "ann", 1)) // CheckShown reports the error
	got.Raw, _ = json.Marshal(whole)
	s.rec.Add(got)
}

// syntax is Rocket.Chat's markup.
var syntax = notifytest.Syntax{
	Link:   regexp.MustCompile(`^<(?:https?://[^<>\s()"|]+)\|([^<>|]+)>`),
	Acts:   regexp.MustCompile("^([*_~`<>|$]|[@#][\\pL\\pN]|\\]\\(|\\\\[(\\[]|[a-z]://|:[A-Za-z0-9_+-]+:)"),
	Begins: regexp.MustCompile(`^([-+#>=]|[0-9]+[.)])`),
}
