package emailtest

import (
	"mime"

	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/test/picture"
)

// Draw implements notifytest.Drawer. It shows the HTML part below the subject.
func (Harness) Draw(got notifytest.Received) (picture.Post, error) {
	subject, err := new(mime.WordDecoder).DecodeHeader(parse(got.Raw).Header.Get("Subject"))
	if err != nil {
		return picture.Post{}, err
	}
	parts, err := Parts(got.Raw)
	if err != nil {
		return picture.Post{}, err
	}
	body, err := notifytest.DrawHTML(parts[1])
	return picture.Post{
		From: "Travis CI", Tag: "<ci@example.com>",
		Parts: []picture.Part{{Lines: []picture.Line{{picture.Bold(subject)}}}, body},
	}, err
}
