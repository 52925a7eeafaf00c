package discord

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/text"
)

// Discord's limits, and ours below them: all that an embed contains may have 6 000 characters.
const (
	maxContent    = 2000
	maxMention    = 24
	maxFields     = 10
	maxFieldName  = 60  // as they are read
	maxFieldValue = 200 // as they are read
	maxName       = 256 // with the markup
	maxValue      = 1024
	maxEmbed      = 5000
)

// suppressNotifications is the flag of a message that notifies nobody.
const suppressNotifications = 1 << 12

// payload is the body of a message.
type payload struct {
	Content         string          `json:"content"`
	Embeds          []embed         `json:"embeds,omitempty"`
	AllowedMentions allowedMentions `json:"allowed_mentions"`
	Flags           int             `json:"flags,omitempty"`
}

// allowedMentions, if empty, keeps the message from notifying anybody.
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

// colors of the bar.
var colors = map[notify.Level]int{notify.Good: 0x2eb67d, notify.Bad: 0xe01e5a, notify.Neutral: 0x8d8d8d}

// show lays out a message: the line as the content, which notifications show; below it, beside a colored
// bar, the fields, the route and the time, which Discord shows in the reader's zone.
func show(m notify.Message) payload {
	e := embed{Color: colors[m.Level], Fields: fields(m.Fields)}
	if m.Route != "" {
		e.Footer = &footer{Text: text.OneLine(m.Route, maxFieldValue)}
	}
	if at := m.Event.Time(); !at.IsZero() {
		e.Timestamp = at.UTC().Format(time.RFC3339)
	}
	p := payload{Content: line(m.Body(), m.Text), Embeds: []embed{e}}
	p.mention(m.Mention)
	if m.Silent {
		p.Flags = suppressNotifications
	}
	return p
}

func showReply(spans []notify.Span, person string) payload {
	p := payload{Content: line(spans, "")}
	p.mention(person)
	return p
}

// mention allows the message to notify one user, or nobody.
func (p *payload) mention(person string) {
	p.AllowedMentions = allowedMentions{Parse: []string{}}
	if userID.MatchString(person) {
		p.AllowedMentions.Users = []string{person}
		p.Content = "<@" + person + "> " + p.Content
	}
}

var userID = regexp.MustCompile(`^[0-9]{15,20}$`)

// person validates a user's ID.
func person(id string) (string, error) {
	if !userID.MatchString(id) {
		return "", fmt.Errorf("%.40q is not the ID of a Discord user: write it as 80351110224678912; "+
			"with the developer mode on, Discord copies it from a person's menu", id)
	}
	return id, nil
}

// invite is what Discord makes a button of to join a server, also without a scheme before it.
var invite = regexp.MustCompile(`(?i)(discord(?:app)?\.(?:gg|new|com(?:/[a-z]+)?))/`)

// markup is Discord's. A link in angle brackets has no preview.
var markup = notify.Markup{
	Escape: func(s string) string {
		return invite.ReplaceAllString(strings.ReplaceAll(notify.EscapeMarkdown(s), "@", `\@`), `$1\/`)
	},
	Link: func(words, target string) string { return "[" + words + "](<" + target + ">)" },
	Size: notify.UTF16,
}

func line(spans []notify.Span, whole string) string {
	words := markup.Line(spans, whole, maxContent-maxMention)
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
