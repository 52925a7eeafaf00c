package irctest

import (
	"regexp"
	"strings"

	"github.com/ergochat/irc-go/ircmsg"

	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/test/picture"
)

// colors of mIRC's numbers, as most clients show them.
var colors = map[string]string{"03": "#009300", "04": "#d00000", "14": "#7f7f7f"}

var colored = regexp.MustCompile("^\x03([0-9]{2})([^\x0f]*)\x0f")

// Draw implements notifytest.Drawer: each line with the name of its sender, as clients show them.
func (Harness) Draw(got notifytest.Received) (picture.Post, error) {
	part := picture.Part{Mono: true}
	for raw := range strings.SplitSeq(strings.TrimSuffix(string(got.Raw), "\r\n"), "\r\n") {
		m, err := ircmsg.ParseLine(raw)
		if err != nil {
			return picture.Post{}, err
		}
		line := picture.Line{picture.Subtle("13:04 <" + m.Nick() + "> ")}
		words := m.Params[1]
		if mark := colored.FindStringSubmatch(words); mark != nil {
			line = append(line, picture.Run{Words: mark[2], Color: colors[mark[1]]})
			words = words[len(mark[0]):]
		}
		part.Lines = append(part.Lines, append(line, picture.Text(words)))
	}
	return picture.Post{Parts: []picture.Part{part}}, nil
}
