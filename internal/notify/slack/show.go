package slack

import (
	"net/url"
	"strings"

	"github.com/slack-go/slack"

	"github.com/travishook/travishook/internal/notify"
)

// Slack's bounds, in characters, and ours below them: a message whose blocks add up to some
// 13 000 is refused, though no page says so.
const (
	maxLine       = 3000
	maxFields     = 10 // of a section, as Slack says
	maxFieldName  = 60 // a field, escaped and with its link, has 2 000
	maxFieldValue = 200
	maxURL        = 600 // escaped
	maxAllFields  = 5000
)

// colours of the bar, as Slack's own palette has them. In attachments that hold blocks, only
// numbers work: the names good and danger show grey.
var colours = map[notify.Level]string{notify.Good: "#2eb67d", notify.Bad: "#e01e5a", notify.Neutral: "#8d8d8d"}

// shown is a message as Slack shows it.
type shown struct {
	text       string // for notifications and screen readers
	blocks     []slack.Block
	attachment slack.Attachment
}

// show lays a message out: the line as rich text, in which nothing is markup; below it, beside
// a coloured bar, the fields and the route.
func show(m notify.Message) shown {
	return shown{
		text:   escape(notify.TruncateRunes(notify.Lines(m.Text), maxLine)),
		blocks: []slack.Block{line(m)},
		attachment: slack.Attachment{
			Color:  colours[m.Level],
			Blocks: slack.Blocks{BlockSet: append(section(m.Fields), slack.NewContextBlock("", plain(m.Route)))},
		},
	}
}

func line(m notify.Message) slack.Block {
	left := maxLine
	var elements []slack.RichTextSectionElement
	for _, span := range m.Spans {
		text := notify.TruncateRunes(notify.Lines(span.Text), left)
		if text == "" {
			continue // Slack refuses empty elements
		}
		left -= len([]rune(text))
		if target, ok := link(span.URL); ok {
			elements = append(elements, slack.NewRichTextSectionLinkElement(target, text, nil))
		} else {
			elements = append(elements, slack.NewRichTextSectionTextElement(text, nil))
		}
	}
	if len(elements) == 0 {
		text := notify.TruncateRunes(notify.Lines(m.Text), maxLine)
		if text == "" {
			text = "(empty message)"
		}
		elements = append(elements, slack.NewRichTextSectionTextElement(text, nil))
	}
	return slack.NewRichTextBlock("", slack.NewRichTextSection(elements...))
}

// section lays the fields out in two columns; without fields there is none.
func section(fields []notify.Field) []slack.Block {
	var texts []*slack.TextBlockObject
	left := maxAllFields
	for _, f := range fields[:min(len(fields), maxFields)] {
		name := notify.TruncateRunes(notify.Line(f.Name), maxFieldName)
		value := notify.TruncateRunes(notify.Line(f.Value.Text), maxFieldValue)
		if strings.TrimSpace(value) == "" {
			continue
		}
		text := plain(name + ": " + value)
		if target, ok := link(f.Value.URL); ok {
			text = linked(name, value, target)
		}
		if left -= len([]rune(text.Text)); left < 0 {
			break
		}
		texts = append(texts, text)
	}
	if len(texts) == 0 {
		return nil
	}
	return []slack.Block{slack.NewSectionBlock(nil, texts, nil)}
}

// plain is text in which nothing is markup, not even an emoji's name.
func plain(text string) *slack.TextBlockObject {
	no := false
	return &slack.TextBlockObject{Type: slack.PlainTextType, Text: text, Emoji: &no}
}

// linked is a field whose value is a link, for which Slack knows only its markup.
func linked(name, value, target string) *slack.TextBlockObject {
	text := unformatted(name) + ": <" + escape(target) + "|" + unformatted(value) + ">"
	return &slack.TextBlockObject{Type: slack.MarkdownType, Text: text, Verbatim: true}
}

// link returns a URL that Slack takes, in its one spelling.
func link(text string) (string, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || strings.ContainsAny(u.Host, `|<>"`) || u.Scheme != "https" && u.Scheme != "http" {
		return "", false
	}
	target := strings.NewReplacer("|", "%7C", "<", "%3C", ">", "%3E", `"`, "%22", " ", "%20").Replace(u.String())
	return target, len(escape(target)) <= maxURL
}

// escape takes the meaning from Slack's control characters, which make links and mentions. It
// is what Slack asks for, in this order.
var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace

// look replaces the characters that format, which Slack has no way to escape, by ones that
// look alike; so does it with the colon, which makes emoji.
var look = strings.NewReplacer("*", "∗", "_", "＿", "~", "∼", "`", "ˋ", ":", "∶").Replace

func unformatted(s string) string { return escape(look(s)) }
