package email

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/travis"
)

func testAccount(t *testing.T) account {
	t.Helper()
	a, err := parseAccount(json.RawMessage(`{"server":"smtp.example.com:587","from":"Travis CI <ci@example.com>"}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// build is the message of a broken build. n makes its idempotency key.
func build(n string) notify.Message {
	const url = "https://app.travis-ci.com/example/widget/builds/815"
	return notify.Message{
		ID: strings.Repeat("0", 32-len(n)) + n, Address: "team@example.com", Route: "team-a/example", Level: notify.Bad,
		Text:  "[example/widget] build/123 (" + url + "): broken",
		Spans: []notify.Span{{Text: "[example/widget] build/123", URL: url}, {Text: ": broken"}},
		Fields: []notify.Field{
			{Name: "Branch", Value: notify.Span{Text: "main"}},
			{Name: "Commit", Value: notify.Span{Text: "62aae5f7", URL: "https://github.com/example/widget/compare/a...b"}},
		},
		Event: travis.Event{
			Repository: travis.Repository{ID: 4711, Owner: "example", Name: "widget"},
			Build:      travis.Build{ID: 815, Number: "123", Branch: "main", Result: travis.Broken, URL: url},
			Commit:     travis.Commit{SHA: "62aae5f70ceee39123ef9b36c2a6ef0f6f7f9e10"},
		},
	}
}

func compose(t *testing.T, a *account, m *notify.Message) letter {
	t.Helper()
	l, err := a.compose(m, time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// read returns a mail's header, its plain part and its HTML part.
func read(t *testing.T, content []byte) (header mail.Header, parts []string) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	_, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	r := multipart.NewReader(m.Body, parameters["boundary"])
	for range 2 {
		p, err := r.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, strings.ReplaceAll(string(b), "\r\n", "\n"))
	}
	return m.Header, parts
}

// All mails of a build refer to one id; an answer to the first also names it and keeps its subject.
func TestMailsOfABuildAreOneThread(t *testing.T) {
	a := testAccount(t)
	m := build("1")
	first := compose(t, &a, &m)
	header, _ := read(t, first.content)
	root := header.Get("References")
	if root == "" || header.Get("In-Reply-To") != "" {
		t.Errorf("the first mail refers to %q and answers %q", root, header.Get("In-Reply-To"))
	}

	m = build("2")
	m.Event.Build.Result = travis.Fixed
	another := compose(t, &a, &m)
	header, _ = read(t, another.content)
	if got := header.Get("References"); got != root {
		t.Errorf("another mail of the build refers to %q, the first to %q", got, root)
	}
	if got, want := header.Get("Subject"), "Fixed: example/widget#123 (main - 62aae5f)"; got != want {
		t.Errorf("subject %q, want %q", got, want)
	}

	m.Update = &notify.Update{Handle: first.handle, Thread: true}
	answer := compose(t, &a, &m)
	header, _ = read(t, answer.content)
	if got, want := header.Get("Subject"), "Re: Broken: example/widget#123 (main - 62aae5f)"; got != want {
		t.Errorf("subject %q, want %q", got, want)
	}
	id := "<" + strings.Repeat("0", 31) + "1@example.com>"
	if header.Get("In-Reply-To") != id || header.Get("References") != root+" "+id {
		t.Errorf("the answer refers to %q and answers %q", header.Get("References"), header.Get("In-Reply-To"))
	}
	if answer.handle != first.handle {
		t.Errorf("the answer's handle is %q, the first mail's %q", answer.handle, first.handle)
	}

	m = build("3")
	m.Event.Build.ID++
	other := compose(t, &a, &m)
	if header, _ = read(t, other.content); header.Get("References") == root {
		t.Error("another build's mail is in the same thread")
	}
}

func TestHTMLHasLinksAndAColor(t *testing.T) {
	a := testAccount(t)
	m := build("1")
	_, parts := read(t, compose(t, &a, &m).content)
	for _, want := range []string{
		`<a href="https://app.travis-ci.com/example/widget/builds/815">[example/widget] build/123</a>: broken`,
		`<td>main</td>`, colors[notify.Bad], "team-a/example",
	} {
		if !strings.Contains(parts[1], want) {
			t.Errorf("%s is not in\n%s", want, parts[1])
		}
	}
}
