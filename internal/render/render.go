// Package render turns an event into what a room is told: TravisHook's line, or the text of the
// route's own template. It is pure, and everything in it is made for text written by strangers:
// a template cannot hang or eat memory, and a branch, an author or a title never holds a line
// break, so nobody forges a second line. Markup and mentions stay raw, as notify.Message says.
package render

import (
	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/travis"
)

// Message renders e with t, or with the default text where t is nil. The message can always be
// sent: where the template fails on this event, it carries the default text, and the error,
// which is safe to show to people, says why. ID, Address and Route are left to the caller.
func Message(t *Template, e travis.Event) (notify.Message, error) {
	spans := defaultSpans(&e)
	m := notify.Message{
		Spans:  spans,
		Text:   defaultText(spans),
		Level:  LevelOf(e.Build.Result),
		Fields: fields(&e),
		Event:  e,
	}
	if t == nil {
		return m, nil
	}
	own, err := t.render(&e)
	if err != nil {
		return m, err
	}
	m.Spans, m.Text = own, plain(own)
	return m, nil
}

// LevelOf says how a result should look at a glance.
func LevelOf(r travis.Result) notify.Level {
	switch r {
	case travis.Passed, travis.Fixed:
		return notify.Good
	case travis.Broken, travis.Failed, travis.StillFailing, travis.Errored:
		return notify.Bad
	default:
		return notify.Neutral
	}
}
