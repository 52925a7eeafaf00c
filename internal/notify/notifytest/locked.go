package notifytest

import (
	"strings"
	"testing"

	"github.com/travishook/travishook/internal/notify"
)

// repliesElsewhere updates a message whose thread is locked: it is edited and stays the build's, the reply is sent to
// the channel, and the receipt says so.
func repliesElsewhere(t *testing.T, h Harness) {
	for name, update := range map[string]notify.Update{
		"updates: Edit":   {Reply: []notify.Span{{Text: "build 123 broke"}}},
		"updates: Thread": {Thread: true},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, h, h.Start(t))
			address := c.address(t, 0)
			if can := c.capable(address); !can.Edit || !can.Thread {
				return
			}
			if c.account.LockThreads == nil {
				t.Fatal("the service declares threads: the harness must be able to lock them")
			}
			first := c.mustSend(t, message("1", address))
			c.account.Received(t, 1)
			c.account.LockThreads()
			m := stateOf("2", address)
			m.Update = &update
			m.Update.Handle = first.Handle
			second := c.mustSend(t, m)
			got := c.account.Received(t, 3)
			if len(got) != 3 {
				t.Fatalf("%d messages arrived, want the first one, its edit and the reply", len(got))
			}
			checkUpdate(t, m, got[1], Received{Edits: 1})
			checkPlace(t, got[2], Received{})
			if !update.Thread && !strings.Contains(got[2].Text, "build 123 broke") {
				t.Errorf("the reply reads %q", got[2].Text)
			}
			if second.Handle != first.Handle || second.Note == "" {
				t.Errorf("the receipt is %+v: want the handle %q, and a note about the reply", second, first.Handle)
			}
		})
	}
}
