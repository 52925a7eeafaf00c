package zuliptest

import (
	"regexp"
	"time"

	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/test/picture"
)

var moment = regexp.MustCompile(`<time:([^>]*)>`)

// Draw implements notifytest.Drawer. The reader lives an hour east of Greenwich.
func (Harness) Draw(got notifytest.Received) (picture.Post, error) {
	content := moment.ReplaceAllStringFunc(string(got.Raw), func(token string) string {
		at, err := time.Parse(time.RFC3339, moment.FindStringSubmatch(token)[1])
		if err != nil {
			return token
		}
		return at.In(time.FixedZone("", 3600)).Format("Mon, Jan 2, 2006, 15:04")
	})
	lines := syntax.Draw(content, "@**|"+someone+"**")
	return picture.Post{From: "travis-ci", Tag: "bot", Parts: []picture.Part{{Lines: lines}}}, nil
}
