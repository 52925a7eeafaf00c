package matrixtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/travishook/travishook/internal/notify/notifytest"
)

const (
	token    = "syt_Y2k_q7ZsVw3dGkRthJ4mXc8p_0aBcDe"
	bot      = "@ci:example.com"
	person   = "@ann:example.com"
	buildsID = "!bUiLdS0123456789ab:example.com"
	release  = "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM" // of version 12
	// Renewed is the room that replaces one that was upgraded.
	Renewed = "!rEnEwEd0123456789a:example.com"
	earlier = "$8f9Zr3H2c1K7pQ0wXyVtBnM5sLdGjAeUoRiCqTkYhZs" // a message of the bot in builds
)

// The rooms, by alias. The bot may send to the first one only.
const (
	Builds    = "#builds:example.com"
	encrypted = "#secret:example.com"
	private   = "#private:example.com"
	removed   = "#removed:example.com"
	banned    = "#banned:example.com"
	muted     = "#muted:example.com"
	closed    = "#closed:example.com"
	// Upgraded was replaced by Renewed.
	Upgraded = "#old:example.com"
	// Redirected names Builds' room as its replacement, which does not name it as its predecessor.
	Redirected = "#redirected:example.com"
)

// standIn is a homeserver with a bot, written from version 1.18 of the specification, of July 2026:
//
//	https://spec.matrix.org/v1.18/client-server-api/
type standIn struct {
	rec notifytest.Recorder

	mu     sync.Mutex
	count  int
	rooms  map[string]*standInRoom // by ID
	sent   map[string]string       // IDs of events, by path and transaction
	events map[string]event        // by ID
	joins  []string
	// locked refuses replies.
	locked bool
}

func (s *standIn) lockThreads() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.locked = true
}

type standInRoom struct {
	address     string
	membership  string // of the bot
	open        bool   // the bot may join
	muted       bool
	encrypted   bool
	replacement string
	predecessor string // the ID of the room that this one replaces
}

type event struct {
	number   int // in the order of arrival
	room     string
	sender   string
	relation string // rel_type
	redacted bool
}

func newStandIn() *standIn {
	s := &standIn{rooms: map[string]*standInRoom{
		buildsID: {address: Builds, membership: "join"},
		release:  {address: release, membership: "invite", open: true},
		Renewed:  {address: Upgraded, open: true},
	}, sent: map[string]string{}, events: map[string]event{earlier: {room: buildsID, sender: bot}}}
	for alias, r := range map[string]standInRoom{
		encrypted:  {membership: "join", encrypted: true},
		private:    {},
		removed:    {membership: "leave", open: true},
		banned:     {membership: "ban"},
		muted:      {membership: "join", muted: true},
		closed:     {membership: "join", replacement: "-"},
		Upgraded:   {membership: "join", muted: true},
		Redirected: {membership: "join", replacement: buildsID},
	} {
		r.address = alias
		s.rooms["!"+strings.NewReplacer("#", "", ":", "0123456789:").Replace(alias)] = &r
	}
	s.upgrade(Upgraded)
	return s
}

// upgrade replaces the room of an alias by Renewed, as a homeserver does: both name each other.
func (s *standIn) upgrade(alias string) {
	for id, r := range s.rooms {
		if r.address == alias && id != Renewed {
			r.replacement, s.rooms[Renewed].predecessor = Renewed, id
		}
	}
}

func (s *standIn) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, e := range s.events {
		e.redacted = true
		s.events[id] = e
	}
}

func (s *standIn) handler() http.HandlerFunc {
	const api = "/_matrix/client/v3"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+api+"/account/whoami", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"user_id": bot, "device_id": "TRAVISHOOK"})
	})
	mux.HandleFunc("GET "+api+"/directory/room/{alias}", s.directory)
	mux.HandleFunc("GET "+api+"/rooms/{room}/state/{type}/{key...}", s.state)
	mux.HandleFunc("POST "+api+"/join/{room}", s.join)
	mux.HandleFunc("GET "+api+"/rooms/{room}/event/{event}", s.event)
	mux.HandleFunc("PUT "+api+"/rooms/{room}/send/m.room.message/{transaction}", s.send)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusNotFound, "M_UNRECOGNIZED") })
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		switch r.Header.Get("Authorization") {
		case "Bearer " + token:
			mux.ServeHTTP(w, r)
		case "":
			refuse(w, http.StatusUnauthorized, "M_MISSING_TOKEN")
		default:
			refuse(w, http.StatusUnauthorized, "M_UNKNOWN_TOKEN")
		}
	}
}

func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, code string) {
	answer(w, status, map[string]any{"errcode": code, "error": "of " + token + "\n\x1b[31m"})
}

func (s *standIn) directory(w http.ResponseWriter, r *http.Request) {
	for id, room := range s.rooms {
		if room.address == r.PathValue("alias") && id != Renewed { // an alias that its server did not move
			answer(w, http.StatusOK, map[string]any{"room_id": id, "servers": []string{"example.com", "example.org"}})
			return
		}
	}
	refuse(w, http.StatusNotFound, "M_NOT_FOUND")
}

func (s *standIn) state(w http.ResponseWriter, r *http.Request) {
	room := s.rooms[r.PathValue("room")]
	if room == nil || room.membership == "" || room.membership == "invite" {
		refuse(w, http.StatusForbidden, "M_FORBIDDEN")
		return
	}
	content := map[string]any(nil)
	switch r.PathValue("type") + " " + r.PathValue("key") {
	case "m.room.member " + bot:
		content = map[string]any{"membership": room.membership}
	case "m.room.create ":
		content = map[string]any{"room_version": "11"}
		if room.predecessor != "" {
			content["predecessor"] = map[string]any{"room_id": room.predecessor}
		}
	case "m.room.encryption ":
		if room.encrypted {
			content = map[string]any{"algorithm": "m.megolm.v1.aes-sha2"}
		}
	case "m.room.tombstone ":
		if room.replacement != "" {
			content = map[string]any{"body": "upgraded", "replacement_room": room.replacement}
		}
	}
	switch {
	case content == nil:
		refuse(w, http.StatusNotFound, "M_NOT_FOUND")
	case r.URL.Query().Get("format") == "event":
		answer(w, http.StatusOK, map[string]any{"type": r.PathValue("type"), "content": content, "sender": "@admin:upgrades.example.org"})
	default:
		answer(w, http.StatusOK, content)
	}
}

func (s *standIn) join(w http.ResponseWriter, r *http.Request) {
	room := s.rooms[r.PathValue("room")]
	if room == nil || !room.open {
		refuse(w, http.StatusForbidden, "M_FORBIDDEN")
		return
	}
	s.joins = append(s.joins, r.PathValue("room")+" "+strings.Join(r.URL.Query()["via"], " "))
	room.membership = "join"
	answer(w, http.StatusOK, map[string]any{"room_id": r.PathValue("room")})
}

func (s *standIn) event(w http.ResponseWriter, r *http.Request) {
	e, ok := s.events[r.PathValue("event")]
	if !ok || e.room != r.PathValue("room") {
		refuse(w, http.StatusNotFound, "M_NOT_FOUND")
		return
	}
	content := map[string]any{"msgtype": "m.text", "body": "x"}
	if e.redacted {
		content = map[string]any{}
	}
	answer(w, http.StatusOK, map[string]any{"event_id": r.PathValue("event"), "sender": e.sender, "content": content})
}

func (s *standIn) send(w http.ResponseWriter, r *http.Request) {
	if id, ok := s.sent[r.URL.Path]; ok {
		answer(w, http.StatusOK, map[string]any{"event_id": id})
		return
	}
	raw, _ := io.ReadAll(r.Body)
	var c Content
	room := s.rooms[r.PathValue("room")]
	switch {
	case len(raw) > 65_000: // and the other keys of the event
		refuse(w, http.StatusRequestEntityTooLarge, "M_TOO_LARGE")
		return
	case json.Unmarshal(raw, &c) != nil:
		refuse(w, http.StatusBadRequest, "M_NOT_JSON")
		return
	case room == nil || room.membership != "join" || room.muted:
		refuse(w, http.StatusForbidden, "M_FORBIDDEN")
		return
	}
	if code := s.check(r.PathValue("room"), c); code != "" {
		refuse(w, http.StatusBadRequest, code)
		return
	}
	s.count++
	id := fmt.Sprintf("$%043d", s.count)
	s.sent[r.URL.Path], s.events[id] = id, event{number: s.count, room: r.PathValue("room"), sender: bot, relation: c.RelatesTo.RelType}
	got := Received(c, raw)
	got.Address = room.address
	if transaction := r.PathValue("transaction"); len(transaction) == 32 {
		got.ID = transaction
	}
	switch c.RelatesTo.RelType {
	case "m.replace":
		got.Edits = s.events[c.RelatesTo.EventID].number
	case "m.thread":
		got.Answers = s.events[c.RelatesTo.EventID].number
	}
	s.rec.Add(got)
	answer(w, http.StatusOK, map[string]any{"event_id": id})
}

// check returns the error code for what is not a message of the specification.
func (s *standIn) check(room string, c Content) string {
	related, known := s.events[c.RelatesTo.EventID]
	types := []string{"m.text", "m.notice"}
	switch {
	case !slices.Contains(types, c.MsgType) || c.Body == "" || c.FormattedBody == "" || c.Format != "org.matrix.custom.html":
		return "M_BAD_JSON"
	case c.RelatesTo.RelType == "":
		return ""
	case !known, related.room != room:
		return "M_UNKNOWN"
	case c.RelatesTo.RelType == "m.replace" && (c.NewContent == nil || related.relation == "m.replace" || related.sender != bot || related.redacted):
		return "M_BAD_JSON" // clients would ignore it
	case c.RelatesTo.RelType == "m.thread" && s.locked, c.RelatesTo.RelType == "m.thread" && related.relation != "":
		return "M_UNKNOWN"
	}
	return ""
}
