package matrixtest

import (
	"encoding/json"
	"maps"
	"net/http"
	"testing"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/test/dendrite"
)

// Dendrite tests a bot on a real homeserver.
type Dendrite struct {
	Harness
	Server *dendrite.Server
}

var _ notifytest.Harness = Dendrite{}

// Start implements notifytest.Harness. The bot may join the first room, and is invited to the second one.
func (h Dendrite) Start(t *testing.T) notifytest.Account {
	admin, ann := h.Server.User(t, "admin", true), h.Server.User(t, "ann", false)
	a, bot := h.account(t)
	_, builds := admin.Room(t, "builds", "public", nil)
	release, _ := admin.Room(t, "release", "private", map[string]any{"invite": []string{bot.ID}})
	a.Addresses = []string{builds, release}
	a.Person = ann.ID
	a.Received = func(t *testing.T, n int) []notifytest.Received {
		return received(admin.Messages(t, n), map[string]string{release: release}, builds)
	}
	a.Forget = func() {
		for _, e := range admin.Messages(t, 1) {
			admin.Redact(t, e)
		}
	}
	a.LockThreads = func() { t.Skip("Dendrite cannot lock a thread; the stand-in does") }
	return a
}

// account returns a new bot.
func (h Dendrite) account(t *testing.T) (notifytest.Account, *dendrite.User) {
	t.Helper()
	bot := h.Server.User(t, "ci", false)
	a := account(h.Server.URL)
	a.Credential = notify.Credential{"token": secret.New(bot.Token)}
	a.Secrets, a.Handle, a.Person = []string{bot.Token}, "", ""
	return a, bot
}

// received reads events; rooms are addresses by ID, and other is that of all others.
func received(events []dendrite.Event, rooms map[string]string, other string) []notifytest.Received {
	numbers := map[string]int{}
	all := make([]notifytest.Received, 0, len(events))
	for i, e := range events {
		var c Content
		_ = json.Unmarshal(e.Content, &c) // of a deleted message there is nothing
		got := Received(c, e.Content)
		if got.Address = rooms[e.Room]; got.Address == "" {
			got.Address = other
		}
		switch c.RelatesTo.RelType {
		case "m.replace":
			got.Edits = numbers[c.RelatesTo.EventID]
		case "m.thread":
			got.Answers = numbers[c.RelatesTo.EventID]
		}
		numbers[e.ID] = i + 1
		all = append(all, got)
	}
	return all
}

// Cannot implements notifytest.Harness.
func (Dendrite) Cannot() map[notifytest.Kind]string {
	const why = "the homeserver answers; the stand-in does not"
	return map[notifytest.Kind]string{notifytest.Retry: why, notifytest.AnswerLost: why}
}

// Faults implements notifytest.Harness.
func (h Dendrite) Faults() []notifytest.Fault {
	return []notifytest.Fault{
		{Name: "wrong-token", Want: notifytest.BadCredential, Says: "M_UNKNOWN_TOKEN", Arrange: func(t *testing.T) notifytest.Account {
			a := h.Start(t)
			a.Credential = notify.Credential{"token": secret.New(a.Secrets[0] + "x")}
			return a
		}},
		{Name: "rate-limited", Want: notifytest.RetryAfter, Wait: dendrite.Cooloff, Says: "429", Arrange: func(t *testing.T) notifytest.Account {
			a, bot := h.account(t)
			a.Addresses = []string{release}
			for range dendrite.Limit {
				bot.Do(t, http.MethodGet, "/account/whoami", nil, nil)
			}
			return a
		}},
		{Name: "unknown-alias", Want: notifytest.Permanent, Says: "correct the address", Arrange: h.room(nil, nil)},
		{Name: "not-invited", Want: notifytest.Permanent, Says: "invite it", Arrange: h.room(map[string]any{}, nil)},
		{Name: "encrypted", Want: notifytest.Permanent, Says: "the room is encrypted", Arrange: h.room(map[string]any{
			"preset": "public_chat", "initial_state": []any{map[string]any{
				"type": "m.room.encryption", "state_key": "", "content": map[string]any{"algorithm": "m.megolm.v1.aes-sha2"},
			}},
		}, nil)},
		{Name: "muted", Want: notifytest.Permanent, Says: "raise its power level", Arrange: h.room(map[string]any{
			"preset": "public_chat", "power_level_content_override": map[string]any{"events_default": 50},
		}, nil)},
		{Name: "removed", Want: notifytest.Permanent, Says: "again", Arrange: h.room(map[string]any{"preset": "public_chat"}, []string{"kick"})},
		{Name: "banned", Want: notifytest.Permanent, Says: "lifting a ban", Arrange: h.room(map[string]any{"preset": "public_chat"}, []string{"ban"})},
	}
}

// room arranges a room with options, where a bot joined, which was then removed in some way. Without options, there
// is no room.
func (h Dendrite) room(options map[string]any, then []string) func(*testing.T) notifytest.Account {
	return func(t *testing.T) notifytest.Account {
		a, bot := h.account(t)
		a.Addresses = []string{"#nowhere:example.com"}
		if options == nil {
			return a
		}
		admin := h.Server.User(t, "admin", true)
		var id string
		id, a.Addresses[0] = admin.Room(t, "room", "private", maps.Clone(options))
		for _, what := range then {
			bot.InRoom(t, id, "join", struct{}{}, nil)
			admin.InRoom(t, id, what, map[string]any{"user_id": bot.ID}, nil)
		}
		return a
	}
}
