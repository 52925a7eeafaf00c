package notifytest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/travishook/travishook/internal/notify"
)

// updates sends the states of a build and compares what arrives with what the service declares.
func updates(t *testing.T, h Harness) {
	c := newClient(t, h, h.Start(t))
	address := c.address(t, 0)
	first := c.mustSend(t, message("1", address))
	c.account.Received(t, 1)
	can := c.capable(address)
	if !can.Updates() {
		refusesUpdate(t, c, "x")
		return
	}
	if !can.Edit {
		answers(t, c, first)
		return
	}
	m := stateOf("2", address)
	m.Update = &notify.Update{Handle: first.Handle}
	second := c.mustSend(t, m)
	checkUpdate(t, m, c.account.Received(t, 2)[1], Received{Edits: 1})
	m = stateOf("3", address)
	m.Update = &notify.Update{Handle: second.Handle, Reply: []notify.Span{{Text: "build 123 broke"}}}
	if can.Notifies {
		m.Update.Reply = nil
	}
	third := c.mustSend(t, m)
	n := 3
	checkUpdate(t, m, c.account.Received(t, n)[n-1], Received{Edits: 1})
	if !can.Notifies {
		n++
		want := Received{}
		if can.Thread {
			want.Answers = 1
		}
		got := c.account.Received(t, n)
		checkPlace(t, got[n-1], want)
		if !strings.Contains(got[n-1].Text, "build 123 broke") {
			t.Errorf("the reply reads %q", got[n-1].Text)
		}
	}
	if can.Thread {
		m = stateOf("4", address)
		m.Update = &notify.Update{Handle: third.Handle, Thread: true}
		c.mustSend(t, m)
		if can.Edit {
			n++
			checkUpdate(t, m, c.account.Received(t, n)[n-1], Received{Edits: 1})
		}
		checkUpdate(t, m, c.account.Received(t, n+1)[n], Received{Answers: 1})
	}
}

// answers sends later states where a message cannot be edited: each is a reply to the first message.
func answers(t *testing.T, c *client, receipt notify.Receipt) {
	t.Helper()
	for n := 2; n <= 3; n++ {
		m := stateOf(fmt.Sprint(n), c.address(t, 0))
		m.Update = &notify.Update{Handle: receipt.Handle, Thread: true}
		receipt = c.mustSend(t, m)
		checkUpdate(t, m, c.account.Received(t, n)[n-1], Received{Answers: 1})
	}
}

// refusesGone updates messages that cannot be updated: a new one can be sent instead.
func refusesGone(t *testing.T, h Harness) {
	c := newClient(t, h, h.Start(t))
	address := c.address(t, 0)
	for _, handle := range []string{"", "x", "../../", strings.Repeat("0", notify.MaxHandle), "<!channel>\n"} {
		refusesUpdate(t, c, handle)
	}
	sent := c.mustSend(t, message("1", address))
	if got := c.account.Received(t, 1); len(got) != 1 {
		t.Fatalf("%d messages arrived, want the new one", len(got))
	}
	if c.account.Forget == nil {
		return
	}
	c.account.Forget()
	refusesUpdate(t, c, sent.Handle)
	c.mustSend(t, message("2", address))
	if got := c.account.Received(t, 2); len(got) != 2 {
		t.Errorf("%d messages arrived, want two new ones", len(got))
	}
}

// refusesUpdate checks that an update is refused because of its handle.
func refusesUpdate(t *testing.T, c *client, handle string) {
	t.Helper()
	m := stateOf("9", c.address(t, 0))
	m.Update = &notify.Update{Handle: handle}
	if err := c.notify(t, m); !notify.IsGone(err) {
		t.Errorf("the update of %.20q: %v, want an error marked by Gone", handle, err)
	}
}

func (c *client) mustSend(t *testing.T, m notify.Message) notify.Receipt {
	t.Helper()
	r, err := c.send(t, m)
	if err != nil {
		t.Fatalf("Notify: %v", err)
	}
	return r
}

// stateOf is a later state of the build of message.
func stateOf(n, address string) notify.Message {
	m := message(n, address)
	m.Text = strings.Replace(m.Text, "passed", "state "+n, 1)
	m.Spans[1].Text = ": state " + n
	return m
}

func checkUpdate(t *testing.T, sent notify.Message, got, want Received) {
	t.Helper()
	checkArrived(t, sent, got)
	checkPlace(t, got, want)
	if words := "state " + sent.ID[len(sent.ID)-1:]; !strings.Contains(got.Text, words) {
		t.Errorf("%q is not in what arrived: %q", words, got.Text)
	}
}

func checkPlace(t *testing.T, got, want Received) {
	t.Helper()
	if got.Edits != want.Edits || got.Answers != want.Answers {
		t.Errorf("edits message %d and answers %d, want %d and %d", got.Edits, got.Answers, want.Edits, want.Answers)
	}
}
