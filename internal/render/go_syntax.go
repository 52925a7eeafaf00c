package render

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/travis"
)

// goName is the template's name in text/template's errors.
const goName = "message"

// compileGo reads a Go template. What it may do is checked in its tree (go_check.go), which
// bounds its run: there is no recursion, and the only loop is one over the build's jobs.
func compileGo(source string) (func(*travis.Event) ([]notify.Span, error), error) {
	tree := parse.New(goName)
	tree.Mode = parse.SkipFuncCheck // goChecker does, and says where
	set := map[string]*parse.Tree{}
	tree, err := tree.Parse(source, "", "", set)
	if err != nil {
		return nil, parseError(source, err)
	}
	if len(set) > 1 {
		return nil, at(source, strings.Index(source, "{{"), "define and block are not available: a message is one template")
	}
	check := goChecker{source: source, weight: 1}
	if err := check.list(tree.Root, rootScope); err != nil {
		return nil, err
	}
	t, err := template.New(goName).Funcs(funcMap()).Option("missingkey=error").AddParseTree(goName, tree)
	if err != nil {
		return nil, parseError(source, err)
	}
	return func(e *travis.Event) ([]notify.Span, error) {
		var out capped
		if err := t.Execute(&out, data(e)); err != nil {
			return nil, runError(source, err)
		}
		return linked(out.String()), nil
	}, nil
}

// capped is a text that ends in an error when it grows too long.
type capped struct{ strings.Builder }

var errTooLong = fmt.Errorf("the text comes out longer than the limit of %d bytes", maxText)

func (c *capped) Write(p []byte) (int, error) {
	if c.Len()+len(p) > maxText {
		return 0, errTooLong
	}
	return c.Builder.Write(p)
}

// linked takes the marks of link out again.
func linked(s string) []notify.Span {
	var spans []notify.Span
	for {
		before, rest, found := strings.Cut(s, linkStart)
		spans = append(spans, notify.Span{Text: unmarked(before)})
		if !found {
			return spans
		}
		inner, after, _ := strings.Cut(rest, linkEnd)
		address, shown, _ := strings.Cut(inner, linkText)
		spans = append(spans, notify.Span{Text: unmarked(shown), URL: webURL(address)})
		s = after
	}
}

// unmarked drops control characters that a template made out of string constants.
func unmarked(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unprintable(r) {
			return -1
		}
		return r
	}, s)
}

var (
	parseFault = regexp.MustCompile(`^template: ` + goName + `:(\d+): (?s:(.*))$`)
	runFault   = regexp.MustCompile(`^template: ` + goName + `:(\d+):(\d+): executing "` + goName + `" at (?s:(.*))$`)
	quoted     = regexp.MustCompile(`"((?:[^"\\]|\\.)+)"|<([^>]+)>`)
)

// parseError finds the column, which text/template does not tell: it is where the thing that
// the error quotes stands on its line, else where that line's first action begins.
func parseError(source string, err error) error {
	m := parseFault.FindStringSubmatch(err.Error())
	if m == nil {
		return err
	}
	n, _ := strconv.Atoi(m[1])
	offset := lineStart(source, n)
	row, _, _ := strings.Cut(source[offset:], "\n")
	column := max(strings.Index(row, "{{"), 0)
	for _, q := range quoted.FindAllStringSubmatch(m[2], -1) {
		if i := strings.Index(row[column:], q[1]+q[2]); i >= 0 {
			column += i
			break
		}
	}
	return at(source, offset+column, "%s", line(m[2]))
}

// runError tells where a template failed, without text/template's words around it.
func runError(source string, err error) error {
	if errors.Is(err, errTooLong) {
		return errTooLong
	}
	m := runFault.FindStringSubmatch(err.Error())
	if m == nil {
		return errors.New(line(err.Error()))
	}
	n, _ := strconv.Atoi(m[1])
	column, _ := strconv.Atoi(m[2])
	return at(source, lineStart(source, n)+column, "%s", line(m[3]))
}

// lineStart is the offset at which the nth line begins.
func lineStart(source string, n int) int {
	offset := 0
	for range n - 1 {
		i := strings.IndexByte(source[offset:], '\n')
		if i < 0 {
			break
		}
		offset += i + 1
	}
	return offset
}
