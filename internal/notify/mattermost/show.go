package mattermost

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/text"
)

// Mattermost splits or refuses a message of more than 16 383 characters.
const (
	maxText       = 16_000 // with up to 65 for a mention
	maxFields     = 10
	maxFieldName  = 60
	maxFieldValue = 200  // as they are read
	maxMarkup     = 1500 // of a field
)

// webhookMessage is the body of an incoming webhook.
type webhookMessage struct {
	Text        string       `json:"text"`
	Attachments []attachment `json:"attachments"`
	// Silent posts without a notification. Older servers ignore it.
	Silent bool `json:"silent,omitempty"`
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

// colors of the bar.
var colors = map[notify.Level]string{notify.Good: "#2eb67d", notify.Bad: "#e01e5a", notify.Neutral: "#8d8d8d"}

// show lays out a message: the line as the text; below it, beside a colored bar, the fields and the route.
// A post with an attachment has no link previews.
func show(m notify.Message) shown {
	return shown{mention(m.Mention) + line(m.Body(), m.Text), []attachment{{
		Fallback: escape(text.OneLine(m.Text, maxFieldValue)), Color: colors[m.Level],
		Fields: fields(m.Fields), Footer: text.OneLine(m.Route, maxFieldValue),
	}}}
}

func showReply(spans []notify.Span, person string) shown {
	return shown{text: mention(person) + line(spans, ""), attachments: []attachment{}}
}

var userName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,63}$`)

// mention is what notifies a person, empty for nobody. A name that nobody has notifies nobody.
func mention(person string) string {
	if !userName.MatchString(person) {
		return ""
	}
	return "@" + person + " "
}

// person validates the name of a user; a @ before it is not part of it.
func person(id string) (string, error) {
	name := strings.ToLower(strings.TrimPrefix(id, "@"))
	if !userName.MatchString(name) || name == "all" || name == "channel" || name == "here" || name == "everyone" {
		return "", fmt.Errorf("%.40q is not the name of a Mattermost user: write it as it follows the @ in the person's profile, such as ann.smith", id)
	}
	return name, nil
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
