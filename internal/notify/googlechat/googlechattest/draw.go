package googlechattest

import (
	"encoding/json"

	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/test/picture"
)

// Draw implements notifytest.Drawer.
func (Harness) Draw(got notifytest.Received) (picture.Post, error) {
	var m message
	err := json.Unmarshal(got.Raw, &m)
	lines := syntax.Draw(m.Text, "<users/"+person+">")
	return picture.Post{From: "Travis CI", Tag: "App", Parts: []picture.Part{{Lines: lines}}}, err
}
