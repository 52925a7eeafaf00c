package matrix_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/matrix"
	"github.com/travishook/travishook/internal/notify/matrix/matrixtest"
)

// hostile is a homeserver of somebody's own, which answers requests whose path contains part as it likes.
type hostile struct {
	*matrixtest.Server
	part, answer string
	paths        []string // of all requests
}

// RoundTrip implements http.RoundTripper.
func (h *hostile) RoundTrip(req *http.Request) (*http.Response, error) {
	h.paths = append(h.paths, req.URL.Path)
	if strings.Contains(req.URL.Path, h.part) {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(h.answer)), Request: req}, nil
	}
	return h.Server.RoundTrip(req)
}

func startHostile(t *testing.T, part, answer string) (client, *hostile) {
	t.Helper()
	h := &hostile{Server: matrixtest.New(), part: part, answer: answer}
	n, err := matrix.Service.New(h.Account.Config, h.Account.Credential, notify.Deps{HTTP: &http.Client{Transport: h}})
	if err != nil {
		t.Fatal(err)
	}
	return client{n, h.Server}, h
}

// Identifiers have up to 255 bytes; an answer may have 64 KiB.
func TestLongIdentifiersAreRefused(t *testing.T) {
	long := strings.Repeat("a", 256-len("!:example.com")) + ":example.com"
	for _, test := range []struct{ part, answer, says string }{
		{"/directory/", `{"room_id":"!` + long + `"}`, "not a homeserver's"},
		{"/whoami", `{"user_id":"@` + long + `"}`, "not a homeserver's"},
		{"m.room.tombstone", `{"content":{"replacement_room":"!` + long + `"}}`, "no other one replaces it"},
		{"/send/", `{"event_id":"$` + long + `"}`, "not a homeserver's"},
		{"/event/", `{"sender":"@` + long + `","content":{"msgtype":"m.text"}}`, "does not show the earlier message"},
	} {
		c, h := startHostile(t, test.part, test.answer)
		update := (*notify.Update)(nil)
		if test.part == "/event/" {
			update = &notify.Update{Handle: c.Account.Handle}
		}
		if _, err := c.send(t, 1, matrixtest.Builds, update); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want an error that says %q", test.part, err, test.says)
		}
		if slices.ContainsFunc(h.paths, func(path string) bool { return strings.Contains(path, long) }) {
			t.Errorf("%s: the identifier was used: %.200q", test.part, h.paths)
		}
	}
}

// A join names no server whose name is too long, and four at most.
func TestAJoinNamesFewServers(t *testing.T) {
	names := []string{"a.example.org", strings.Repeat("b", 256), "c.example.org", "d.example.org", "e.example.org", "f.example.org"}
	c, h := startHostile(t, "/directory/", "")
	release := c.Account.Addresses[1]
	h.answer = fmt.Sprintf(`{"room_id":%q,"servers":["%s"]}`, release, strings.Join(names, `","`))
	c.mustSend(t, 1, "#release:example.com", nil)
	want := release + " a.example.org c.example.org d.example.org e.example.org"
	if got := c.Joins(); len(got) != 1 || got[0] != want {
		t.Errorf("joined %q, want %q", got, want)
	}
}

// Rooms are remembered, but not those of all addresses that ever were in routes.
func TestRememberedRoomsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where no minute passes
		room, _, _ := strings.Cut(matrixtest.New().Account.Handle, " ")
		c, h := startHostile(t, "/directory/", fmt.Sprintf(`{"room_id":%q}`, room))
		address := func(n int) string { return fmt.Sprintf("#a%d:example.com", n) }
		const sent = 1000
		for n := range sent {
			c.mustSend(t, n, address(n), nil)
		}
		for n, lookedUp := range map[int]bool{sent - 1: false, 0: true} {
			h.paths = nil
			c.mustSend(t, sent+n, address(n), nil)
			if got := slices.Contains(h.paths, "/_matrix/client/v3/directory/room/"+address(n)); got != lookedUp {
				t.Errorf("address %d of %d looked up again: %v, want %v", n, sent, got, lookedUp)
			}
		}
	})
}
