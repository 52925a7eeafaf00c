package slacktest

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/test/picture"
)

// markup is the markup of a field, a context and a mention.
var markup = notifytest.Syntax{
	Escape: regexp.MustCompile(`^(&(?:lt|gt|amp);)`),
	Link:   regexp.MustCompile(`^<https?://[^>|]*\|([^>]*)>`),
}

// Draw implements notifytest.Drawer.
func (Harness) Draw(got notifytest.Received) (picture.Post, error) {
	post := picture.Post{From: "Travis CI", Tag: "APP"}
	var m payload
	if err := json.Unmarshal(got.Raw, &m); err != nil {
		return post, err
	}
	for _, b := range m.Blocks {
		parts, err := b.draw("")
		if err != nil {
			return post, err
		}
		post.Parts = append(post.Parts, parts)
	}
	for _, a := range m.Attachments {
		for _, b := range a.blocks() {
			parts, err := b.draw(strings.Trim(string(a["color"]), `"`))
			if err != nil {
				return post, err
			}
			post.Parts = append(post.Parts, parts)
		}
	}
	return post, nil
}

func (b block) draw(bar string) (picture.Part, error) {
	part := picture.Part{Bar: bar}
	switch b.Type {
	case "rich_text":
		sections, err := b.sections()
		if err != nil {
			return part, err
		}
		for _, s := range sections {
			var line picture.Line
			for _, e := range s.Elements {
				run := picture.Text(e.Text)
				if e.Type == "link" {
					run = picture.Link(e.Text)
				}
				line = append(line, run)
			}
			part.Lines = append(part.Lines, line)
		}
	case "context":
		var line picture.Line
		for _, t := range b.texts() {
			line = append(line, picture.Subtle(unmarked(t.Text)+"   "))
		}
		part.Lines = []picture.Line{line}
	default:
		if len(b.Fields) > 0 {
			part.Columns = 2
		}
		for _, t := range b.texts() {
			part.Lines = append(part.Lines, t.draw()...)
		}
	}
	return part, nil
}

func (t text) draw() []picture.Line {
	if t.Type != "mrkdwn" {
		return []picture.Line{{picture.Text(t.Text)}}
	}
	lines := markup.Draw(t.Text, "<@"+member+">")
	for _, line := range lines {
		for i := range line {
			line[i].Words = unquote.Replace(line[i].Words)
		}
	}
	return lines
}
