package teams

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/text"
)

// The limits of a card. Teams drops one of more than about 28 KB after the workflow has accepted it.
const (
	maxCard       = 25_000
	maxLine       = 3000
	maxFields     = 10
	maxFieldName  = 60
	maxFieldValue = 200
)

// message is the body that the workflow "Send webhook alerts to a channel" expects.
type message struct {
	Type        string       `json:"type"`
	Summary     string       `json:"summary,omitempty"`
	Attachments []attachment `json:"attachments"`
}

type attachment struct {
	ContentType string `json:"contentType"`
	Content     card   `json:"content"`
}

// card is an Adaptive Card. Version 1.4 is what Teams shows on every platform.
type card struct {
	Schema  string         `json:"$schema"`
	Type    string         `json:"type"`
	Version string         `json:"version"`
	MSTeams map[string]any `json:"msteams"`
	Body    []element      `json:"body"`
	Actions []action       `json:"actions,omitempty"`
}

// element is a Container, a RichTextBlock or a TextBlock.
type element struct {
	Type     string    `json:"type"`
	Style    string    `json:"style,omitempty"`
	Bleed    bool      `json:"bleed,omitempty"`
	Items    []element `json:"items,omitempty"`
	Inlines  []textRun `json:"inlines,omitempty"`
	Text     string    `json:"text,omitempty"`
	IsSubtle bool      `json:"isSubtle,omitempty"`
	Size     string    `json:"size,omitempty"`
	Wrap     bool      `json:"wrap,omitempty"`
	Spacing  string    `json:"spacing,omitempty"`
}

// textRun is text in which Markdown is not interpreted.
type textRun struct {
	Type         string  `json:"type"`
	Text         string  `json:"text"`
	Weight       string  `json:"weight,omitempty"`
	IsSubtle     bool    `json:"isSubtle,omitempty"`
	SelectAction *action `json:"selectAction,omitempty"`
}

type action struct {
	Type  string `json:"type"`
	Title string `json:"title,omitempty"`
	URL   string `json:"url"`
}

// styles color the line's background.
var styles = map[notify.Level]string{notify.Good: "good", notify.Bad: "attention", notify.Neutral: "emphasis"}

// show lays out a message as a card, and shortens its line until the card is small enough.
func show(m notify.Message) ([]byte, error) {
	for limit := maxLine; ; limit /= 2 {
		body, err := encode(layOut(m, limit))
		if err != nil || len(body) <= maxCard || limit == 0 {
			return body, err
		}
	}
}

func encode(m message) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(m)
	return bytes.TrimSpace(b.Bytes()), err
}

// layOut lays out the line on a colored background; below it the fields, the route and the time, which Teams shows in the
// reader's zone; and a button that opens the build.
func layOut(m notify.Message, limit int) message {
	body := []element{{Type: "Container", Style: styles[m.Level], Bleed: true, Items: []element{rich(line(m.Body(), m.Text, limit)...)}}}
	for _, f := range m.Fields[:min(len(m.Fields), maxFields)] {
		if value := text.OneLine(f.Value.Text, maxFieldValue); strings.TrimSpace(value) != "" {
			name := run(notify.Span{Text: text.OneLine(f.Name, maxFieldName) + ": "})
			name.Weight = "Bolder"
			block := rich(name, run(notify.Span{Text: value, URL: f.Value.URL}))
			block.Spacing = "Small"
			body = append(body, block)
		}
	}
	if m.Route != "" {
		route := run(notify.Span{Text: text.OneLine(m.Route, maxFieldValue)})
		route.IsSubtle = true
		body = append(body, rich(route))
	}
	if !m.Finished.IsZero() {
		at := m.Finished.UTC().Format(time.RFC3339)
		body = append(body, element{Type: "TextBlock", IsSubtle: true, Size: "Small", Wrap: true, Spacing: "None",
			Text: "{{DATE(" + at + ", SHORT)}} {{TIME(" + at + ")}}"})
	}
	c := card{
		Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Type: "AdaptiveCard", Version: "1.4",
		MSTeams: map[string]any{"width": "Full"}, Body: body,
	}
	if target, ok := link(m.Event.Build.URL); ok {
		c.Actions = []action{{Type: "Action.OpenUrl", Title: "Open the build", URL: target}}
	}
	return message{
		Type: "message", Summary: escape(text.OneLine(m.Text, maxFieldValue)),
		Attachments: []attachment{{ContentType: "application/vnd.microsoft.card.adaptive", Content: c}},
	}
}

func rich(runs ...textRun) element { return element{Type: "RichTextBlock", Inlines: runs} }

// line lays out spans, or the text if they are empty.
func line(spans []notify.Span, whole string, limit int) []textRun {
	var runs []textRun
	for _, s := range spans {
		s.Text = text.TruncateRunes(text.Lines(s.Text), limit)
		if limit -= len([]rune(s.Text)); s.Text != "" {
			runs = append(runs, run(s))
		}
	}
	if strings.TrimSpace(words(runs)) == "" {
		whole = text.TruncateRunes(text.Lines(whole), max(limit, 1))
		if strings.TrimSpace(whole) == "" {
			whole = "(empty message)"
		}
		return []textRun{run(notify.Span{Text: whole})}
	}
	return runs
}

func words(runs []textRun) string {
	var b strings.Builder
	for _, r := range runs {
		b.WriteString(r.Text)
	}
	return b.String()
}

func run(s notify.Span) textRun {
	r := textRun{Type: "TextRun", Text: escape(s.Text)}
	if target, ok := link(s.URL); ok {
		r.SelectAction = &action{Type: "Action.OpenUrl", URL: target}
	}
	return r
}

// link returns a URL that a card may open: only https.
func link(address string) (string, bool) {
	target, ok := notify.Link(address)
	return target, ok && strings.HasPrefix(target, "https://")
}

// joint breaks a token apart, and is not seen.
const joint = "\u200b"

// escape breaks the tokens that cards expand in any text: times, and mentions.
var escape = strings.NewReplacer("{{", "{"+joint+"{"+joint, "<at", "<"+joint+"at", "</at", "<"+joint+"/at").Replace
