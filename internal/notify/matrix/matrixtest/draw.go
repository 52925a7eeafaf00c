package matrixtest

import (
	"encoding/json"

	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/test/picture"
)

// Draw implements notifytest.Drawer.
func (Harness) Draw(got notifytest.Received) (picture.Post, error) {
	post := picture.Post{From: "travis-ci"}
	var c Content
	if err := json.Unmarshal(got.Raw, &c); err != nil {
		return post, err
	}
	if c.NewContent != nil {
		c = *c.NewContent
	}
	part, err := notifytest.DrawHTML(c.FormattedBody)
	post.Parts = []picture.Part{part}
	return post, err
}
