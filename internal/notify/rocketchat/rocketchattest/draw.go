package rocketchattest

import (
	"encoding/json"

	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/test/picture"
)

// Draw implements notifytest.Drawer.
func (Harness) Draw(got notifytest.Received) (picture.Post, error) {
	post := picture.Post{From: "travis-ci", Tag: "Bot"}
	var m hookMessage
	if err := json.Unmarshal(got.Raw, &m); err != nil {
		return post, err
	}
	post.Parts = []picture.Part{{Lines: syntax.Draw(m.Text, "@"+person)}}
	for _, a := range m.Attachments {
		fields := picture.Part{Bar: a.Color, Columns: 2}
		for _, f := range a.Fields {
			fields.Lines = append(fields.Lines, append(picture.Line{picture.Bold(f.Title + "\n")}, syntax.Draw(f.Value, "")[0]...))
		}
		post.Parts = append(post.Parts, picture.Part{Bar: a.Color, Lines: syntax.Draw(a.Text, "")}, fields)
	}
	return post, nil
}
