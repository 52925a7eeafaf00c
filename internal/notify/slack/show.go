package slack

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/text"
)

// Slack's limits in characters, and ours below them: Slack refuses a message whose blocks add up to
// about 13 000, which it does not document.
const (
	maxLine       = 3000
	maxFields     = 10 // of a section, as Slack says
	maxFieldName  = 60 // a field, escaped and with its link, has 2 000
	maxFieldValue = 200
	maxURL        = 600 // escaped
	maxAllFields  = 5000
)

// colors of the bar, from Slack's own palette. Attachments with blocks need numbers: the names good and
// danger show grey.
var colors = map[notify.Level]string{notify.Good: "#2eb67d", notify.Bad: "#e01e5a", notify.Neutral: "#8d8d8d"}

// shown is a message in Slack's form.
type shown struct {
	text       string // for notifications and screen readers
	blocks     []slack.Block
	attachment slack.Attachment
}

// options are the parts of a call of chat.postMessage or chat.update.
func (s *shown) options() []slack.MsgOption {
	options := []slack.MsgOption{
		slack.MsgOptionText(s.text, false), slack.MsgOptionBlocks(s.blocks...),
		slack.MsgOptionParse(false), slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
	}
	if len(s.attachment.Blocks.BlockSet) > 0 {
		options = append(options, slack.MsgOptionAttachments(s.attachment))
	}
	return options
}

// show lays out a message: the line and the failed jobs as rich text, in which nothing is markup, and whom it
// mentions; below, beside a colored bar, the fields, the route and the time.
func show(m notify.Message) shown {
	blocks := []slack.Block{line(m.Spans, m.Text)}
	if failed := m.FailedLine(); failed != nil {
		blocks = append(blocks, line(failed, ""))
	}
	return shown{
		text:   escape(text.TruncateRunes(text.Lines(m.Text), maxLine)),
		blocks: append(blocks, mention(m.Mention)...),
		attachment: slack.Attachment{
			Color:  colors[m.Level],
			Blocks: slack.Blocks{BlockSet: append(section(m.Fields), footer(m))},
		},
	}
}

// footer is the route, and when the build finished, in the reader's own time zone.
func footer(m notify.Message) slack.Block {
	elements := []slack.MixedElement{plain(m.Route)}
	if !m.Finished.IsZero() {
		markup := fmt.Sprintf("<!date^%d^{date_short_pretty} {time}|%s>",
			m.Finished.Unix(), m.Finished.UTC().Format("2006-01-02 15:04 UTC"))
		elements = append(elements, &slack.TextBlockObject{Type: slack.MarkdownType, Text: markup, Verbatim: true})
	}
	return slack.NewContextBlock("", elements...)
}

// line lays out spans, or the text if they are empty.
func line(spans []notify.Span, whole string) slack.Block {
	left := maxLine
	var elements []slack.RichTextSectionElement
	for _, span := range spans {
		words := text.TruncateRunes(text.Lines(span.Text), left)
		if words == "" {
			continue // Slack refuses empty elements
		}
		left -= utf8.RuneCountInString(words)
		if target, ok := link(span.URL); ok {
			elements = append(elements, slack.NewRichTextSectionLinkElement(target, words, nil))
		} else {
			elements = append(elements, slack.NewRichTextSectionTextElement(words, nil))
		}
	}
	if len(elements) == 0 {
		words := text.TruncateRunes(text.Lines(whole), maxLine)
		if words == "" {
			words = "(empty message)"
		}
		elements = append(elements, slack.NewRichTextSectionTextElement(words, nil))
	}
	return slack.NewRichTextBlock("", slack.NewRichTextSection(elements...))
}

// section lays out the fields in two columns; it returns nil without fields.
func section(fields []notify.Field) []slack.Block {
	var texts []*slack.TextBlockObject
	left := maxAllFields
	for _, f := range fields[:min(len(fields), maxFields)] {
		name := text.TruncateRunes(text.Line(f.Name), maxFieldName)
		value := text.TruncateRunes(text.Line(f.Value.Text), maxFieldValue)
		if strings.TrimSpace(value) == "" {
			continue
		}
		shown := plain(name + ": " + value)
		if target, ok := link(f.Value.URL); ok {
			shown = linked(name, value, target)
		}
		if left -= utf8.RuneCountInString(shown.Text); left < 0 {
			break
		}
		texts = append(texts, shown)
	}
	if len(texts) == 0 {
		return nil
	}
	return []slack.Block{slack.NewSectionBlock(nil, texts, nil)}
}

// plain is text in which nothing is markup, not even an emoji's name.
func plain(words string) *slack.TextBlockObject {
	no := false
	return &slack.TextBlockObject{Type: slack.PlainTextType, Text: words, Emoji: &no}
}

// linked is a field whose value is a link, for which Slack knows only its markup.
func linked(name, value, target string) *slack.TextBlockObject {
	markup := unformatted(name) + ": <" + escape(target) + "|" + unformatted(value) + ">"
	return &slack.TextBlockObject{Type: slack.MarkdownType, Text: markup, Verbatim: true}
}

// link returns the normalized URL, if Slack accepts it.
func link(address string) (string, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || strings.ContainsAny(u.Host, `|<>"`) || u.Scheme != "https" && u.Scheme != "http" {
		return "", false
	}
	target := strings.NewReplacer("|", "%7C", "<", "%3C", ">", "%3E", `"`, "%22", " ", "%20").Replace(u.String())
	return target, len(escape(target)) <= maxURL
}

// escape escapes Slack's control characters, which make links and mentions, as Slack documents.
var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace

// lookalikes replaces formatting characters, which Slack cannot escape, and the colon, which makes
// emoji, with characters that look alike.
var lookalikes = strings.NewReplacer("*", "∗", "_", "＿", "~", "∼", "`", "ˋ", ":", "∶").Replace

func unformatted(s string) string { return escape(lookalikes(s)) }
