package mattermosttest

import (
	"encoding/json"

	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/test/picture"
)

// Draw implements notifytest.Drawer.
func (Harness) Draw(got notifytest.Received) (picture.Post, error) {
	post := picture.Post{From: "travis-ci", Tag: "BOT"}
	var m message
	if err := json.Unmarshal(got.Raw, &m); err != nil {
		return post, err
	}
	post.Parts = []picture.Part{{Lines: syntax.Draw(m.Text+m.Message, "@"+person)}}
	for _, a := range append(m.Attachments, m.Props.Attachments...) {
		fields := picture.Part{Bar: a.Color, Columns: 2}
		for _, f := range a.Fields {
			name := syntax.Draw(f.Title, "")[0]
			for i := range name {
				name[i].Bold = true
			}
			fields.Lines = append(fields.Lines, append(append(name, picture.Text("\n")), syntax.Draw(f.Value, "")[0]...))
		}
		footer := picture.Part{Bar: a.Color, Lines: []picture.Line{{picture.Subtle(a.Footer)}}}
		post.Parts = append(post.Parts, fields, footer)
	}
	return post, nil
}
