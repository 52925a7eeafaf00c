package mattermost

import (
	"regexp"
	"strings"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/text"
)

// Mattermost splits or refuses a message of more than 16 383 characters.
const (
	maxText       = 16_000
	maxFields     = 10
	maxFieldName  = 60
	maxFieldValue = 200  // as they are read
	maxMarkup     = 1500 // of a field
)

// webhookMessage is the body of an incoming webhook.
type webhookMessage struct {
	Text        string       `json:"text"`
	Attachments []attachment `json:"attachments"`
}

type attachment struct {
	Fallback string  `json:"fallback"`
	Color    string  `json:"color"`
	Fields   []field `json:"fields,omitempty"`
	Footer   string  `json:"footer,omitempty"`
}

type field struct {
	Title string `json:"title"`
	Value string `json:"value"`
	Short bool   `json:"short"`
}

// shown is a message in Mattermost's form.
type shown struct {
	text        string
	attachments []attachment
}

// colours of the bar.
var colours = map[notify.Level]string{notify.Good: "#2eb67d", notify.Bad: "#e01e5a", notify.Neutral: "#8d8d8d"}

// show lays out a message: the line as the text; below it, beside a coloured bar, the fields and the route.
// A post with an attachment has no link previews.
func show(m notify.Message) shown {
	return shown{line(m.Body(), m.Text), []attachment{{
		Fallback: escape(text.OneLine(m.Text, maxFieldValue)), Color: colours[m.Level],
		Fields: fields(m.Fields), Footer: text.OneLine(m.Route, maxFieldValue),
	}}}
}

func showReply(spans []notify.Span) shown {
	return shown{text: line(spans, ""), attachments: []attachment{}}
}

var markup = notify.Markup{
	Escape: escape,
	Link:   func(words, target string) string { return "[" + words + "](" + target + ")" },
}

// joint breaks names apart, and is not seen.
const joint = "\u200b"

var (
	emoji = regexp.MustCompile(`:([A-Za-z0-9_+-])`)
	// breaks are mentions and links to channels, for which Mattermost has no escape, and the < of Slack's
	// links and mentions, which incoming webhooks interpret before Markdown.
	breaks = strings.NewReplacer("@", "@"+joint, "~", "~"+joint, "<", "‹")
)

func escape(s string) string {
	return notify.EscapeMarkdown(emoji.ReplaceAllString(breaks.Replace(s), ":"+joint+"$1"))
}

func line(spans []notify.Span, whole string) string {
	words := markup.Line(spans, whole, maxText)
	if strings.TrimSpace(words) == "" {
		return "(empty message)"
	}
	return words
}

func fields(all []notify.Field) []field {
	var shown []field
	for _, f := range all[:min(len(all), maxFields)] {
		value := markup.Value(f.Value, maxFieldValue, maxMarkup)
		if value == "" {
			continue
		}
		shown = append(shown, field{Title: markup.Value(notify.Span{Text: f.Name}, maxFieldName, maxMarkup), Value: value, Short: true})
	}
	return shown
}
