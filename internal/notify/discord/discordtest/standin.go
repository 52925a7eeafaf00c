package discordtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/notifytest"
)

const (
	hookID    = "1000000000000000001"
	otherID   = "1000000000000000002"
	threadID  = "2000000000000000001"
	hookToken = "q7ZsVw3dGkRt_hJ4mXc8pLbNy-0123456789abcdef"
)

// standIn is a Discord with two webhooks and a thread, written from Discord's documentation as of
// 6 August 2026:
//
//	https://docs.discord.com/developers/resources/webhook
//	https://docs.discord.com/developers/resources/message
//	https://docs.discord.com/developers/topics/rate-limits
//	https://docs.discord.com/developers/topics/opcodes-and-status-codes
type standIn struct {
	rec notifytest.Recorder

	mu    sync.Mutex
	count int
	posts map[string]int // by webhook, thread and id
}

func (s *standIn) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.posts)
}

func (s *standIn) handler() http.HandlerFunc {
	mux := http.NewServeMux()
	mux.HandleFunc("POST discord.com/api/v10/webhooks/{id}/{token}", s.execute)
	mux.HandleFunc("GET discord.com/api/v10/webhooks/{id}/{token}", get)
	mux.HandleFunc("PATCH discord.com/api/v10/webhooks/{id}/{token}/messages/{message}", s.execute)
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-RateLimit-Limit", "5")
		w.Header().Set("X-RateLimit-Remaining", "4")
		w.Header().Set("X-RateLimit-Reset-After", "0.4")
		mux.ServeHTTP(w, r)
	}
}

// message is the body of Execute Webhook and Edit Webhook Message, with the fields that are used.
type message struct {
	Content         *string          `json:"content"`
	Embeds          []embed          `json:"embeds"`
	AllowedMentions *allowedMentions `json:"allowed_mentions"`
	Flags           int              `json:"flags"`
}

type allowedMentions struct {
	Parse []string `json:"parse"`
	Users []string `json:"users"`
}

type embed struct {
	Color  int `json:"color"`
	Fields []struct {
		Name   string `json:"name"`
		Value  string `json:"value"`
		Inline bool   `json:"inline"`
	} `json:"fields"`
	Footer    *struct{ Text string } `json:"footer"`
	Timestamp string                 `json:"timestamp"`
}

const (
	suppressEmbeds        = 1 << 2
	suppressNotifications = 1 << 12
)

func refuse(w http.ResponseWriter, status, code int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"message": text, "code": code})
}

// get is Get Webhook with Token.
func get(w http.ResponseWriter, r *http.Request) {
	switch id := r.PathValue("id"); {
	case id != hookID && id != otherID:
		refuse(w, http.StatusNotFound, 10015, "Unknown Webhook")
	case r.PathValue("token") != hookToken:
		refuse(w, http.StatusUnauthorized, 50027, "Invalid Webhook Token")
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"id": id, "type": 1, "name": "Builds"})
	}
}

func (s *standIn) execute(w http.ResponseWriter, r *http.Request) {
	id, earlier := r.PathValue("id"), r.PathValue("message")
	thread := r.URL.Query().Get("thread_id")
	var m message
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	decodeErr := decoder.Decode(&m)
	switch {
	case r.UserAgent() == "" || strings.HasPrefix(r.UserAgent(), "Go-http-client"):
		refuse(w, http.StatusForbidden, 40333, "internal network error")
		return
	case r.PathValue("token") != hookToken && (id == hookID || id == otherID):
		refuse(w, http.StatusUnauthorized, 50027, "Invalid Webhook Token")
		return
	case id != hookID && id != otherID:
		refuse(w, http.StatusNotFound, 10015, "Unknown Webhook")
		return
	case thread != "" && thread != threadID:
		refuse(w, http.StatusNotFound, 10003, "Unknown Channel")
		return
	case decodeErr != nil || r.Header.Get("Content-Type") != "application/json":
		refuse(w, http.StatusBadRequest, 50109, "The request body contains invalid JSON.")
		return
	case m.Content == nil && len(m.Embeds) == 0:
		refuse(w, http.StatusBadRequest, 50006, "Cannot send an empty message")
		return
	}
	if err := m.check(earlier != ""); err != nil {
		refuse(w, http.StatusBadRequest, 50035, err.Error())
		return
	}
	s.place(w, id, thread, earlier, m, r.URL.Query().Get("wait") == "true")
}

func (s *standIn) place(w http.ResponseWriter, id, thread, earlier string, m message, wait bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := id + "/" + thread + "/"
	edits := s.posts[in+earlier]
	if earlier != "" && edits == 0 {
		refuse(w, http.StatusNotFound, 10008, "Unknown Message")
		return
	}
	s.count++
	got := notifytest.Received{Address: addressOf(id, thread), Edits: edits}
	got.Text, _ = syntax.Read(*m.Content) // CheckShown reports the error
	got.Raw, _ = json.Marshal(m)
	got.Silent = m.Flags&suppressNotifications != 0
	if earlier == "" { // an edit notifies nobody
		got.Mentions = m.mentions()
	}
	s.rec.Add(got)
	if earlier == "" {
		earlier = strconv.Itoa(1300000000000000000 + s.count)
		s.posts[in+earlier] = s.count
		if !wait {
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"id": earlier, "channel_id": "3000000000000000001"})
}

func addressOf(id, thread string) string {
	address := map[string]string{hookID: "url", otherID: "release"}[id]
	if thread != "" {
		address += "/" + thread
	}
	return address
}

var mentioned = regexp.MustCompile(`^[0-9]{15,20}$`)

// mentions are the allowed mentions in the content.
func (m *message) mentions() []string {
	var all []string
	for _, user := range m.AllowedMentions.Users {
		if strings.Contains(*m.Content, "<@"+user+">") {
			all = append(all, user)
		}
	}
	return append(all, m.AllowedMentions.Parse...)
}

// check refuses what Discord refuses with 50035, Invalid Form Body.
func (m *message) check(edit bool) error {
	total := 0
	switch {
	case m.Content != nil && notify.UTF16(*m.Content) > 2000:
		return fmt.Errorf("content: must be 2000 or fewer in length")
	case m.Flags&^(suppressEmbeds|suppressNotifications) != 0 || edit && m.Flags&suppressNotifications != 0:
		return fmt.Errorf("flags: this flag cannot be set")
	case len(m.Embeds) > 10:
		return fmt.Errorf("embeds: must be 10 or fewer")
	}
	if m.AllowedMentions != nil {
		for _, user := range m.AllowedMentions.Users {
			if !mentioned.MatchString(user) {
				return fmt.Errorf("allowed_mentions.users: %q is not a snowflake", user)
			}
		}
	}
	for _, e := range m.Embeds {
		size, err := e.check()
		if err != nil {
			return err
		}
		total += size
	}
	if total > 6000 {
		return fmt.Errorf("embeds: exceeds the size of 6000")
	}
	return nil
}

func (e *embed) check() (int, error) {
	total := 0
	if len(e.Fields) > 25 || e.Color < 0 || e.Color > 0xffffff {
		return 0, fmt.Errorf("embeds: more than 25 fields, or no color")
	}
	for _, f := range e.Fields {
		name, value := notify.UTF16(f.Name), notify.UTF16(f.Value)
		if strings.TrimSpace(f.Name) == "" || name > 256 || strings.TrimSpace(f.Value) == "" || value > 1024 {
			return 0, fmt.Errorf("embeds.fields: a name or value is empty or too long")
		}
		total += name + value
	}
	if e.Footer != nil {
		if e.Footer.Text == "" || notify.UTF16(e.Footer.Text) > 2048 {
			return 0, fmt.Errorf("embeds.footer: empty or too long")
		}
		total += notify.UTF16(e.Footer.Text)
	}
	if _, err := time.Parse(time.RFC3339, e.Timestamp); e.Timestamp != "" && err != nil {
		return 0, fmt.Errorf("embeds.timestamp: not ISO 8601")
	}
	if total == 0 {
		return 0, fmt.Errorf("embeds: an embed is empty")
	}
	return total, nil
}
