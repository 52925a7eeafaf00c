package googlechat

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/travishook/travishook/internal/notify"
)

// Google Chat's limit of a text, and ours for the parts: the fields must fit beside the line.
const (
	maxText       = 4000
	maxLine       = 3000
	maxFields     = 10
	maxFieldName  = 40
	maxFieldValue = 100
	maxMarkup     = 800
)

// marks represent the colors, which a text does not have.
var marks = map[notify.Level]string{notify.Good: "🟢", notify.Bad: "🔴", notify.Neutral: "⚪"}

// show lays out a message: a mark, the line, and below it a line for each field.
func show(m notify.Message) string {
	words := markup.Line(m.Body(), m.Text, maxLine)
	if strings.TrimSpace(words) == "" {
		words = "(empty message)"
	}
	whole := mention(m.Mention) + marks[m.Level] + " " + words
	for _, f := range m.Fields[:min(len(m.Fields), maxFields)] {
		value := markup.Value(f.Value, maxFieldValue, maxMarkup)
		next := "\n" + markup.Value(notify.Span{Text: f.Name}, maxFieldName, maxMarkup) + ": " + value
		if strings.TrimSpace(value) != "" && utf8.RuneCountInString(whole+next) <= maxText {
			whole += next
		}
	}
	return whole
}

var markup = notify.Markup{
	Escape: escape,
	Link:   func(words, target string) string { return "<" + target + "|" + words + ">" },
}

// joint breaks a token apart, and is not seen.
const joint = "\u200b"

var (
	// lookalikes replace the marks, for which there is no escape.
	lookalikes = strings.NewReplacer("*", "∗", "_", "＿", "~", "∼", "`", "ˋ", "<", "‹", ">", "›", "|", "∣", "://", ":"+joint+"//")
	begins     = regexp.MustCompile(`(?m)^(\s*)([-•])`)
)

func escape(s string) string { return begins.ReplaceAllString(lookalikes.Replace(s), "$1"+joint+"$2") }

var userID = regexp.MustCompile(`^[0-9]{5,30}$`)

// mention is what notifies a person, empty for nobody.
func mention(person string) string {
	if !userID.MatchString(person) {
		return ""
	}
	return "<users/" + person + "> "
}

// person validates a user's ID, with or without users/ before it.
func person(id string) (string, error) {
	number := strings.TrimPrefix(id, "users/")
	if !userID.MatchString(number) {
		return "", fmt.Errorf("%.40q is not the ID of a Google Chat user: write its number, such as 123456789012345678901, which the People API and the administrator's console show", id)
	}
	return number, nil
}
