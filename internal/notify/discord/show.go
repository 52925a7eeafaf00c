package discord

import (
	"strings"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/text"
)

// Discord's limits, and ours below them: all that an embed contains may have 6 000 characters.
const (
	maxContent    = 2000
	maxFields     = 10
	maxFieldName  = 60  // as they are read
	maxFieldValue = 200 // as they are read
	maxName       = 256 // with the markup
	maxValue      = 1024
	maxEmbed      = 5000
)

// payload is the body of a message.
type payload struct {
	Content         string          `json:"content"`
	Embeds          []embed         `json:"embeds,omitempty"`
	AllowedMentions allowedMentions `json:"allowed_mentions"`
	Flags           int             `json:"flags,omitempty"`
}

// allowedMentions without anything lets nothing in the message notify anybody.
type allowedMentions struct {
	Parse []string `json:"parse"`
	Users []string `json:"users,omitempty"`
}

type embed struct {
	Color     int     `json:"color"`
	Fields    []field `json:"fields,omitempty"`
	Footer    *footer `json:"footer,omitempty"`
	Timestamp string  `json:"timestamp,omitempty"`
}

type field struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Inline bool   `json:"inline"`
}

type footer struct {
	Text string `json:"text"`
}

// colours of the bar.
var colours = map[notify.Level]int{notify.Good: 0x2eb67d, notify.Bad: 0xe01e5a, notify.Neutral: 0x8d8d8d}

// show lays out a message: the line as the content, which notifications show; below it, beside a coloured
// bar, the fields, the route and the time, which Discord shows in the reader's zone.
func show(m notify.Message) payload {
	e := embed{Color: colours[m.Level], Fields: fields(m.Fields)}
	if m.Route != "" {
		e.Footer = &footer{Text: text.OneLine(m.Route, maxFieldValue)}
	}
	if at := moment(m); !at.IsZero() {
		e.Timestamp = at.UTC().Format(time.RFC3339)
	}
	return payload{Content: line(m.Spans, m.Text), Embeds: []embed{e}, AllowedMentions: allowedMentions{Parse: []string{}}}
}

func showReply(spans []notify.Span) payload {
	return payload{Content: line(spans, ""), AllowedMentions: allowedMentions{Parse: []string{}}}
}

// moment is when the build reached its state.
func moment(m notify.Message) time.Time {
	if !m.Event.Build.Finished.IsZero() {
		return m.Event.Build.Finished
	}
	return m.Event.Build.Started
}

// markup is Discord's. A link in angle brackets has no preview.
var markup = notify.Markup{
	Escape: func(s string) string { return strings.ReplaceAll(notify.EscapeMarkdown(s), "@", `\@`) },
	Link:   func(words, target string) string { return "[" + words + "](<" + target + ">)" },
	Size:   notify.UTF16,
}

func line(spans []notify.Span, whole string) string {
	words := markup.Line(spans, whole, maxContent)
	if strings.TrimSpace(words) == "" {
		return `\(empty message\)`
	}
	return words
}

func fields(all []notify.Field) []field {
	var shown []field
	left := maxEmbed
	for _, f := range all[:min(len(all), maxFields)] {
		name := markup.Value(notify.Span{Text: f.Name}, maxFieldName, maxName)
		value := markup.Value(f.Value, maxFieldValue, maxValue)
		if name == "" || value == "" {
			continue // Discord refuses them
		}
		if left -= notify.UTF16(name) + notify.UTF16(value); left < 0 {
			break
		}
		shown = append(shown, field{Name: name, Value: value, Inline: true})
	}
	return shown
}
