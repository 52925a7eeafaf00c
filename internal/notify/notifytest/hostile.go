package notifytest

import (
	"strings"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/travis"
)

// hostile is text as strangers may put it into a branch, a commit message, a name or a title.
var hostile = []struct{ name, text string }{
	{"mass mentions", "@here @all @everyone @channel <!channel> <!here|x> <!everyone> <@U012AB3CD> <!subteam^S1> @room"},
	{"other mentions", "<@123456789012345678> <@!123456789012345678> <@&123456789012345678> <#123456789012345678> @**all** @_**Ann|7** @*group* " +
		"#**general>topic** ~town-square <users/all> <users/123> <at>Ann</at> @[Ann](user:1) matrix:u/ann:example.com tg://user?id=1"},
	{"links that are mentions", "https://matrix.to/#/@ann:example.com https://matrix.to/#/%23room:example.com @@ann:example.com ##room:example.com " +
		"!id:example.com matrix:r/room:example.com?action=join matrix.to/#/@ann:example.com MATRIX:u/ann:example.com"},
	{"emoji, times and counters", ":smile: :+1: <:party:123456789012345678> <a:party:123456789012345678> <t:0:R> <time:2026-11-26T12:00:00Z> " +
		"<!date^0^{date_num}|x> {{DATE(2026-11-26T12:00:00Z)}} {{TIME(2026-11-26T12:00:00Z)}} $$e^x$$ #tag $TAG +15550100 a@example.com"},
	{"other markup", "||spoiler|| ~~gone~~ __under__ -# small ![image](https://evil.example/x.png) | a | b |\n|---|---|\n===\n```spoiler x\ny\n```\n~~~math\nx\n~~~"},
	{"commands", "/me leaves"},
	{"more commands", "\n/poll yes?\n/todo x\n# head\n- item\n+ item\n1. item\n2) item\n> quote\n!here\n\n    code"},
	{"links to be seen", "https://evil.example/a_b http://evil.example www.evil.example mailto:a@evil.example ftp://evil.example evil.example/x discord.gg/evil https://Discord.com/invite/evil"},
	{"colors", "a\x0304red\x03 b\x02bold\x0f \x01ACTION waves\x01 &lt;font color='red'&gt;x"},
	{"links", "<https://evil.example|https://travis-ci.com> [travis](https://evil.example) <a href='https://evil.example'>x</a>"},
	{"markup", "*bold* _italic_ ~strike~ `code` ```block``` > quote # head <b>b</b> <script>alert(1)</script> &lt;b&gt; &amp;"},
	{"XML", "</body></message><message to='everyone@example.com'><body>x</body></message>]]><!-- &#0; &x;"},
	{"JSON", `"},"text":"x","attachments":[{"\u0000\`},
	{"line breaks", "one\ntwo\r\nthree\rfour\vfive\fsix\u0085seven\u2028eight\u2029nine"},
	{"a second command", "x\r\nQUIT :bye\r\nPRIVMSG #other :hello"},
	{"control characters", "a\x00b\x01c\x07d\x1b[31me\x7ff\u0080g\u009fh\tz"},
	{"direction", "safe\u202egnp.exe\u202c \u2066isolated\u2069 \u200emark\u200f"},
	{"nothing to see", "a\u200bb\ufeffc\u00add\u2060e\U000e0041f"},
	{"not UTF-8", "a\xff\xfeb\xc3(\xed\xa0\x80\xf8c"},
	{"not characters", "a\ufffeb\uffffc\U0001ffffd"},
	{"emoji and joined letters", "👩‍👩‍👧 naïve ﷽ 🏳️‍🌈 e\u0301"},
	{"templates", "%{repository} {{.Event}} ${HOME} $(id) %s %n {0}"},
	{"huge", strings.Repeat("All work and no play makes Jack a dull boy. ", 2_500)},
	{"huge without a space", strings.Repeat("ä", 60_000)},
	{"nothing", ""},
}

// poison puts text everywhere in a message where a stranger's text can be.
func poison(m *notify.Message, text string) {
	m.Text = "build " + m.Event.Build.Number + " of " + m.Event.Repository.Slug() + ": " + text
	m.Spans = []notify.Span{
		{Text: "build " + m.Event.Build.Number + " of " + m.Event.Repository.Slug(), URL: m.Event.Build.URL},
		{Text: ": "},
		{Text: text, URL: "https://example.com/?q=a|b>c&d=<e>"},
	}
	m.Fields = []notify.Field{
		{Name: "Branch", Value: notify.Span{Text: text}},
		{Name: text, Value: notify.Span{Text: "x"}},
		{Name: text, Value: notify.Span{Text: text, URL: "https://example.com/?q=a|b>c&d=<!channel>"}},
		{Name: "Script", Value: notify.Span{Text: "x", URL: "javascript:alert(1)"}},
	}
	m.FailedJobs = []notify.Job{{Name: text, URL: m.Event.Build.URL}, {Name: text, Allowed: true}}
	m.Event.Build.Branch = text
	m.Event.Commit.Message = text
	m.Event.Commit.Author = text
	m.Event.Commit.Committer = text
	m.Event.PullRequest = &travis.PR{Number: 7, Title: text}
}

// bare is poison for a message that begins with text, and has no fields.
func bare(m *notify.Message, text string) {
	poison(m, text)
	m.Text, m.Spans, m.Fields = text, []notify.Span{{Text: text}}, nil
}

// message is an ordinary one. n makes its idempotency key: the key's last digits.
func message(n, address string) notify.Message {
	e := event()
	line := "[" + e.Repository.Slug() + "] build/" + e.Build.Number
	return notify.Message{
		ID:      strings.Repeat("0", 32-len(n)) + n,
		Address: address,
		Text:    line + " (" + e.Build.URL + "): passed",
		Spans:   []notify.Span{{Text: line, URL: e.Build.URL}, {Text: ": passed"}},
		Level:   notify.Good,
		Fields: []notify.Field{
			{Name: "Branch", Value: notify.Span{Text: e.Build.Branch}},
			{Name: "Commit", Value: notify.Span{Text: e.Commit.SHA[:8], URL: e.Commit.CompareURL}},
		},
		Finished: e.Build.Finished,
		Event:    e,
		Route:    "team-a/example",
	}
}

// failure is a message of a failed build, whose default text names the failed jobs.
func failure(n, address string) notify.Message {
	m := message(n, address)
	m.Level, m.Event.Build.State, m.Event.Build.Result = notify.Bad, "failed", travis.Broken
	m.Text = strings.Replace(m.Text, "passed", "broken", 1)
	m.Spans[1].Text = ": broken"
	m.FailedJobs = []notify.Job{
		{Name: "unit tests", URL: "https://app.travis-ci.com/example/widget/jobs/816"},
		{Name: "docs", URL: "https://app.travis-ci.com/example/widget/jobs/817", Allowed: true},
	}
	m.Text += "\n" + notify.Plain(m.FailedLine())
	return m
}

func event() travis.Event {
	started := time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)
	return travis.Event{
		Repository: travis.Repository{ID: 4711, Owner: "example", Name: "widget"},
		Build: travis.Build{
			ID: 815, Number: "123", Type: travis.Push, State: "passed", Result: travis.Passed, Branch: "main",
			URL: "https://app.travis-ci.com/example/widget/builds/815", Started: started,
			Finished: started.Add(time.Minute), Duration: time.Minute,
		},
		Commit: travis.Commit{
			SHA: "62aae5f70ceee39123ef9b36c2a6ef0f6f7f9e10", Message: "Fix it\n\nAt length.", Author: "A. Author",
			Committer: "C. Committer", Committed: started.Add(-time.Minute),
			CompareURL: "https://github.com/example/widget/compare/a...b",
		},
	}
}
