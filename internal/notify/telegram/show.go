package telegram

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/text"
)

// Telegram's limit, and ours for the parts: the fields must fit beside the line.
const (
	maxText       = 4096
	maxLine       = 3000
	maxFields     = 10
	maxFieldName  = 40
	maxFieldValue = 100
)

// entity is a part of the text that is a link. Offset and length are in UTF-16 units.
type entity struct {
	Type   string `json:"type"`
	Offset int    `json:"offset"`
	Length int    `json:"length"`
	URL    string `json:"url,omitempty"`
}

// shown is a message in Telegram's form: a text without any markup, and where its links are.
type shown struct {
	text     string
	entities []entity
}

// marks represent the colors, which Telegram does not have.
var marks = map[notify.Level]string{notify.Good: "🟢", notify.Bad: "🔴", notify.Neutral: "⚪"}

// show lays out a message: a mark, the line, and below it a line for each field.
func show(m notify.Message) shown {
	var b builder
	b.mention(m.Mention)
	b.raw(marks[m.Level] + " ")
	b.line(m.Body(), m.Text)
	for _, f := range m.Fields[:min(len(m.Fields), maxFields)] {
		name, value := text.OneLine(f.Name, maxFieldName), text.OneLine(f.Value.Text, maxFieldValue)
		if strings.TrimSpace(value) == "" {
			continue
		}
		b.raw("\n")
		b.span(notify.Span{Text: name + ": "})
		b.span(notify.Span{Text: value, URL: f.Value.URL})
	}
	return b.shown()
}

func showReply(spans []notify.Span, person string) shown {
	var b builder
	b.mention(person)
	b.line(spans, "")
	return b.shown()
}

// builder builds a text and its entities.
type builder struct {
	text     strings.Builder
	size     int // in UTF-16 units
	entities []entity
}

func (b *builder) raw(words string) {
	b.text.WriteString(words)
	b.size += notify.UTF16(words)
}

// line adds spans, or the text if they are empty.
func (b *builder) line(spans []notify.Span, whole string) {
	left, before := maxLine, b.size
	for _, s := range spans {
		s.Text = text.TruncateRunes(text.Lines(s.Text), left)
		left -= utf8.RuneCountInString(s.Text)
		b.span(s)
	}
	if b.size == before {
		b.span(notify.Span{Text: text.TruncateRunes(text.Lines(whole), maxLine)})
	}
}

// span adds text, which may be a link.
func (b *builder) span(s notify.Span) {
	words, room := escape(s.Text), maxText-b.size
	for over := notify.UTF16(words) - room; over > 0; over = notify.UTF16(words) - room {
		s.Text = text.TruncateRunes(s.Text, max(0, utf8.RuneCountInString(s.Text)-max(1, over/2)))
		words = escape(s.Text)
	}
	if target, ok := notify.Link(s.URL); ok && strings.TrimSpace(words) != "" {
		b.entities = append(b.entities, entity{"text_link", b.size, notify.UTF16(words), target})
	}
	b.raw(words)
}

func (b *builder) shown() shown {
	if strings.TrimSpace(b.text.String()) == "" {
		return shown{text: "(empty message)"}
	}
	return shown{b.text.String(), b.entities}
}

var userName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{3,31}$`)

// mention notifies a member of the chat; a name of anybody else notifies nobody.
func (b *builder) mention(person string) {
	if userName.MatchString(person) {
		b.raw("@" + person + " ")
	}
}

// person validates the name of a user; a @ before it is not part of it.
func person(id string) (string, error) {
	name := strings.TrimPrefix(id, "@")
	if !userName.MatchString(name) || strings.EqualFold(name, "here") || strings.EqualFold(name, "everyone") || strings.EqualFold(name, "channel") {
		return "", fmt.Errorf("%.40q is not the user name of a Telegram user: write it as the profile shows it, such as ann_smith", id)
	}
	return name, nil
}

// joint breaks a word apart, and is not seen.
const joint = "\u200b"

// Without a parse mode nothing is markup, but Telegram turns names, tags, commands and URLs into links.
var (
	sigils  = regexp.MustCompile(`([@#$])([\pL\pN_])`)
	command = regexp.MustCompile(`(^|[^\pL\pN_])/([A-Za-z0-9_])`)
	scheme  = regexp.MustCompile(`([A-Za-z])://`)
)

func escape(s string) string {
	s = sigils.ReplaceAllString(s, "$1"+joint+"$2")
	s = scheme.ReplaceAllString(s, "$1:"+joint+"//")
	return command.ReplaceAllString(s, "$1/"+joint+"$2")
}
