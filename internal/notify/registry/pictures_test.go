package registry_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/internal/notify/registry"
	"github.com/travishook/travishook/internal/render"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/test/picture"
)

// TestPagesShowTheMessages sends the same builds to each service, and compares the pictures of what arrived with
// those on the service's page. A service whose harness draws nothing has its texts on the page.
func TestPagesShowTheMessages(t *testing.T) {
	for name, service := range registry.Services {
		t.Run(name, func(t *testing.T) {
			harness := bestHarness(t, &service)
			posts, texts := conversation(t, harness)
			page := "docs/services/" + strings.ToLower(name) + ".md"
			if _, draws := harness.(notifytest.Drawer); !draws {
				generated(t, page, "pictures", "```text\n"+strings.Join(texts, "\n\n")+"\n```\n")
				return
			}
			title := "Messages in " + service.Title + ": " + summary(&service)
			file := "docs/pictures/" + strings.ToLower(name)
			golden(t, file+".svg", picture.Draw(title, picture.Wide, posts))
			golden(t, file+"-phone.svg", picture.Draw(title+" (on a phone)", picture.Phone, posts))
			link := "../pictures/" + strings.ToLower(name)
			generated(t, page, "pictures", fmt.Sprintf("![%s](%s.svg)\n\nThe same on a phone:\n\n![%s, on a phone](%s-phone.svg)\n", title, link, title, link))
		})
	}
}

// bestHarness is the harness of the service's first form, which can do the most.
func bestHarness(t *testing.T, s *notify.Service) notifytest.Harness {
	t.Helper()
	all := harnesses[s.Name]
	return all[slices.Sorted(maps.Keys(all))[0]]
}

// summary says what the pictures show.
func summary(s *notify.Service) string {
	switch can := s.Forms[0]; {
	case can.Edit && can.Mention:
		return "a pull request has passed; a build's message went from pending to broken, which mentions its author; the next build fixed it"
	case can.Edit:
		return "a pull request has passed; a build's message went from pending to broken; the next build fixed it"
	case can.Thread:
		return "a pull request has passed; a build is pending, and broke in the same thread; the next build fixed it"
	}
	return "a pull request has passed; a build is pending, and broke; the next build fixed it"
}

// conversation sends the builds, and returns what a channel shows then.
func conversation(t *testing.T, h notifytest.Harness) (posts []picture.Post, texts []string) {
	account := h.Start(t)
	service := h.Service()
	address, err := service.Address(account.Config, account.Credential, account.Addresses[0])
	if err != nil {
		t.Fatal(err)
	}
	client := account.HTTP
	if client == nil {
		client = notify.NewClient(notify.Options{UserAgent: "travishook/test"})
	}
	t.Cleanup(client.CloseIdleConnections)
	n, err := service.New(account.Config, account.Credential, notify.Deps{HTTP: client, Dial: notify.NewDialer(nil)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = n.Close() }()
	can := service.Capable(account.Credential, address)
	if can != service.Forms[0] {
		t.Fatalf("the harness is of the form %q: let the name of that of %q sort first", can.Form, service.Forms[0].Form)
	}
	var first notify.Receipt
	count := 0
	for i, e := range builds() {
		m, err := render.Message(nil, e)
		if err != nil {
			t.Fatal(err)
		}
		m.ID, m.Address, m.Route = fmt.Sprintf("%032d", i+1), address, "team-a/example"
		count++
		if e.Build.Result == travis.Broken {
			m.Mention = account.Person
			if m.Update = updates(&can, &e, first); m.Update != nil && can.Edit && (m.Update.Thread || len(m.Update.Reply) > 0) {
				count++
			}
		}
		receipt, err := n.Notify(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		if e.Build.Result == travis.Pending {
			first = receipt
		}
	}
	return shown(t, h, account.Received(t, count))
}

// updates is how the dispatcher updates a message with updates: Edit, or Thread where that is all there is.
func updates(can *notify.Capabilities, e *travis.Event, first notify.Receipt) *notify.Update {
	switch {
	case can.Edit && can.Notifies:
		return &notify.Update{Handle: first.Handle}
	case can.Edit:
		return &notify.Update{Handle: first.Handle, Reply: render.Reply(e)}
	case can.Thread:
		return &notify.Update{Handle: first.Handle, Thread: true}
	}
	return nil
}

// shown is what a channel shows of what arrived.
func shown(t *testing.T, h notifytest.Harness, all []notifytest.Received) (posts []picture.Post, texts []string) {
	t.Helper()
	at := map[int]int{} // places of messages, by their number
	for i, got := range all {
		post := picture.Post{From: "travis-ci", Parts: []picture.Part{{Lines: notifytest.DrawText(got.Text)}}}
		if drawer, ok := h.(notifytest.Drawer); ok {
			var err error
			if post, err = drawer.Draw(got); err != nil {
				t.Fatal(err)
			}
		}
		post.Answer, post.Edited = got.Answers > 0, got.Edits > 0
		if got.Edits > 0 {
			posts[at[got.Edits]], texts[at[got.Edits]] = post, got.Text
			continue
		}
		at[i+1] = len(posts)
		posts, texts = append(posts, post), append(texts, got.Text)
	}
	return posts, texts
}

func builds() []travis.Event {
	events := map[string]travis.Event{}
	for _, s := range render.Samples() {
		events[s.Name] = s.Event
	}
	number := func(sample string, n int) travis.Event {
		e := events[sample]
		e.Build.Number, e.Build.ID = fmt.Sprint(n), e.Build.ID+int64(n)
		e.Build.URL = fmt.Sprintf("https://app.travis-ci.com/example/example/builds/%d", e.Build.ID)
		e.Build.Duration = max(0, e.Build.Duration) * 4
		return e
	}
	fixed := number("fixed, push", 124)
	fixed.Commit.SHA, fixed.Commit.Message = "9d3e1f28c0aa41d7b6f2a55e8c1d07f3b2469a10", "Wait for the restart before the order is compared"
	fixed.Build.Finished = fixed.Build.Finished.Add(20 * time.Minute)
	return []travis.Event{number("passed, pull request", 122), number("pending, push", 123), number("broken, push", 123), fixed}
}

// golden compares a file with what it should have, or updates it.
func golden(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(root+path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(root + path)
	if err != nil {
		t.Fatalf("%v (-update writes it)", err)
	}
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Errorf("%s (-got +want; -update updates it, then look at it):\n%s", path, diff)
	}
}
