package email

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"regexp"
	"strings"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/text"
	"github.com/travishook/travishook/internal/travis"
)

// The lengths in characters that a mail shows.
const (
	maxText   = 16_000
	maxName   = 60
	maxValue  = 500
	maxFields = 20
	maxBranch = 60
)

// letter is a mail and its envelope.
type letter struct {
	to      string
	utf8    bool // an address needs SMTPUTF8
	content []byte
	handle  string
}

// thread is the first mail of a build's thread, as the handle has it. Mail clients make a thread of mails
// that refer to the first; some of them also want its subject to stay the same.
type thread struct {
	id    string // the Message-ID, without <>
	label string // of the subject
}

var handleForm = regexp.MustCompile(`^([0-9a-f]{32}@[a-z0-9.-]{1,190}) ([A-Z][a-z ]{1,20})$`)

func parseHandle(handle string) (thread, error) {
	parts := handleForm.FindStringSubmatch(handle)
	if parts == nil {
		return thread{}, notify.Gone(errors.New("the handle of the earlier message is not that of a mail"))
	}
	return thread{id: parts[1], label: parts[2]}, nil
}

func (t thread) String() string { return t.id + " " + t.label }

// compose writes the mail for m: a plain part and an HTML part with the same text.
func (a *account) compose(m *notify.Message, now time.Time) (letter, error) {
	own := thread{id: m.ID + "@" + a.domain, label: label(&m.Event)}
	first, references := own, "<"+buildID(&m.Event, a.domain)+">"
	prefix := ""
	if m.Update != nil {
		var err error
		if first, err = parseHandle(m.Update.Handle); err != nil {
			return letter{}, err
		}
		prefix, references = "Re: ", references+" <"+first.id+">"
	}
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	headers := [][2]string{
		{"From", a.from.String()},
		{"To", (&mail.Address{Address: m.Address}).String()},
		{"Subject", mime.QEncoding.Encode("utf-8", prefix+subject(first.label, &m.Event))},
		{"Date", now.UTC().Format(time.RFC1123Z)},
		{"Message-ID", "<" + own.id + ">"},
		{"References", references},
		{"List-Id", listID(&m.Event, a.domain)},
		{"Auto-Submitted", "auto-generated"},
		{"X-Auto-Response-Suppress", "All"}, // Exchange's out-of-office replies
		{"Travis-CI-Repository", header(m.Event.Repository.Slug())},
		{"Travis-CI-Result", header(string(m.Event.Build.Result))},
		{"MIME-Version", "1.0"},
		{"Content-Type", `multipart/alternative; boundary="` + parts.Boundary() + `"`},
	}
	if m.Update != nil {
		headers = append(headers, [2]string{"In-Reply-To", "<" + first.id + ">"})
	}
	var content bytes.Buffer
	for _, h := range headers {
		fmt.Fprintf(&content, "%s: %s\r\n", h[0], h[1])
	}
	content.WriteString("\r\n")
	if err := errors.Join(
		part(parts, "text/plain", plain(m)), part(parts, "text/html", page(m)), parts.Close(),
	); err != nil {
		return letter{}, notify.Permanent(fmt.Errorf("compose: %w", err))
	}
	content.Write(body.Bytes())
	utf8 := !isASCII(m.Address) || !isASCII(a.from.Address)
	return letter{to: m.Address, utf8: utf8, content: content.Bytes(), handle: first.String()}, nil
}

func part(w *multipart.Writer, mediaType, words string) error {
	p, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Type":              {mediaType + "; charset=utf-8"},
		"Content-Transfer-Encoding": {"quoted-printable"},
	})
	if err != nil {
		return err
	}
	encoded := quotedprintable.NewWriter(p)
	_, err = encoded.Write([]byte(words))
	return errors.Join(err, encoded.Close())
}

// subject is like Travis' own: Broken: example/example#123 (main - 62aae5f).
func subject(label string, e *travis.Event) string {
	of := text.OneLine(e.Build.Branch, maxBranch)
	if e.PullRequest != nil {
		of = fmt.Sprintf("pull request %d", e.PullRequest.Number)
	}
	if sha := e.Commit.SHA; len(sha) >= 7 {
		of += " - " + header(sha[:7])
	}
	return fmt.Sprintf("%s: %s#%s (%s)", label, header(e.Repository.Slug()), header(e.Build.Number), of)
}

// label is the build's result for a subject: Still failing.
func label(e *travis.Event) string {
	words := strings.ReplaceAll(string(e.Build.Result), "_", " ")
	if words == "" {
		return "Build"
	}
	return strings.ToUpper(words[:1]) + words[1:]
}

// header is text from outside for a header or a part of one.
func header(s string) string { return text.OneLine(s, 150) }

// buildID is what all mails of a build refer to, so that clients show them as one thread. No mail has it as
// its Message-ID, which clients do not need.
func buildID(e *travis.Event, domain string) string {
	return fmt.Sprintf("build.%d.%d@%s", e.Repository.ID, e.Build.ID, domain)
}

var notInLabel = regexp.MustCompile(`[^a-z0-9_-]+`)

// listID is the repository, as a list that mail filters know (RFC 2919).
func listID(e *travis.Event, domain string) string {
	word := func(s string) string {
		return strings.Trim(notInLabel.ReplaceAllString(strings.ToLower(s), "-"), "-") + "."
	}
	return "<" + word(e.Repository.Name) + word(e.Repository.Owner) + "travis." + domain + ">"
}

// plain is the mail as plain text.
func plain(m *notify.Message) string {
	var b strings.Builder
	b.WriteString(text.TruncateRunes(text.Lines(m.Text), maxText))
	b.WriteString("\n")
	for i, f := range shownFields(m.Fields) {
		if i == 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s: %s", f.Name, f.Value.Text)
		if f.Value.URL != "" {
			fmt.Fprintf(&b, " (%s)", f.Value.URL)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "\n-- \nSent by travishook for the route %s\n", header(m.Route))
	return strings.ReplaceAll(b.String(), "\n", "\r\n")
}

// shownFields are the fields that a mail shows, safe to show on one line.
func shownFields(fields []notify.Field) []notify.Field {
	var shown []notify.Field
	for _, f := range fields[:min(len(fields), maxFields)] {
		name, value := text.OneLine(f.Name, maxName), text.OneLine(f.Value.Text, maxValue)
		if name == "" || value == "" {
			continue
		}
		shown = append(shown, notify.Field{Name: name, Value: notify.Span{Text: value, URL: link(f.Value.URL)}})
	}
	return shown
}

// isASCII reports whether an address needs no SMTPUTF8.
func isASCII(s string) bool {
	for _, r := range s {
		if r >= 0x80 {
			return false
		}
	}
	return true
}
