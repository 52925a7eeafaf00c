package notifytest

import (
	"strings"
	"unicode/utf8"

	"github.com/travishook/travishook/test/picture"
)

// Drawer is a Harness that knows how a client shows messages. Messages of other harnesses are shown as text.
type Drawer interface {
	// Draw returns a message as a client shows it. Edited and Answer are set by the caller.
	Draw(got Received) (picture.Post, error)
}

// Draw returns the lines of a text as people see them, with its links. mention is the markup that notifies a
// person, of whom a client shows the name.
func (s Syntax) Draw(text, mention string) []picture.Line {
	var (
		lines []picture.Line
		line  picture.Line
	)
	for left := text; left != ""; {
		run, size := s.next(left, mention)
		left = left[size:]
		if run.Words == "\n" {
			lines, line = append(lines, line), nil
			continue
		}
		line = append(line, run)
	}
	return append(lines, line)
}

// next is what is shown of the beginning of a text, and how long that is.
func (s Syntax) next(text, mention string) (picture.Run, int) {
	if m := match(s.Escape, text); m != nil {
		return picture.Text(m[1]), len(m[0])
	}
	if m := match(s.Link, text); m != nil {
		words, err := Syntax{Escape: s.Escape}.Read(m[1])
		if err != nil {
			words = err.Error()
		}
		return picture.Link(words), len(m[0])
	}
	if mention != "" && strings.HasPrefix(text, mention) {
		return picture.Mention("@ada"), len(mention)
	}
	_, size := utf8.DecodeRuneInString(text)
	return picture.Text(text[:size]), size
}

// DrawText returns the lines of a text without markup.
func DrawText(text string) []picture.Line { return Syntax{}.Draw(text, "") }
