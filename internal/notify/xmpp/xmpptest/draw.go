package xmpptest

import (
	"encoding/xml"
	"strings"

	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/test/picture"
)

// Draw implements notifytest.Drawer. Most clients show the body alone, and turn its URLs into links.
func (Harness) Draw(got notifytest.Received) (picture.Post, error) {
	var m struct {
		Body string `xml:"body"`
	}
	if err := xml.Unmarshal(got.Raw, &m); err != nil {
		return picture.Post{}, err
	}
	var lines []picture.Line
	for text := range strings.SplitSeq(m.Body, "\n") {
		var line picture.Line
		for word := range strings.SplitAfterSeq(text, " ") {
			run := picture.Text(word)
			switch {
			case strings.HasPrefix(word, "https://"):
				run = picture.Link(word)
			case word == person+": ":
				run = picture.Mention(word)
			}
			line = append(line, run)
		}
		lines = append(lines, line)
	}
	return picture.Post{From: "travis-ci", Parts: []picture.Part{{Lines: lines}}}, nil
}
