package irc

import (
	"strings"
	"unicode/utf8"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/text"
)

const (
	// maxLine is the length of a line in bytes, with CR and LF, as others receive it.
	maxLine = 512
	// maxLines is how many lines a message has: each is paced.
	maxLines = 5
	maxText  = 1500 // characters
	// minChunk is what a line carries at least, however long our own prefix is.
	minChunk = 100
)

// marks begin a message: a sign with a color for the result. Two digits, and the end of the color before the
// text, which may begin with a digit.
var marks = map[notify.Level]struct{ sign, color string }{
	notify.Good:    {"✔", "03"}, // green
	notify.Bad:     {"✘", "04"}, // red
	notify.Neutral: {"•", "14"}, // grey
}

// lines lays out a message as lines of at most limit bytes.
func lines(m *notify.Message, limit int, colored bool) []string {
	mark, ok := marks[m.Level]
	if !ok {
		mark = marks[notify.Neutral]
	}
	limit = max(limit, minChunk)
	first := mark.sign + " "
	if colored {
		first = "\x03" + mark.color + mark.sign + "\x0f "
	}
	var all []string
	for line := range strings.SplitSeq(text.TruncateRunes(text.Lines(m.Text), maxText), "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		all = append(all, split(first+line, limit)...)
		first = ""
	}
	if len(all) == 0 {
		all = []string{first + "(empty message)"}
	}
	if len(all) > maxLines {
		all = all[:maxLines]
		all[maxLines-1] = text.Truncate(all[maxLines-1]+" …", limit)
	}
	return all
}

// split splits a line at spaces where there are any, else between characters.
func split(line string, limit int) []string {
	var parts []string
	for len(line) > limit {
		cut := limit
		for !utf8.RuneStart(line[cut]) {
			cut--
		}
		if space := strings.LastIndexByte(line[:cut], ' '); space > cut/2 {
			cut = space
		}
		parts = append(parts, strings.TrimRight(line[:cut], " "))
		line = strings.TrimLeft(line[cut:], " ")
	}
	return append(parts, line)
}
