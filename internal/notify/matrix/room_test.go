package matrix_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/matrix"
	"github.com/travishook/travishook/internal/notify/matrix/matrixtest"
)

// client sends to the stand-in.
type client struct {
	notify.Notifier
	*matrixtest.Server
}

func start(t *testing.T) client {
	t.Helper()
	s := matrixtest.New()
	n, err := matrix.Service.New(s.Account.Config, s.Account.Credential, notify.Deps{HTTP: s.Client()})
	if err != nil {
		t.Fatal(err)
	}
	return client{n, s}
}

func (c client) send(t *testing.T, n int, address string, update *notify.Update) (notify.Receipt, error) {
	t.Helper()
	return c.Notify(t.Context(), notify.Message{ID: fmt.Sprintf("%032d", n), Address: address, Text: fmt.Sprint("state ", n), Update: update})
}

func (c client) mustSend(t *testing.T, n int, address string, update *notify.Update) notify.Receipt {
	t.Helper()
	r, err := c.send(t, n, address, update)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A room that was upgraded is left behind: the message is in its replacement, and the receipt says so.
func TestAnUpgradedRoomIsFollowed(t *testing.T) {
	c := start(t)
	r := c.mustSend(t, 1, matrixtest.Upgraded, nil)
	if !strings.HasPrefix(r.Handle, matrixtest.Renewed+" ") || !strings.Contains(r.Note, "change the address to "+matrixtest.Renewed) {
		t.Errorf("receipt %+v, want the new room's", r)
	}
	// The server of the tombstone's sender knows the new room.
	if got := c.Joins(); len(got) != 1 || got[0] != matrixtest.Renewed+" upgrades.example.org" {
		t.Errorf("joined %q", got)
	}
}

// A user who may upgrade one room cannot make the bot post into another one where it is a member.
func TestARoomThatDoesNotReplaceTheOldOneIsNotUsed(t *testing.T) {
	c := start(t)
	_, err := c.send(t, 1, matrixtest.Redirected, nil)
	if !notify.IsPermanent(err) || !strings.Contains(err.Error(), "does not name the room as its predecessor") {
		t.Errorf("%v", err)
	}
	c.mustSend(t, 2, matrixtest.Builds, nil)
	if got := c.Account.Received(t, 1); len(got) != 1 {
		t.Errorf("%d messages in the room, want that which was sent to it", len(got))
	}
}

// An upgrade between two states of a build is found when the old room accepts no more messages, or after a minute;
// the earlier message stays where nobody looks.
func TestAnUpgradeDuringABuild(t *testing.T) {
	for name, wait := range map[string]time.Duration{"at once": 0, "in time": time.Minute} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := start(t)
				first := c.mustSend(t, 1, matrixtest.Builds, nil)
				c.Upgrade(matrixtest.Builds, wait == 0)
				time.Sleep(wait)
				if wait > 0 {
					if _, err := c.send(t, 2, matrixtest.Builds, &notify.Update{Handle: first.Handle}); !notify.IsGone(err) {
						t.Errorf("an edit in the old room: %v", err)
					}
				}
				second := c.mustSend(t, 3, matrixtest.Builds, nil)
				if !strings.HasPrefix(second.Handle, matrixtest.Renewed+" ") {
					t.Errorf("sent to %q", second.Handle)
				}
				c.mustSend(t, 4, matrixtest.Builds, &notify.Update{Handle: second.Handle})
			})
		})
	}
}

// A room that is encrypted later is refused soon after.
func TestARoomThatIsEncryptedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t)
		c.mustSend(t, 1, matrixtest.Builds, nil)
		c.Encrypt(matrixtest.Builds)
		time.Sleep(time.Minute)
		if _, err := c.send(t, 2, matrixtest.Builds, nil); !notify.IsPermanent(err) || !strings.Contains(err.Error(), "encrypted") {
			t.Errorf("%v", err)
		}
	})
}

// A message of a user who was the bot before cannot be edited: clients would ignore the edit.
func TestTheMessageOfAnotherUserIsNotEdited(t *testing.T) {
	c := start(t)
	r := c.mustSend(t, 1, matrixtest.Builds, nil)
	c.Disown("@other:example.com")
	if _, err := c.send(t, 2, matrixtest.Builds, &notify.Update{Handle: r.Handle}); !notify.IsGone(err) {
		t.Errorf("%v, want one marked by Gone", err)
	}
}

// What is sent again because its answer was lost is not posted twice, in any part of an update.
func TestNothingIsPostedTwice(t *testing.T) {
	c := start(t)
	first := c.mustSend(t, 1, matrixtest.Builds, nil)
	if again := c.mustSend(t, 1, matrixtest.Builds, nil); again != first {
		t.Errorf("%+v, want %+v", again, first)
	}
	update := &notify.Update{Handle: first.Handle, Reply: []notify.Span{{Text: "broke"}}}
	c.mustSend(t, 2, matrixtest.Builds, update)
	c.mustSend(t, 2, matrixtest.Builds, update)
	if got := c.Account.Received(t, 3); len(got) != 3 {
		t.Errorf("%d events, want the message, its edit and the reply", len(got))
	}
}
