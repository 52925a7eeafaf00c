package discordtest

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/test/picture"
)

// Draw implements notifytest.Drawer.
func (Harness) Draw(got notifytest.Received) (picture.Post, error) {
	post := picture.Post{From: "Travis CI", Tag: "APP"}
	var m message
	if err := json.Unmarshal(got.Raw, &m); err != nil {
		return post, err
	}
	post.Parts = []picture.Part{{Lines: syntax.Draw(*m.Content, "<@"+account("").Person+">")}}
	for _, e := range m.Embeds {
		bar := fmt.Sprintf("#%06x", e.Color)
		fields := picture.Part{Bar: bar, Ground: ground, Columns: 3}
		for _, f := range e.Fields {
			name := syntax.Draw(f.Name, "")[0]
			for i := range name {
				name[i].Bold = true
			}
			fields.Lines = append(fields.Lines, append(append(name, picture.Text("\n")), syntax.Draw(f.Value, "")[0]...))
		}
		if len(fields.Lines) > 0 {
			post.Parts = append(post.Parts, fields)
		}
		footer := ""
		if e.Footer != nil {
			footer = e.Footer.Text
		}
		if at, err := time.Parse(time.RFC3339, e.Timestamp); err == nil {
			footer += " • " + at.Format("02/01/2006 15:04")
		}
		post.Parts = append(post.Parts, picture.Part{Bar: bar, Ground: ground, Lines: []picture.Line{{picture.Subtle(footer)}}})
	}
	return post, nil
}

const ground = "#f2f3f5"
