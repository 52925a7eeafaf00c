// Package render turns an event into a message: TravisHook's line, or the text of the route's template.
// It is pure, and safe for text written by strangers: a template has limited time and memory, and a
// branch, an author or a title never contains a line break, so it cannot fake a second line. Markup and
// mentions are not escaped here; see notify.Message.
package render

import (
	"fmt"
	"strings"

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
		Fields:     fields(&e, e.Build.Type == travis.PullRequest),
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
	m.Spans, m.Text, m.Fields = own, plain(own), fields(&e, true)
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

// defaultSpans is TravisHook's line, with a link to the build that a thumb can hit:
//
//	[Travis-CI] [example/example] build/123: still failing for push to main at 62aae5f.
func defaultSpans(e *travis.Event) []notify.Span {
	build := "a build"
	if number := line(e.Build.Number); number != "" {
		build = "build/" + number
	}
	return []notify.Span{
		{Text: fmt.Sprintf("[Travis-CI] [%s] ", line(e.Repository.Slug()))},
		{Text: build, URL: webURL(e.Build.URL)},
		{Text: fmt.Sprintf(": %s for %s.", status(e.Build.Result), what(e))},
	}
}

// defaultText returns the same line as plain text, followed by the build's URL.
func defaultText(spans []notify.Span) string {
	var text, url string
	for _, s := range spans {
		text += s.Text
		if s.URL != "" {
			url = " " + s.URL
		}
	}
	return text + url
}

// status returns the result in words: still failing.
func status(r travis.Result) string { return strings.ReplaceAll(line(string(r)), "_", " ") }

// what returns what was built: pull request 7, push to main at SHA, cron build of main at SHA.
func what(e *travis.Event) string {
	if e.Build.Type == travis.PullRequest {
		if e.PullRequest == nil || e.PullRequest.Number == 0 {
			return "a pull request"
		}
		return fmt.Sprintf("pull request %d", e.PullRequest.Number)
	}
	ref := line(e.Build.Branch)
	if e.Build.Tag != "" {
		ref = "tag " + line(e.Build.Tag)
	}
	s := trigger(e.Build.Type, e.Build.Tag != "")
	if ref != "" {
		s += " " + ref
	} else {
		s, _, _ = strings.Cut(s, " ") // "push" without "to"
	}
	if sha := shortSHA(e); sha != "" {
		s += " at " + sha
	}
	return s
}

// trigger returns why Travis built, with the preposition for the branch or tag. An unknown type is shown
// as a push, the only type of Travis' first versions.
func trigger(t travis.BuildType, tag bool) string {
	switch {
	case t == travis.Cron:
		return "cron build of"
	case t == travis.API:
		return "API build of"
	case tag:
		return "push of"
	default:
		return "push to"
	}
}

// fields returns the details that services show beside the line, if Travis sent them. The branch is among them
// unless the line has it: a message is as short as it can be.
func fields(e *travis.Event, branch bool) []notify.Field {
	var fs []notify.Field
	add := func(name, text, url string) {
		if text != "" {
			fs = append(fs, notify.Field{Name: name, Value: notify.Span{Text: text, URL: url}})
		}
	}
	if e.PullRequest != nil {
		text := line(e.PullRequest.Title)
		if e.PullRequest.Number != 0 {
			text = strings.TrimSpace(fmt.Sprintf("#%d %s", e.PullRequest.Number, text))
		}
		add("Pull request", text, pullRequestURL(e))
	}
	subject, _ := commitSubject(e).(string)
	add("Commit", strings.TrimSpace(shortSHA(e)+" "+subject), webURL(e.Commit.CompareURL))
	if branch {
		add("Branch", line(e.Build.Branch), "")
	}
	add("Author", line(e.Commit.Author), "")
	if e.Build.Duration > 0 {
		add("Duration", duration(e), "")
	}
	return fs
}

// plain returns spans as plain text without links.
func plain(spans []notify.Span) string {
	var b strings.Builder
	for _, s := range spans {
		b.WriteString(s.Text)
		if s.URL != "" && s.URL != s.Text {
			b.WriteString(" (" + s.URL + ")")
		}
	}
	return b.String()
}
