package xmpp

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"go.uber.org/goleak"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/test/prosody"
)

// patience bounds every wait for a real server.
const patience = 90 * time.Second

var (
	bot    = prosody.Account{Name: "ci", Password: "correct horse battery"}
	builds = "builds@" + prosody.Rooms
	other  = "other@" + prosody.Rooms
)

// client is a notifier for bot that counts its connections.
type client struct {
	*notifier
	dials atomic.Int64
}

func start(t *testing.T) *prosody.Server {
	t.Helper()
	return prosody.Start(t, prosody.Options{Accounts: []prosody.Account{bot}})
}

func newClient(t *testing.T, address string, ca []byte, p timing) *client {
	t.Helper()
	before := goleak.IgnoreCurrent()
	config, err := json.Marshal(config{JID: bot.JID(), Server: address})
	if err != nil {
		t.Fatal(err)
	}
	a, err := parseAccount(config, notify.Credential{keyPassword: secret.New(bot.Password), notify.KeyCA: secret.New(string(ca))})
	if err != nil {
		t.Fatal(err)
	}
	c := &client{}
	dial := notify.NewDialer(nil)
	c.notifier = newNotifier(a, notify.Deps{
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			c.dials.Add(1)
			return dial(ctx, network, address)
		},
		Log: logr.Discard(),
	}, p)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := goleak.Find(before, goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait")); err != nil {
			t.Error(err)
		}
	})
	return c
}

func message(n int, room string) notify.Message {
	return notify.Message{ID: fmt.Sprintf("%032x", n), Address: room, Text: fmt.Sprintf("message %d", n)}
}

func (c *client) say(t *testing.T, n int, room string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := c.Notify(ctx, message(n, room)); err != nil {
		t.Fatalf("message %d: %v", n, err)
	}
}

func bodies(messages []prosody.Message) string {
	var all []string
	for _, m := range messages {
		all = append(all, m.Body)
	}
	return strings.Join(all, ", ")
}

func TestAKickedAccountComesBackWithTheNextMessage(t *testing.T) {
	s := start(t)
	o := s.Join(t, "somebody", builds)
	c := newClient(t, s.Address, s.CA, defaultTiming)
	c.say(t, 1, builds)
	o.Kick(t, builds, "ci")
	o.AwaitAbsent(t, builds, "ci")
	c.say(t, 2, builds)
	if got := bodies(o.Messages(t, 2)); got != "message 1, message 2" {
		t.Errorf("the room got %s", got)
	}
	if n := c.dials.Load(); n != 1 {
		t.Errorf("%d connections, want 1: a kick concerns one room only", n)
	}
}

func TestABanIsReported(t *testing.T) {
	s := start(t)
	o := s.Join(t, "somebody", builds, other)
	c := newClient(t, s.Address, s.CA, defaultTiming)
	c.say(t, 1, builds)
	o.Affiliate(t, builds, bot, "outcast")
	o.AwaitAbsent(t, builds, "ci")
	if _, err := c.Notify(t.Context(), message(2, builds)); !notify.IsPermanent(err) || !strings.Contains(err.Error(), "banned") {
		t.Errorf("got %v, want a permanent error that names the ban", err)
	}
	c.say(t, 3, other)
	o.Affiliate(t, builds, bot, "none")
	c.say(t, 4, builds)
}

func TestATakenNicknameIsVaried(t *testing.T) {
	s := start(t)
	o := s.Join(t, "ci", builds)
	c := newClient(t, s.Address, s.CA, defaultTiming)
	c.say(t, 1, builds)
	if got := o.Messages(t, 1)[0].Nick; got != "ci-2" {
		t.Errorf("spoke as %q, want ci-2", got)
	}
}

func TestAMissingRoomIsNotCreated(t *testing.T) {
	s := start(t)
	c := newClient(t, s.Address, s.CA, defaultTiming)
	for range 2 { // the first attempt must leave no room behind
		if _, err := c.Notify(t.Context(), message(1, builds)); !notify.IsPermanent(err) {
			t.Errorf("got %v, want a permanent error", err)
		}
	}
	o := s.Join(t, "somebody", builds)
	c.say(t, 2, builds)
	o.Messages(t, 1)
}

func TestTheNotifierReconnectsAfterARestart(t *testing.T) {
	s := start(t)
	s.Join(t, "somebody", builds)
	p := defaultTiming
	p.backoff = time.Millisecond
	c := newClient(t, s.Address, s.CA, p)
	c.say(t, 1, builds)
	s.Stop(t)
	if _, err := c.Notify(t.Context(), message(2, builds)); err == nil || notify.IsPermanent(err) {
		t.Errorf("got %v while the server is down, want a retryable error", err)
	}
	s.Restart(t)
	o := s.Join(t, "somebody", builds)
	if err := c.notifyUntilTaken(t, message(2, builds)); err != nil {
		t.Fatal(err)
	}
	o.Messages(t, 1)
}

// notifyUntilTaken retries as the dispatcher does.
func (c *client) notifyUntilTaken(t *testing.T, m notify.Message) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		_, err := c.Notify(ctx, m)
		if err == nil || ctx.Err() != nil || notify.IsPermanent(err) {
			return err
		}
	}
}

func TestManyRoomsShareOneConnection(t *testing.T) {
	s := start(t)
	rooms := make([]string, 8)
	for i := range rooms {
		rooms[i] = fmt.Sprintf("room-%d@%s", i, prosody.Rooms)
	}
	o := s.Join(t, "somebody", rooms...)
	c := newClient(t, s.Address, s.CA, defaultTiming)
	const each = 10
	var wg sync.WaitGroup
	for i, room := range rooms {
		wg.Go(func() {
			for n := range each {
				if _, err := c.Notify(t.Context(), message(i*each+n, room)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	order := map[string]string{}
	for _, m := range o.Messages(t, each*len(rooms)) {
		if m.ID <= order[m.Room] {
			t.Errorf("%s got %s after %s", m.Room, m.ID, order[m.Room])
		}
		order[m.Room] = m.ID
	}
	if n := c.dials.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

func TestChannelsShareOneConnectionAttempt(t *testing.T) {
	s := start(t)
	s.Stop(t)
	p := defaultTiming
	p.backoff, p.maxBackoff = time.Hour, time.Hour // however long it takes until all of them have asked
	c := newClient(t, s.Address, s.CA, p)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if _, err := c.Notify(t.Context(), message(i, fmt.Sprintf("room-%d@%s", i, prosody.Rooms))); err == nil || notify.IsPermanent(err) {
				t.Errorf("got %v, want a retryable error", err)
			}
		})
	}
	wg.Wait()
	if n := c.dials.Load(); n != 1 {
		t.Errorf("50 rooms made %d connections, want 1", n)
	}
}

func TestASilentRoomDelaysNoOther(t *testing.T) {
	s := start(t)
	o := s.Join(t, "somebody", prosody.SilentRoom, builds)
	c := newClient(t, s.Address, s.CA, defaultTiming)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	result := make(chan error, 1)
	go func() { _, err := c.Notify(ctx, message(1, prosody.SilentRoom)); result <- err }()
	o.AwaitPresent(t, prosody.SilentRoom, "ci")
	c.say(t, 2, builds)
	cancel()
	if err := <-result; notify.IsPermanent(err) || err == nil {
		t.Errorf("got %v, want a retryable error", err)
	}
	c.say(t, 3, builds)
	if n := c.dials.Load(); n != 1 {
		t.Errorf("%d connections, want 1: the server answers, only the room does not", n)
	}
}

func TestCloseLeavesTheRooms(t *testing.T) {
	s := start(t)
	o := s.Join(t, "somebody", builds)
	c := newClient(t, s.Address, s.CA, defaultTiming)
	c.say(t, 1, builds)
	o.AwaitPresent(t, builds, "ci")
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	o.AwaitAbsent(t, builds, "ci")
}
