package render

import (
	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/travis"
)

// Reply is the short text that announces a state whose message was edited; nil if nobody needs to notice it:
//
//	build/123: broken
func Reply(e *travis.Event) []notify.Span {
	r := e.Build.Result
	if LevelOf(r) != notify.Bad && r != travis.Fixed {
		return nil
	}
	build := line(e.Build.Number)
	if build == "" {
		build = "this build"
	} else {
		build = "build/" + build
	}
	return []notify.Span{{Text: build, URL: webURL(e.Build.URL)}, {Text: ": " + status(r)}}
}
