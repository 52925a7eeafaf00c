package notifytest

import (
	"slices"
	"strings"
	"testing"

	"github.com/travishook/travishook/internal/notify"
)

// showsJobs checks that a failed build's jobs are named.
func showsJobs(t *testing.T, h Harness) {
	c := newClient(t, h, h.Start(t))
	m := failure("1", c.address(t, 0))
	c.mustSend(t, m)
	got := c.account.Received(t, 1)[0]
	for _, j := range m.FailedJobs {
		if strings.Count(got.Text, j.Name) != 1 {
			t.Errorf("the failed job %q is not named once in what arrived: %q", j.Name, got.Text)
		}
	}
	if !strings.Contains(got.Text, "docs (allowed to fail)") {
		t.Errorf("what arrived does not say which job is allowed to fail: %q", got.Text)
	}
}

// silences sends a silent message: it is shown in any case.
func silences(t *testing.T, h Harness) {
	c := newClient(t, h, h.Start(t))
	address := c.address(t, 0)
	m := message("1", address)
	m.Silent = true
	c.mustSend(t, m)
	checkNotifies(t, c.account.Received(t, 1)[0], Received{Silent: c.capable(address).Silent})
	c.mustSend(t, message("2", address))
	checkNotifies(t, c.account.Received(t, 2)[1], Received{})
}

// validatesPeople checks the ids that a condition complains about.
func validatesPeople(t *testing.T, h Harness) {
	s, good := h.Service(), h.Start(t)
	mentions := slices.ContainsFunc(s.Forms, func(c notify.Capabilities) bool { return c.Mention })
	if (s.Person != nil) != mentions {
		t.Fatalf("the service validates ids of people: %v, and declares that it can mention: %v", s.Person != nil, mentions)
	}
	if !mentions {
		return
	}
	if id, err := s.Person(good.Person); err != nil || id != good.Person {
		t.Errorf("Person(%q) is %q, %v: the harness must have an id in its normal form", good.Person, id, err)
	}
	// No service accepts these.
	bad := []string{
		"", " ", "a\nb", "a\x00b", "\xff\xfe", strings.Repeat("a", 10_000),
		"@here", "@channel", "@all", "@everyone", "<!here>", "<!channel>",
	}
	for _, id := range bad {
		got, err := s.Person(id)
		if err == nil {
			t.Errorf("Person(%.40q) returned %.40q", id, got)
			continue
		}
		checkRefusal(t, err, "", good.Secrets)
	}
}

// mentions sends messages that mention a person: it is exactly what notifies that does.
func mentions(t *testing.T, h Harness) {
	c := newClient(t, h, h.Start(t))
	address := c.address(t, 0)
	can := c.capable(address)
	want := Received{}
	if can.Mention {
		want.Mentions = []string{c.account.Person}
	}
	m := failure("1", address)
	m.Mention = c.account.Person
	first := c.mustSend(t, m)
	n := 1
	checkNotifies(t, c.account.Received(t, n)[n-1], want)
	if can.Edit {
		m = failure("2", address)
		m.Mention, m.Update = c.account.Person, &notify.Update{Handle: first.Handle}
		if !can.Notifies {
			m.Update.Reply = []notify.Span{{Text: "build 123 broke"}}
			n++
		}
		c.mustSend(t, m)
		n++
		got := c.account.Received(t, n)
		checkNotifies(t, got[n-1], want)
		if !can.Notifies {
			checkNotifies(t, got[n-2], Received{})
		}
	}
	if can.Mention && c.account.Left != "" {
		sendsWithout(t, c, n)
	}
}

// sendsWithout mentions a person who left: the message arrives without the mention, or is refused so that it
// can be sent without. n messages have arrived before.
func sendsWithout(t *testing.T, c *client, n int) {
	t.Helper()
	m := failure("3", c.address(t, 0))
	m.Mention = c.account.Left
	err := c.notify(t, m)
	switch {
	case notify.IsNoSuchPerson(err):
		m.Mention = ""
		c.mustSend(t, m)
	case err != nil:
		t.Errorf("the mention of a person who left: %v, want nil or an error marked by NoSuchPerson", err)
		return
	}
	got := c.account.Received(t, n+1)
	if len(got) != n+1 {
		t.Fatalf("%d messages arrived in place of one", len(got)-n)
	}
	checkNotifies(t, got[n], Received{})
}

// checkNotifies compares whom a message notifies.
func checkNotifies(t *testing.T, got, want Received) {
	t.Helper()
	if got.Silent != want.Silent {
		t.Errorf("arrived silently: %v, want %v", got.Silent, want.Silent)
	}
	if !slices.Equal(got.Mentions, want.Mentions) {
		t.Errorf("mentions %q, want %q", got.Mentions, want.Mentions)
	}
}
