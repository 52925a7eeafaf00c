package zulip

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/travishook/travishook/internal/notify"
)

// Zulip cuts a message at 10 000 characters, and ours are below.
const (
	maxText       = 8000
	maxFields     = 10
	maxFieldName  = 60
	maxFieldValue = 100
	maxMarkup     = 700 // of a field
	maxWhole      = 9900
)

// marks represent the colors, which Zulip does not have.
var marks = map[notify.Level]string{notify.Good: "🟢", notify.Bad: "🔴", notify.Neutral: "⚪"}

// show lays out a message: a mark, the line, a line for each field, and when the build finished, which Zulip
// shows in the reader's own time zone.
func show(m notify.Message) string {
	whole := mention(m.Mention) + marks[m.Level] + " " + line(m.Body(), m.Text)
	add := func(name, value string) {
		next := "\n" + name + ": " + value
		if name != "" && value != "" && utf8.RuneCountInString(whole+next) <= maxWhole {
			whole += next
		}
	}
	for _, f := range m.Fields[:min(len(m.Fields), maxFields)] {
		name := markup.Value(notify.Span{Text: f.Name}, maxFieldName, maxMarkup)
		add(strings.TrimSpace(name), strings.TrimSpace(markup.Value(f.Value, maxFieldValue, maxMarkup)))
	}
	if !m.Finished.IsZero() {
		add("Finished", "<time:"+m.Finished.UTC().Format(time.RFC3339)+">")
	}
	return whole
}

func showReply(spans []notify.Span, person string) string { return mention(person) + line(spans, "") }

func line(spans []notify.Span, whole string) string {
	words := markup.Line(spans, whole, maxText)
	if strings.TrimSpace(words) == "" {
		return "(empty message)"
	}
	return words
}

var markup = notify.Markup{
	Escape: escape,
	Link:   func(words, target string) string { return "[" + words + "](" + target + ")" },
}

// joint breaks tokens apart, and is not seen.
const joint = "\u200b"

// Zulip has no escapes. Lookalikes replace the marks of bold text and code, which act on whatever is between two
// of them; a joint breaks everything else.
var (
	marked = strings.NewReplacer("*", "∗", "`", "ˋ", "~~", "~"+joint+"~"+joint, "$", "$"+joint, "@", "@"+joint,
		"#", "#"+joint, "&", "&"+joint, "<", "<"+joint, "![", "!"+joint+"[", "://", ":"+joint+"//")
	// bracket is one that a link could begin behind.
	bracket = regexp.MustCompile(`\](\(|$)`)
	emoji   = regexp.MustCompile(`:([A-Za-z0-9_+-])`)
	// domain is a name that Zulip turns into a link, and perhaps a picture.
	domain = regexp.MustCompile(`\.(\pL)`)
	// begins are the beginnings of lists, quotes, tables, headings, code and commands.
	begins = regexp.MustCompile(`(?m)^( *[-+>#=|/]| *:-| *[0-9]+[.)]| {4})`)
)

func escape(s string) string {
	s = marked.Replace(s)
	s = bracket.ReplaceAllString(balanced(s), "]"+joint+"$1")
	s = emoji.ReplaceAllString(s, ":"+joint+"$1")
	s = domain.ReplaceAllString(s, "."+joint+"$1")
	return begins.ReplaceAllString(s, joint+"$1")
}

// balanced replaces brackets without a counterpart, which would begin or end a link too early, by lookalikes.
func balanced(s string) string {
	open := 0
	for _, r := range s {
		switch r {
		case '[':
			open++
		case ']':
			open--
		}
		if open < 0 {
			break
		}
	}
	if open == 0 {
		return s
	}
	return strings.NewReplacer("[", "［", "]", "］").Replace(s)
}

var userID = regexp.MustCompile(`^[1-9][0-9]{0,14}$`)

// mention is what notifies a person, empty for nobody. An ID that nobody has notifies nobody.
func mention(person string) string {
	if !userID.MatchString(person) {
		return ""
	}
	return "@**|" + person + "** "
}

// person validates the ID of a user.
func person(id string) (string, error) {
	if !userID.MatchString(id) {
		return "", fmt.Errorf("%.40q is not the ID of a Zulip user: write the number that the person's profile shows as user ID, such as 2187", id)
	}
	return id, nil
}
