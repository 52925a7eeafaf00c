package dendrite

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// User is a user with a session.
type User struct {
	ID    string `json:"user_id"`
	Token string `json:"access_token"`

	server *Server
	count  int
	since  string // of what Messages has read
	read   []Event
}

// Event is a message in a room.
type Event struct {
	ID      string          `json:"event_id"`
	Type    string          `json:"type"`
	Sender  string          `json:"sender"`
	Content json.RawMessage `json:"content"`
	Room    string          `json:"-"`
}

// User registers a user, whose name is followed by a number. No limits hold for an administrator.
func (s *Server) User(t *testing.T, name string, admin bool) *User {
	t.Helper()
	s.users++
	name = fmt.Sprint(name, s.users)
	const path = "/_synapse/admin/v1/register"
	var nonce struct {
		Nonce string `json:"nonce"`
	}
	u := s.Anybody()
	u.do(t, http.MethodGet, path, nil, &nonce)
	role := map[bool]string{true: "admin", false: "notadmin"}[admin]
	mac := hmac.New(sha1.New, []byte(secret))
	_, _ = io.WriteString(mac, strings.Join([]string{nonce.Nonce, name, Password, role}, "\x00"))
	u.do(t, http.MethodPost, path, map[string]any{
		"nonce": nonce.Nonce, "username": name, "password": Password, "admin": admin, "mac": hex.EncodeToString(mac.Sum(nil)),
	}, u)
	return u
}

// Anybody is nobody yet, who may log in.
func (s *Server) Anybody() *User { return &User{server: s} }

// Room creates a room with an alias, and returns both. visibility is public or private.
func (u *User) Room(t *testing.T, name, visibility string, more map[string]any) (id, alias string) {
	t.Helper()
	u.count++
	local := fmt.Sprintf("%s-%s-%d", name, u.ID[1:strings.Index(u.ID, ":")], u.count)
	body := map[string]any{"preset": visibility + "_chat", "room_alias_name": local}
	for key, value := range more {
		body[key] = value
	}
	var made struct {
		RoomID string `json:"room_id"`
	}
	u.Do(t, http.MethodPost, "/createRoom", body, &made)
	return made.RoomID, "#" + local + ":example.com"
}

// InRoom does something in a room: invite, kick, ban, upgrade.
func (u *User) InRoom(t *testing.T, id, what string, body, result any) {
	t.Helper()
	u.Do(t, http.MethodPost, "/rooms/"+url.PathEscape(id)+"/"+what, body, result)
}

// Redact deletes a message, and waits until nobody is shown its content.
func (u *User) Redact(t *testing.T, e Event) {
	t.Helper()
	room := "/rooms/" + url.PathEscape(e.Room)
	u.Do(t, http.MethodPut, room+"/redact/"+url.PathEscape(e.ID)+"/redact"+e.ID[1:], struct{}{}, nil)
	for late := time.After(patience); ; {
		var now Event
		u.Do(t, http.MethodGet, room+"/event/"+url.PathEscape(e.ID), nil, &now)
		if string(now.Content) == "{}" {
			return
		}
		select {
		case <-late:
			t.Fatalf("%s is not deleted: %s", e.ID, now.Content)
		case <-time.After(interval):
		}
	}
}

// Messages waits for n messages in the user's rooms, and returns all since the user was made, in the order of
// arrival.
func (u *User) Messages(t *testing.T, n int) []Event {
	t.Helper()
	const filter = `{"room":{"timeline":{"limit":1000,"types":["m.room.message"]}}}`
	for late := time.Now().Add(patience); len(u.read) < n; {
		if time.Now().After(late) {
			t.Fatalf("%d messages arrived, want %d", len(u.read), n)
		}
		query := url.Values{"filter": {filter}, "timeout": {"10000"}}
		if u.since != "" {
			query.Set("since", u.since)
		}
		var sync struct {
			NextBatch string `json:"next_batch"`
			Rooms     struct {
				Join map[string]struct {
					Timeline struct {
						Events []Event `json:"events"`
					} `json:"timeline"`
				} `json:"join"`
			} `json:"rooms"`
		}
		u.Do(t, http.MethodGet, "/sync?"+query.Encode(), nil, &sync)
		u.since = sync.NextBatch
		for room, joined := range sync.Rooms.Join {
			for _, e := range joined.Timeline.Events {
				e.Room = room
				if e.Type == "m.room.message" {
					u.read = append(u.read, e)
				}
			}
		}
	}
	return u.read
}

// Do calls the client-server API. A refusal fails the test.
func (u *User) Do(t *testing.T, method, path string, body, result any) {
	t.Helper()
	u.do(t, method, "/_matrix/client/v3"+path, body, result)
}

func (u *User) do(t *testing.T, method, path string, body, result any) {
	t.Helper()
	raw := []byte(nil)
	if body != nil {
		raw, _ = json.Marshal(body)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, u.server.URL+path, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if u.Token != "" {
		req.Header.Set("Authorization", "Bearer "+u.Token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %d %s %v", method, path, resp.StatusCode, answer, err)
	}
	if result != nil {
		if err := json.Unmarshal(answer, result); err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
	}
}
