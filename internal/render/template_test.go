package render

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/travis"
)

func TestCompileReportsThePosition(t *testing.T) {
	tests := []struct {
		name, source string
		syntax       Syntax
		want         string
	}{
		{"a misspelt variable", "ok\nüber %{comit}", Travis, `line 2, column 6: there is no variable "comit"; did you mean %{commit}?`},
		{"a variable like no other", "%{xyzzy}", Travis, `line 1, column 1: there is no variable "xyzzy"`},
		{"a variable that does not end", "a %{branch", Travis, "line 1, column 3: a variable is not closed: write %{name}"},
		{"a variable for the other syntax", "%{jobs}", Travis, `line 1, column 1: "jobs" is for Go templates only (syntax: Go)`},
		{"a link that does not end", "see <%{build_url}|here", Travis, "line 1, column 5: a link is not closed: write <url|text> on one line"},
		{"a mistake within a link", "<https://a.example|%{brunch}>", Travis, `line 1, column 20: there is no variable "brunch"; did you mean %{branch}?`},
		{"a control character", "a\x1db", Travis, "line 1, column 2: a control character or invalid UTF-8 (U+001D): remove it"},
		{"a misspelt field", "a\nü {{.comit}}", Go, `line 2, column 5: there is no variable "comit"; did you mean .commit?`},
		{"a misspelt field of the root", "{{range .jobs}}{{$.comit}}{{end}}", Go, `line 1, column 19: there is no variable "comit"; did you mean .commit?`},
		{"a misspelt field of a job", "{{range .jobs}}{{.stat}}{{end}}", Go, `line 1, column 18: there is no variable "stat"; did you mean .state?`},
		{"an unknown function", "{{ uper .branch }}", Go, `line 1, column 4: there is no function "uper"; did you mean upper?`},
		{"a function that text/template has", "{{js .branch}}", Go, `line 1, column 3: there is no function "js"`},
		{"an unfinished action", "a\n  {{if .branch}}", Go, "line 2, column 3: an {{end}} is missing: each if, with and range needs one"},
		{"a mistake in the second action of a line", "{{.branch}} a {{if}}x{{end}}", Go, "line 1, column 15: missing value for if"},
		{"an action that does not end", "{{.branch}} a {{.tag", Go, "line 1, column 15: an action is not closed: add }}"},
		{"a stray character", "a {{.branch ^}}", Go, `line 1, column 13: unexpected "^" in operand`},
		{"a loop without bound", "{{range 1000000000}}{{end}}", Go, "line 1, column 9: range can only iterate over .jobs"},
		{"a loop in a loop", "{{range .jobs}}{{if .id}}{{range $.jobs}}{{end}}{{end}}{{end}}", Go, "line 1, column 9: range cannot be nested"},
		{"recursion", `{{define "a"}}{{template "a"}}{{end}}{{template "a"}}`, Go, "line 1, column 1: define and block are not available: a message is one template"},
		{"a template of its own name", `x{{template "message"}}`, Go, "line 1, column 13: template is not available: a message is one template"},
		{"too much work in a loop", "{{range .jobs}}" + strings.Repeat("{{lower .state}}", 11) + "{{end}}", Go, "line 1, column 178: too many function calls: the limit is 500, and one within range counts as 50"},
		{"a syntax that is none", "a", "Jinja", `there is no syntax "Jinja"; use Travis or Go`},
		{"too long", strings.Repeat("a", MaxTemplate+1), Travis, "the text is 16385 bytes long; the limit is 16384"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Compile(tt.source, tt.syntax)
			if err == nil {
				t.Fatal("compiled")
			}
			if !strings.HasPrefix(err.Error(), tt.want) {
				t.Error(cmp.Diff(tt.want, err.Error()))
			}
		})
	}
}

func TestCheckFindsMistakesAtRunTime(t *testing.T) {
	tests := []struct {
		name, source string
		syntax       Syntax
		want         string
	}{
		{"an index out of range", "{{.branch}}\n{{index .jobs 7}}", Go,
			`with the sample "pending, push": line 2, column 3: <index .jobs 7>: index out of range: 7`},
		{"a comparison of unlike things", `{{if .pull_request}}{{gt .branch 1}}{{else}}x{{end}}`, Go,
			`with the sample "pending, pull request": line 1, column 23: <gt .branch 1>: incompatible types for comparison`},
		{"no text for some", `{{if eq .event "fixed"}}fixed{{end}}`, Go,
			`with the sample "pending, push": the text is empty for event "pending"`},
		{"no text for some builds", " %{pull_request_url} ", Travis,
			`with the sample "pending, push": the text is empty for event "pending"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := compile(t, tt.source, tt.syntax).Check()
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got  %s\nwant %s", err, tt.want)
			}
		})
	}
}

// TestTemplatesStayBounded runs templates that would hang or take all memory in a plain text/template.
func TestTemplatesStayBounded(t *testing.T) {
	event := sampleEvent(travis.Passed, travis.Push)
	for range 10 * maxJobs {
		event.Jobs = append(event.Jobs, travis.Job{Number: strings.Repeat("9", 10_000)})
	}
	double := "{{$x := .repository}}" + strings.Repeat("{{$x = print $x $x}}", 60) + "{{$x}}"
	for name, source := range map[string]string{
		"doubling":         double,
		"doubling in loop": "{{$x := .repository}}{{range .jobs}}{{$x = print $x $x}}{{end}}{{$x}}",
		"a wide number":    `{{printf "%2000000000d" 1}}`,
		"a wide precision": `{{printf "%.2000000000d" 1}}`,
		"a padded width":   `{{printf "%+00002000000000d" 1}}`,
		"a starred width":  `{{printf "%*d" 2000000000 1}}`,
		"an argument over and over": `{{$x := .repository}}` + strings.Repeat("{{$x = print $x $x}}", 11) +
			`{{printf "` + strings.Repeat("%[1]s", 60) + `" $x}}`,
		"much work":         `{{$x := .repository}}` + strings.Repeat("{{$x = print $x $x}}", 9) + strings.Repeat("{{$x = lower $x}}", 400) + "{{.branch}}",
		"replacing nothing": `{{$x := .repository}}` + strings.Repeat("{{$x = print $x $x}}", 11) + `{{replace "" $x $x}}`,
		"a long text":       strings.Repeat("{{range .jobs}}{{.number}}{{end}}", 20),
	} {
		t.Run(name, func(t *testing.T) {
			m, err := Message(compile(t, source, Go), event)
			if err == nil {
				t.Fatalf("rendered %d bytes", len(m.Text))
			}
			if !strings.HasPrefix(m.Text, "[Travis-CI] [example/example] build/123: passed") {
				t.Errorf("the default text did not go out, but %q", m.Text)
			}
		})
	}
}

// TestCheckingHostileTemplatesIsCheap measures the bytes that checking a template of maximum length
// allocates: the work of a few renderings, not of the 500 calls on 16 kB in each.
func TestCheckingHostileTemplatesIsCheap(t *testing.T) {
	for name, source := range hostileTemplates() {
		syntax := Go
		if strings.HasPrefix(name, "Travis") {
			syntax = Travis
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		tmpl, err := Compile(source, syntax)
		if err == nil {
			err = tmpl.Check()
		}
		runtime.ReadMemStats(&after)
		allocated := after.TotalAlloc - before.TotalAlloc
		if allocated > 32<<20 {
			t.Errorf("%s: checking allocates %d bytes (%v)", name, allocated, err)
		}
	}
}

// hostileTemplates use everything that a template may contain.
func hostileTemplates() map[string]string {
	fill := func(start, part string) string {
		return start + strings.Repeat(part, (4096-len(start)-len("{{.branch}}"))/len(part)) + "{{.branch}}"
	}
	long := `{{$x := print "` + strings.Repeat("a", 1000) + `"}}`
	return map[string]string{
		"long texts":       fill(long+"{{$x = print $x $x $x $x $x $x $x $x}}", "{{$x = lower $x}}"),
		"texts compared":   fill(long, `{{if eq $x $x}}{{end}}`),
		"lists as text":    fill("", `{{$y := upper .jobs}}`),
		"within the range": `{{range .jobs}}{{$x := printf "%s%s%s" .state .state .number}}{{$x = upper (lower $x)}}{{end}}{{.branch}}`,
		"Travis variables": strings.Repeat("%{commit_message}", 240),
		"Travis links":     strings.Repeat("<%{build_url}|%{commit_message}>", 120),
	}
}

func TestPrintfTakesOrdinaryText(t *testing.T) {
	source := `{{printf "*%s* [404] 2026: %-8s|%5.2f%%" .event .status 1.5}}`
	m, err := Message(compile(t, source, Go), sampleEvent(travis.Fixed, travis.Push))
	if want := "*fixed* [404] 2026: fixed   | 1.50%"; err != nil || m.Text != want {
		t.Errorf("got %q, %v; want %q", m.Text, err, want)
	}
}

// hostile is an event of a malicious pull request.
func hostile() travis.Event {
	e := sampleEvent(travis.Broken, travis.PullRequest)
	evil := "x\r\n[Travis-CI] [bank/vault] build/1: passed\x00\u2028\u202e\x1dhttps://evil.example\x1eclick\x1f <https://evil.example|click> %{author} {{.sha}} \xff"
	e.Build.Branch, e.Build.Number, e.Build.State = evil, evil, evil
	e.Commit.Author, e.Commit.Message, e.Commit.SHA = evil, evil, evil
	e.PullRequest.Title = strings.Repeat(evil, 1000)
	e.Build.URL, e.Commit.CompareURL = "javascript:alert(1)", "https://a.example/\nx|y>"
	return e
}

func TestStrangersForgeNothing(t *testing.T) {
	everyVariable := ""
	for _, name := range textVariables() {
		if name != "commit_message" {
			everyVariable += "%{" + name + "} "
		}
	}
	templates := map[string]*Template{
		"default": nil,
		"Travis":  compile(t, everyVariable, Travis),
		"Go":      compile(t, `{{.branch}} {{link .build_url .branch}} {{link "https://ok.example" .pull_request_title}} {{.author}}`, Go),
	}
	for name, tmpl := range templates {
		t.Run(name, func(t *testing.T) {
			m, err := Message(tmpl, hostile())
			if err != nil {
				t.Fatal(err)
			}
			first, jobs, _ := strings.Cut(m.Text, "\n") // of the default text
			texts := []string{first, jobs}
			for _, j := range m.FailedJobs {
				texts = append(texts, j.Name, j.URL)
			}
			for _, s := range m.Spans {
				texts = append(texts, s.Text)
				if strings.Contains(s.URL, "evil") || strings.Contains(s.URL, "javascript") {
					t.Errorf("a stranger made a link to %q", s.URL)
				}
			}
			for _, f := range m.Fields {
				texts = append(texts, f.Value.Text, f.Value.URL)
			}
			for _, text := range texts {
				if i := strings.IndexFunc(text, unprintable); i >= 0 {
					t.Errorf("an unprintable character is left at %d of %q", i, text)
				}
			}
		})
	}
}

func TestCommitMessageKeepsItsLinesOnly(t *testing.T) {
	e := hostile()
	e.Commit.Message = "one\r\ntwo\x00\x1b[31m\nthree"
	m, err := Message(compile(t, "%{commit_message}", Travis), e)
	if err != nil {
		t.Fatal(err)
	}
	if want := "one\ntwo [31m\nthree"; m.Text != want {
		t.Errorf("got %q, want %q", m.Text, want)
	}
}

func TestLongTextEndsWithAnEllipsis(t *testing.T) {
	for name, test := range map[string]struct{ got, want string }{
		"a line of the largest length": {line(strings.Repeat("ä", maxLine-1)), strings.Repeat("ä", maxLine-1)},
		"a longer line":                {line(strings.Repeat("a", maxLine+1)), strings.Repeat("a", maxLine-1) + "…"},
		"a longer message":             {lines(strings.Repeat("a\n", maxMessage)), strings.Repeat("a\n", maxMessage)[:maxMessage-1] + "…"},
	} {
		if test.got != test.want {
			t.Errorf("%s is %q, want %q", name, test.got, test.want)
		}
	}
}

func TestFailedJobsAreNamedUpToALimit(t *testing.T) {
	e := sampleEvent(travis.Failed, travis.Push)
	e.Jobs = []travis.Job{{Number: "7.0", State: "passed"}, {Number: "7.1", State: "failed", AllowFailure: true}}
	var want []notify.Job
	for n := range maxFailedJobs {
		name := fmt.Sprint("job ", n)
		e.Jobs = append(e.Jobs, travis.Job{Name: name, State: "errored"})
		want = append(want, notify.Job{Name: name})
	}
	if diff := cmp.Diff(append(want, notify.Job{Name: "1 more"}), failedJobs(&e)); diff != "" {
		t.Errorf("nine failed jobs (-want +got):\n%s", diff)
	}
	e.Jobs = e.Jobs[:len(e.Jobs)-1]
	want[maxFailedJobs-1] = notify.Job{Name: "7.1", Allowed: true}
	if diff := cmp.Diff(want, failedJobs(&e)); diff != "" {
		t.Errorf("eight failed jobs (-want +got):\n%s", diff)
	}
	e.Build.Result = travis.Passed
	if got := failedJobs(&e); got != nil {
		t.Errorf("a build that passed has the failed jobs %v", got)
	}
}

func TestLinks(t *testing.T) {
	e := sampleEvent(travis.Passed, travis.Push)
	e.Build.URL, e.Build.Branch = "https://ci.example/1", "<https://evil.example|main>"
	build := notify.Span{Text: "#123", URL: "https://ci.example/1"}
	tests := []struct {
		name, source string
		syntax       Syntax
		want         []notify.Span
		text         string
	}{
		{"Travis", "a <%{build_url}|#%{build_number}> b", Travis, []notify.Span{{Text: "a "}, build, {Text: " b"}}, "a #123 (https://ci.example/1) b"},
		{"Travis, address alone", "<%{build_url}>", Travis, []notify.Span{{Text: e.Build.URL, URL: e.Build.URL}}, e.Build.URL},
		{"Travis, an event's own", "%{branch} <3", Travis, []notify.Span{{Text: "<https://evil.example|main> <3"}}, "<https://evil.example|main> <3"},
		{"Travis, no address", "x <%{pull_request_url}|PR>", Travis, []notify.Span{{Text: "x PR"}}, "x PR"},
		{"Go", `a {{link .build_url (print "#" .build_number)}} b`, Go, []notify.Span{{Text: "a "}, build, {Text: " b"}}, "a #123 (https://ci.example/1) b"},
		{"Go, an event's own", `{{.branch}}`, Go, []notify.Span{{Text: e.Build.Branch}}, e.Build.Branch},
		{"Go, no address", `x {{link .pull_request_url "PR"}}`, Go, []notify.Span{{Text: "x PR"}}, "x PR"},
		{"Go, marks made by hand", "{{print \"\\x1dhttps://a.example\\x1ehere\"}}", Go, []notify.Span{{Text: "here", URL: "https://a.example"}}, "here (https://a.example)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := Message(compile(t, tt.source, tt.syntax), e)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, m.Spans); diff != "" {
				t.Error(diff)
			}
			if m.Text != tt.text {
				t.Errorf("text %q, want %q", m.Text, tt.text)
			}
		})
	}
}

func TestVariablesMeanWhatTravisMeans(t *testing.T) {
	e := sampleEvent(travis.Fixed, travis.Push)
	e.Build.Duration = 2*time.Hour + 65*time.Second
	bare := travis.Event{Build: travis.Build{Result: travis.Pending, State: "started"}}
	fork := sampleEvent(travis.Passed, travis.PullRequest)
	fork.Commit.CompareURL = "https://git.example/o/r/compare/a...b"
	tests := []struct {
		source string
		event  travis.Event
		want   string
	}{
		{"%{duration}", e, "121 min 5 sec"},
		{"%{elapsed_time}", e, "1 min 0 sec"},
		{"%{message}", e, "The build was fixed."},
		{"%{result} %{event}", e, "passed fixed"},
		{"%{commit} %{commit_subject}", e, "62aae5f Keep the order of events"},
		{"%{pull_request}:%{pull_request_number}:%{pull_request_url}", e, "false::"},
		{"%{pull_request}:%{pull_request_number}:%{pull_request_url}", fork, "true:42:https://git.example/o/r/pull/42"},
		{"%{duration} %{elapsed_time} %{result} %{message}", bare, "? ? started The build is pending."},
		{"[%{commit}%{author}%{compare_url}%{build_url}]", bare, "[]"},
	}
	for _, tt := range tests {
		m, err := Message(compile(t, tt.source, Travis), tt.event)
		if err != nil {
			t.Errorf("%s: %v", tt.source, err)
		}
		if m.Text != tt.want {
			t.Errorf("%s: got %q, want %q", tt.source, m.Text, tt.want)
		}
	}
}

func TestDefaultTextOfSparseEvents(t *testing.T) {
	repo := travis.Repository{Owner: "a", Name: "b"}
	tests := []struct {
		event travis.Event
		want  string
	}{
		{travis.Event{Repository: repo, Build: travis.Build{Number: "1", Result: travis.Passed}}, "[Travis-CI] [a/b] build/1: passed for push."},
		{travis.Event{Repository: repo, Build: travis.Build{Number: "1", Result: travis.Failed, Type: travis.Cron}, Commit: travis.Commit{SHA: "abc"}}, "[Travis-CI] [a/b] build/1: failed for cron at abc."},
		{travis.Event{Repository: repo, Build: travis.Build{Number: "1", Result: travis.Errored, Type: travis.PullRequest}}, "[Travis-CI] [a/b] build/1: errored for a pull request."},
	}
	for _, tt := range tests {
		m, err := Message(nil, tt.event)
		if err != nil || m.Text != tt.want {
			t.Errorf("got %q, %v; want %q", m.Text, err, tt.want)
		}
	}
}

func TestAFailingTemplateLeavesTheDefaultText(t *testing.T) {
	_, broken := Compile("%{nothing}", Travis)
	m, err := Message(Failing(broken), sampleEvent(travis.Passed, travis.Push))
	if !errors.Is(err, broken) || !strings.HasPrefix(m.Text, "[Travis-CI] [example/example] build/123: passed for push to main") {
		t.Errorf("got %q, %v", m.Text, err)
	}
}

func TestErrorHasAPlace(t *testing.T) {
	_, err := Compile("a\n%{nothing}", Travis)
	var e *Error
	if !errors.As(err, &e) || e.Line != 2 || e.Column != 1 {
		t.Errorf("got %#v", err)
	}
}

func FuzzTemplate(f *testing.F) {
	for _, s := range []string{travisIRC, travisSlack, travisSlackPR, goTemplate, "{{", "%{", "<%{build_url}|", "{{link .build_url `\x1f`}}", "{{printf `%99d%[1]d` 1}}"} {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, source string, goSyntax bool) {
		syntax := Travis
		if goSyntax {
			syntax = Go
		}
		tmpl, err := Compile(source, syntax)
		if err != nil {
			return
		}
		m, err := Message(tmpl, hostile())
		if len(m.Text) == 0 || len(m.Text) > 2*maxText {
			t.Errorf("a text of %d bytes (%v)", len(m.Text), err)
		}
	})
}

func ExampleMessage() {
	m, _ := Message(nil, sampleEvent(travis.StillFailing, travis.Push))
	fmt.Println(m.Text)
	// Output: [Travis-CI] [example/example] build/123: still failing for push to main at 62aae5f. https://app.travis-ci.com/example/example/builds/277712204
	// Failed: unit tests, docs (allowed to fail)
}

func TestAPanicInATemplateLeavesTheDefaultText(t *testing.T) {
	faulty := &Template{render: guarded(func(*travis.Event) ([]notify.Span, error) { panic("oops") })}
	m, err := Message(faulty, Samples()[0].Event)
	if err == nil {
		t.Error("no error was returned")
	}
	if want, _ := Message(nil, Samples()[0].Event); m.Text != want.Text {
		t.Errorf("the text is %q, want %q", m.Text, want.Text)
	}
	if faulty.Check() == nil {
		t.Error("the check finds nothing")
	}
}
