package render

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/travis"
)

// Syntax is the syntax of a template.
type Syntax string

// The syntaxes. The empty one is Travis.
const (
	Travis Syntax = "Travis" // %{variable}, and <address|text> for a link
	Go     Syntax = "Go"     // text/template with the same variables
)

// MaxTemplate is the longest template, in bytes: four for each character that the API allows.
const MaxTemplate = 16 << 10

// Template is a message's text, compiled. It may be used by many goroutines at once.
type Template struct {
	render func(*travis.Event) ([]notify.Span, error)
}

// Error is a mistake in a template with its position. Line and Column count from 1, the column in
// characters.
type Error struct {
	Line, Column int
	Problem      string
}

func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Problem)
}

// Compile compiles a template. The error is an *Error if the mistake has a position.
func Compile(source string, syntax Syntax) (*Template, error) {
	if len(source) > MaxTemplate {
		return nil, fmt.Errorf("the text is %d bytes long; the limit is %d", len(source), MaxTemplate)
	}
	source = strings.ReplaceAll(source, "\r\n", "\n")
	if err := refuseControls(source); err != nil {
		return nil, err
	}
	var render func(*travis.Event) ([]notify.Span, error)
	var err error
	switch syntax {
	case Travis, "":
		render, err = compileTravis(source)
	case Go:
		render, err = compileGo(source)
	default:
		err = fmt.Errorf("there is no syntax %q; use %s or %s", syntax, Travis, Go)
	}
	if err != nil {
		return nil, err
	}
	return &Template{render: guarded(render)}, nil
}

// Failing returns a template that fails with err on every event, so that the default text is sent. It
// replaces a template that does not compile.
func Failing(err error) *Template {
	return &Template{render: func(*travis.Event) ([]notify.Span, error) { return nil, err }}
}

// Check compiles a template and checks it.
func Check(text string, syntax Syntax) error {
	t, err := Compile(text, syntax)
	if err != nil {
		return err
	}
	return t.Check()
}

// Check renders a sample of every event and build type, and returns the first mistake.
func (t *Template) Check() error {
	for _, s := range Samples() {
		if _, err := t.render(&s.Event); err != nil {
			return fmt.Errorf("with the sample %q: %w", s.Name, err)
		}
	}
	return nil
}

// guarded applies the same limits to both syntaxes. A panic becomes an error, because the store would hand
// out the same event again after every restart.
func guarded(render func(*travis.Event) ([]notify.Span, error)) func(*travis.Event) ([]notify.Span, error) {
	return func(e *travis.Event) (spans []notify.Span, err error) {
		defer func() {
			if p := recover(); p != nil {
				spans, err = nil, fmt.Errorf("internal error with event %q (%T)", e.Build.Result, p)
			}
		}()
		spans, err = render(e)
		if err != nil {
			return nil, err
		}
		spans = tidy(spans)
		switch size := len(plain(spans)); {
		case size == 0:
			return nil, fmt.Errorf("the text is empty for event %q", e.Build.Result)
		case size > maxText:
			return nil, fmt.Errorf("the text has %d bytes; the limit is %d", size, maxText)
		}
		return spans, nil
	}
}

// tidy joins adjacent spans without a link and trims space from both ends, such as the line break that
// YAML adds after a block of text.
func tidy(spans []notify.Span) []notify.Span {
	var out []notify.Span
	for _, s := range spans {
		if s.Text == "" {
			s.Text = s.URL
		}
		last := len(out) - 1
		switch {
		case s.Text == "":
		case last >= 0 && s.URL == "" && out[last].URL == "":
			out[last].Text += s.Text
		default:
			out = append(out, s)
		}
	}
	for len(out) > 0 {
		if out[0].Text = strings.TrimLeftFunc(out[0].Text, unicode.IsSpace); out[0].Text != "" {
			break
		}
		out = out[1:]
	}
	for last := len(out) - 1; last >= 0; last-- {
		if out[last].Text = strings.TrimRightFunc(out[last].Text, unicode.IsSpace); out[last].Text != "" {
			break
		}
		out = out[:last]
	}
	return out
}

func refuseControls(source string) error {
	for i, r := range source {
		if r != '\n' && r != '\t' && unprintable(r) || r == utf8.RuneError {
			return at(source, i, "a control character or invalid UTF-8 (%U): remove it", r)
		}
	}
	return nil
}

// at returns the mistake at an offset in bytes.
func at(source string, offset int, format string, args ...any) *Error {
	before := source[:min(offset, len(source))]
	start := strings.LastIndexByte(before, '\n') + 1
	return &Error{
		Line:    strings.Count(before, "\n") + 1,
		Column:  utf8.RuneCountInString(before[start:]) + 1,
		Problem: fmt.Sprintf(format, args...),
	}
}
