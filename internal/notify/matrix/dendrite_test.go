package matrix_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/matrix"
	"github.com/travishook/travishook/internal/notify/matrix/matrixtest"
	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/test/dendrite"
)

const root = "../../.."

func startDendrite(t *testing.T) *dendrite.Server {
	t.Helper()
	if os.Getenv("TRAVISHOOK_TEST_SERVERS") == "" {
		t.Skip("make test-servers runs it")
	}
	return dendrite.Start(t, root)
}

// Dendrite must be compiled first, so make test leaves it out; there, a stand-in runs the contract with the
// services' registry.
func TestContractOnDendrite(t *testing.T) {
	notifytest.Run(t, matrixtest.Dendrite{Server: startDendrite(t)})
}

// The login on the page returns a token for the Secret.
func TestTheLoginOfTheReferenceOnDendrite(t *testing.T) {
	s := startDendrite(t)
	page, err := os.ReadFile(root + "/docs/services/matrix.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```json\n")
	login, _, _ := strings.Cut(rest, "```")
	name := strings.TrimSuffix(strings.TrimPrefix(s.User(t, "ci", false).ID, "@"), ":example.com")
	login = strings.NewReplacer(`"ci"`, `"`+name+`"`, `"…"`, `"`+dendrite.Password+`"`).Replace(login)
	session := s.Anybody()
	session.Do(t, http.MethodPost, "/login", json.RawMessage(login), session)
	if err := matrix.Service.Check([]byte(`{}`), notify.Credential{"token": secret.New(session.Token), "server": secret.New(s.URL)}); err != nil {
		t.Error(err)
	}
	var me struct {
		DeviceID string `json:"device_id"`
	}
	if session.Do(t, http.MethodGet, "/account/whoami", nil, &me); me.DeviceID == "" {
		t.Error("the token has no session of its own")
	}
}

// A real homeserver moves an alias with the upgrade, and leaves the ID to the old room. It recognizes what is sent
// again by another process.
func TestAnUpgradeAndARetryOnDendrite(t *testing.T) {
	s := startDendrite(t)
	admin, bot := s.User(t, "admin", true), s.User(t, "ci", false)
	old, alias := admin.Room(t, "builds", "public", nil)
	send := func(n, address string, update *notify.Update) (notify.Receipt, error) {
		credential := notify.Credential{"token": secret.New(bot.Token), "server": secret.New(s.URL)}
		process, err := matrix.Service.New([]byte(`{}`), credential, notify.Deps{HTTP: notify.NewClient(notify.Options{})})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = process.Close() }()
		return process.Notify(t.Context(), notify.Message{ID: strings.Repeat("0", 31) + n, Address: address, Text: "state " + n, Update: update})
	}
	first, err := send("1", alias, nil)
	if err != nil || !strings.HasPrefix(first.Handle, old+" ") {
		t.Fatalf("%+v, %v", first, err)
	}
	if again, err := send("1", alias, nil); err != nil || again != first {
		t.Errorf("sent again: %+v, %v; want %+v", again, err, first)
	}

	var upgraded struct {
		Replacement string `json:"replacement_room"`
	}
	admin.InRoom(t, old, "upgrade", map[string]any{"new_version": "10"}, &upgraded)
	if _, err := send("2", alias, &notify.Update{Handle: first.Handle}); !notify.IsGone(err) {
		t.Errorf("the update of a message in the old room: %v", err)
	}
	second, err := send("3", alias, nil)
	if err != nil || !strings.HasPrefix(second.Handle, upgraded.Replacement+" ") || second.Note != "" {
		t.Errorf("by alias: %+v, %v; want it in %s", second, err, upgraded.Replacement)
	}
	third, err := send("4", old, nil)
	if err != nil || !strings.HasPrefix(third.Handle, upgraded.Replacement+" ") || !strings.Contains(third.Note, upgraded.Replacement) {
		t.Errorf("by the old room's ID: %+v, %v; want it in %s, and a note", third, err, upgraded.Replacement)
	}

	// A room that was made to name another team's as its replacement leads nowhere.
	other, _ := admin.Room(t, "other", "public", nil)
	admin.Do(t, http.MethodPut, "/rooms/"+url.PathEscape(other)+"/state/m.room.tombstone/", map[string]any{"body": "upgraded", "replacement_room": old}, nil)
	if got, err := send("5", other, nil); !notify.IsPermanent(err) || !strings.Contains(err.Error(), "predecessor") {
		t.Errorf("by the ID of a room that %s does not replace: %+v, %v", old, got, err)
	}
	if got := admin.Messages(t, 3); len(got) != 3 {
		t.Errorf("%d messages, want 3", len(got))
	}
}
