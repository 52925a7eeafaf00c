// Package render turns an event into a message: TravisHook's line, or the text of the route's template.
// It is pure, and safe for text written by strangers: a template has limited time and memory, and a
// branch, an author or a title never contains a line break, so it cannot fake a second line. Markup and
// mentions are not escaped here; see notify.Message.
package render

import (
	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/travis"
)

// Message renders e with t, or with the default text if t is nil. The message can always be sent: if the
// template fails on this event, it contains the default text, and the error says why, without secrets.
// The caller sets ID, Address and Route.
func Message(t *Template, e travis.Event) (notify.Message, error) {
	spans := defaultSpans(&e)
	m := notify.Message{
		Spans:      spans,
		Text:       defaultText(spans),
		Level:      LevelOf(e.Build.Result),
		Fields:     fields(&e),
		FailedJobs: failedJobs(&e),
		Finished:   e.Build.Finished,
		Event:      e,
	}
	if failed := m.FailedLine(); failed != nil {
		m.Text += "\n" + notify.Plain(failed)
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

// LevelOf returns the level of a result.
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
