package email_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/mail"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/email"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/test/postfix"
)

// A real Postfix delivers a build's mails as one thread, and refuses the recipients that it does not know,
// without harm to the others, all on one connection.
func TestPostfixDelivers(t *testing.T) {
	if os.Getenv("TRAVISHOOK_TEST_SERVERS") == "" {
		t.Skip("make test-servers runs it")
	}
	server := postfix.Start(t)
	config, _ := json.Marshal(map[string]string{"from": "Trävis <ci@example.com>", "server": server.Address})
	n, err := email.Service.New(config, notify.Credential{notify.KeyCA: secret.New(string(server.CA))}, notify.Deps{Dial: notify.NewDialer(nil)})
	if err != nil {
		t.Fatal(err)
	}

	first, err := n.Notify(t.Context(), state(1, postfix.Team))
	if err != nil {
		t.Fatal(err)
	}
	answer := state(2, postfix.Team)
	answer.Update = &notify.Update{Handle: first.Handle, Thread: true}
	if _, err := n.Notify(t.Context(), answer); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Notify(t.Context(), state(3, "nobody@"+postfix.Domain)); !notify.IsPermanent(err) || !strings.Contains(err.Error(), "5.1.1") {
		t.Errorf("an unknown recipient: %v", err)
	}
	if _, err := n.Notify(t.Context(), state(4, "team@elsewhere.test")); !notify.IsBadCredential(err) {
		t.Errorf("a recipient elsewhere: %v", err)
	}
	_, err = n.Notify(t.Context(), state(5, postfix.Grey))
	if wait, ok := notify.RetryAfterOf(err); !ok || wait != 5*time.Minute {
		t.Errorf("a recipient that is refused for now: waits %v, %v", wait, err)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	if got := server.Conversation(t); !strings.Contains(got, " starttls=1 mail=5 ") || !strings.Contains(got, " quit=1 ") {
		t.Errorf("not one connection for all: %s", got)
	}

	mails := map[string]*mail.Message{}
	for _, content := range server.Mails(t, 2) {
		m, err := mail.ReadMessage(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		mails[m.Header.Get("In-Reply-To")] = m
	}
	root := mails[""]
	if len(mails) != 2 || root == nil || mails[root.Header.Get("Message-Id")] == nil {
		t.Fatalf("no thread: %v", mails)
	}
	for name, want := range map[string]string{
		"Return-Path": "<ci@example.com>", "From": "=?utf-8?q?Tr=C3=A4vis?= <ci@example.com>",
		"List-Id": "<widget.example.travis.example.com>", "Auto-Submitted": "auto-generated",
	} {
		if got := root.Header.Get(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func state(n int, address string) notify.Message {
	return notify.Message{
		ID: fmt.Sprintf("%032d", n), Address: address, Text: "Größe\n.\nFrom here", Route: "team-a/example",
		Event: travis.Event{
			Repository: travis.Repository{Owner: "example", Name: "widget"},
			Build:      travis.Build{ID: 815, Number: "123", Result: travis.Broken, Branch: "main"},
		},
	}
}
