package matrix

import (
	"html"
	"net/url"
	"regexp"
	"strings"

	"github.com/travishook/travishook/internal/notify"
)

// An event has at most 65 536 bytes, and an edit has both bodies twice.
const (
	maxBody       = 8000 // bytes
	maxLine       = 6000
	maxFormatted  = 12_000
	maxFormatLine = 10_000
	maxFields     = 10
	maxFieldName  = 40
	maxFieldValue = 100
	maxMarkup     = 900 // of a field's part
)

// content is the content of an m.room.message event.
type content struct {
	MsgType       string   `json:"msgtype"`
	Body          string   `json:"body"`
	Format        string   `json:"format"`
	FormattedBody string   `json:"formatted_body"`
	Mentions      mentions `json:"m.mentions"`
	// Previews are empty: clients that know MSC4095 show none. The specification has nothing for it yet.
	Previews   []struct{} `json:"com.beeper.linkpreviews"`
	RelatesTo  *relation  `json:"m.relates_to,omitempty"`
	NewContent *content   `json:"m.new_content,omitempty"`
}

// mentions is always sent: without it, clients of older versions look for names and @room in the body.
type mentions struct {
	UserIDs []string `json:"user_ids,omitempty"`
}

type relation struct {
	RelType       string   `json:"rel_type"`
	EventID       string   `json:"event_id"`
	IsFallingBack bool     `json:"is_falling_back,omitempty"`
	InReplyTo     *eventID `json:"m.in_reply_to,omitempty"`
}

type eventID struct {
	EventID string `json:"event_id"`
}

// replacing returns c as the edit of an event, with a fallback for clients that do not know edits.
func (c content) replacing(event string) content {
	edit := c
	edit.Body, edit.FormattedBody = "* "+c.Body, "* "+c.FormattedBody
	edit.RelatesTo, edit.NewContent = &relation{RelType: "m.replace", EventID: event}, &c
	return edit
}

// inThread returns c in the thread of an event, and as a reply to it for clients that do not know threads.
func (c content) inThread(root string) content {
	c.RelatesTo = &relation{RelType: "m.thread", EventID: root, IsFallingBack: true, InReplyTo: &eventID{root}}
	return c
}

// marks represent the colors.
var marks = map[notify.Level]string{notify.Good: "🟢", notify.Bad: "🔴", notify.Neutral: "⚪"}

// show lays out a message, as plain text and as HTML: a mark, the line, and below it a line for each field.
func show(m notify.Message) content {
	mark := marks[m.Level] + " "
	plain := mark + line(&plainText, m.Body(), m.Text, maxLine)
	formatted := mark + line(&formattedText, m.Body(), m.Text, maxFormatLine)
	for _, f := range m.Fields[:min(len(m.Fields), maxFields)] {
		nextPlain, nextFormatted := field(&plainText, f), field(&formattedText, f)
		if nextPlain == "" || len(plain)+len(nextPlain) > maxBody || len(formatted)+len(nextFormatted) > maxFormatted {
			continue
		}
		plain, formatted = plain+"\n"+nextPlain, formatted+"<br>"+nextFormatted
	}
	return compose(m, plain, formatted)
}

// showReply lays out the reply to a message that is edited.
func showReply(m notify.Message) content {
	return compose(m, line(&plainText, m.Update.Reply, "", maxLine), line(&formattedText, m.Update.Reply, "", maxFormatLine))
}

// compose converts text to a message, and adds the mention. No client notifies anybody of a notice, not even a
// person whom it mentions.
func compose(m notify.Message, plain, formatted string) content {
	c := content{MsgType: "m.text", Body: plain, Format: "org.matrix.custom.html", FormattedBody: formatted, Previews: []struct{}{}}
	switch {
	case m.Silent:
		c.MsgType = "m.notice"
	case userPattern.MatchString(m.Mention):
		c.Mentions.UserIDs = []string{m.Mention}
		name := html.EscapeString(m.Mention)
		c.Body = m.Mention + " " + plain
		c.FormattedBody = `<a href="` + matrixLinks + "#/" + url.QueryEscape(m.Mention) + `">` + name + "</a> " + formatted
	}
	return c
}

func line(markup *notify.Markup, spans []notify.Span, whole string, limit int) string {
	words := markup.Line(spans, whole, limit)
	if strings.TrimSpace(words) == "" {
		return "(empty message)"
	}
	return words
}

// field returns a field's name and value, empty if there is no value.
func field(markup *notify.Markup, f notify.Field) string {
	name := markup.Value(notify.Span{Text: f.Name}, maxFieldName, maxMarkup)
	value := markup.Value(f.Value, maxFieldValue, maxMarkup)
	if strings.TrimSpace(value) == "" {
		return ""
	}
	return name + ": " + value
}

func size(s string) int { return len(s) }

var (
	// plainText is the body, which is complete by itself and shown in notifications.
	plainText = notify.Markup{
		Size:   size,
		Escape: escape,
		Link: func(words, target string) string {
			if isMatrixLink(target) {
				return words
			}
			return words + " (" + target + ")"
		},
	}
	// formattedText is the HTML.
	formattedText = notify.Markup{
		Size: size,
		Escape: func(s string) string {
			return strings.ReplaceAll(html.EscapeString(escape(s)), "\n", "<br>")
		},
		Link: func(words, target string) string {
			if isMatrixLink(target) {
				return words
			}
			return `<a href="` + html.EscapeString(target) + `">` + words + "</a>"
		},
	}
)

// isMatrixLink reports whether clients show a link as the name of a person or room, and open it themselves.
func isMatrixLink(target string) bool {
	u, err := url.Parse(target)
	return err != nil || strings.EqualFold(u.Hostname(), "matrix.to")
}

// joint breaks a word apart, and is not seen.
const joint = "\u200b"

// Clients turn names and URLs in plain text into links too, and show names of people and rooms as mentions.
var (
	sigils = strings.NewReplacer("@", "@"+joint, "#", "#"+joint)
	scheme = regexp.MustCompile(`(?i)://|\b(?:matrix|mailto):`)
)

func escape(s string) string {
	s = scheme.ReplaceAllStringFunc(s, func(found string) string { return strings.Replace(found, ":", ":"+joint, 1) })
	return sigils.Replace(s)
}
