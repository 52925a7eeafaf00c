package rocketchat

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/text"
)

// A server refuses a message of more than 5 000 characters, by default.
const (
	maxText       = 4000
	maxFields     = 10
	maxFieldName  = 60
	maxFieldValue = 100
	maxMarkup     = 700 // of a field
	maxWhole      = 4900
)

// webhookMessage is the body of an incoming integration.
type webhookMessage struct {
	Text        string       `json:"text"`
	Attachments []attachment `json:"attachments"`
}

type attachment struct {
	Color  string  `json:"color"`
	Text   string  `json:"text"`
	Fields []field `json:"fields,omitempty"`
}

// field needs both, or the whole message is refused.
type field struct {
	Title string `json:"title"`
	Value string `json:"value"`
	Short bool   `json:"short"`
}

var (
	colors = map[notify.Level]string{notify.Good: "#2eb67d", notify.Bad: "#e01e5a", notify.Neutral: "#8d8d8d"}
	marks  = map[notify.Level]string{notify.Good: "🟢", notify.Bad: "🔴", notify.Neutral: "⚪"}
)

// show lays out a message for an incoming integration: the line; below it, beside a colored bar, the fields and
// the route.
func show(m notify.Message) webhookMessage {
	a := attachment{Color: colors[m.Level], Text: escape(text.OneLine(m.Route, maxFieldValue))}
	for _, f := range fields(m.Fields) {
		a.Fields = append(a.Fields, field{f[0], f[1], true})
	}
	return webhookMessage{mention(m.Mention) + line(m.Body(), m.Text), []attachment{a}}
}

// showText lays out a message as a text alone: a mark for the color, the line, and a line for each field.
func showText(m notify.Message) string {
	whole := mention(m.Mention) + marks[m.Level] + " " + line(m.Body(), m.Text)
	for _, f := range fields(m.Fields) {
		next := "\n" + f[0] + ": " + f[1]
		if len([]rune(whole+next)) > maxWhole {
			break
		}
		whole += next
	}
	return whole
}

func showReply(spans []notify.Span, person string) string { return mention(person) + line(spans, "") }

// fields returns the names and values that are shown.
func fields(all []notify.Field) [][2]string {
	var shown [][2]string
	for _, f := range all[:min(len(all), maxFields)] {
		name := markup.Value(notify.Span{Text: f.Name}, maxFieldName, maxMarkup)
		value := markup.Value(f.Value, maxFieldValue, maxMarkup)
		if strings.TrimSpace(name) != "" && strings.TrimSpace(value) != "" {
			shown = append(shown, [2]string{name, value})
		}
	}
	return shown
}

func line(spans []notify.Span, whole string) string {
	words := markup.Line(spans, whole, maxText)
	if strings.TrimSpace(words) == "" {
		return "(empty message)"
	}
	return words
}

var markup = notify.Markup{
	Escape: escape,
	Link:   func(words, target string) string { return "<" + target + "|" + words + ">" },
}

// joint breaks names and tokens apart, and is not seen.
const joint = "\u200b"

var (
	// lookalikes replace marks, which Rocket.Chat cannot escape in all its versions, and joints break mentions, links
	// to channels, URLs, links and formulas.
	lookalikes = strings.NewReplacer("*", "∗", "_", "＿", "~", "∼", "`", "ˋ", "<", "‹", ">", "›", "|", "∣", "$", "＄",
		"@", "@"+joint, "#", "#"+joint, "://", ":"+joint+"//", "](", "]"+joint+"(", `\`, `\`+joint, "![", "!"+joint+"[")
	emoji  = regexp.MustCompile(`:([A-Za-z0-9_+＿-])`)
	begins = regexp.MustCompile(`(?m)^(\s*)([-+#=]|[0-9]+[.)])`)
)

func escape(s string) string {
	s = emoji.ReplaceAllString(lookalikes.Replace(s), ":"+joint+"$1")
	return begins.ReplaceAllString(s, "$1"+joint+"$2")
}

var userName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// mention is what notifies a person, empty for nobody. A name that nobody has notifies nobody.
func mention(person string) string {
	if !userName.MatchString(person) {
		return ""
	}
	return "@" + person + " "
}

// person validates the name of a user; a @ before it is not part of it.
func person(id string) (string, error) {
	name := strings.TrimPrefix(id, "@")
	switch strings.ToLower(name) {
	case "all", "here", "channel", "everyone":
		name = ""
	}
	if !userName.MatchString(name) {
		return "", fmt.Errorf("%.40q is not the name of a Rocket.Chat user: write it as it follows the @ in the person's profile, such as ann.smith", id)
	}
	return name, nil
}
