package render

import (
	"errors"
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"sync"
	"text/template"
	"text/template/parse"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/travis"
)

// goName is the template's name in text/template's errors.
const goName = "message"

// compileGo compiles a Go template. go_check.go checks its tree, which limits its run time: there is no
// recursion, and the only loop is over the build's jobs.
func compileGo(source string) (func(*travis.Event) ([]notify.Span, error), error) {
	tree := parse.New(goName)
	tree.Mode = parse.SkipFuncCheck // goChecker checks them, with positions
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
	t, err := template.New(goName).Funcs(funcMap(new(budget))).Option("missingkey=error").AddParseTree(goName, tree)
	if err != nil {
		return nil, parseError(source, err)
	}
	// The functions hold their budget, so each concurrent rendering needs its own.
	pool := sync.Pool{New: func() any { return newGoRendering(t) }}
	return func(e *travis.Event) ([]notify.Span, error) {
		r, ok := pool.Get().(*goRendering)
		if !ok || r.err != nil {
			return nil, errors.New("the template cannot be used again")
		}
		defer pool.Put(r)
		r.budget.reset()
		out := bounded{budget: &r.budget}
		if err := r.template.Execute(&out, data(e)); err != nil {
			return nil, runError(source, err)
		}
		return linked(out.String()), nil
	}, nil
}

// goRendering is a template whose functions are charged to its budget.
type goRendering struct {
	template *template.Template
	budget   budget
	err      error
}

func newGoRendering(t *template.Template) *goRendering {
	r := &goRendering{}
	if r.template, r.err = t.Clone(); r.err == nil {
		r.template.Funcs(funcMap(&r.budget))
	}
	return r
}

// bounded is a writer that fails when the text becomes too long or the rendering takes too long.
type bounded struct {
	strings.Builder
	budget *budget
}

var errTooLong = fmt.Errorf("the text is longer than the limit of %d bytes", maxText)

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxText {
		return 0, errTooLong
	}
	if err := b.budget.take(0); err != nil {
		return 0, err
	}
	return b.Builder.Write(p)
}

// linked converts text with link's marks to spans.
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

// unmarked removes control characters that a template made from string constants.
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

// parseError adds the column, which text/template does not report: it is the column of the text that the
// error quotes, within the action that causes the error.
func parseError(source string, err error) error {
	m := parseFault.FindStringSubmatch(err.Error())
	if m == nil {
		return err
	}
	n, _ := strconv.Atoi(m[1])
	offset := lineStart(source, n)
	row, _, _ := strings.Cut(source[offset:], "\n")
	column := faultyAction(source, offset, row, m[2])
	for _, q := range quoted.FindAllStringSubmatch(m[2], -1) {
		if i := strings.Index(row[column:], q[1]+q[2]); i >= 0 {
			column += i
			break
		}
	}
	return at(source, offset+column, "%s", plainWords(m[2]))
}

// faultyAction finds the action of a line that causes the error: the first one up to which the source
// gives the same error as the whole. It returns its offset, or 0 if there is none.
func faultyAction(source string, offset int, row, fault string) int {
	var starts, ends []int
	for at := 0; ; {
		i := strings.Index(row[at:], "{{")
		if i < 0 {
			break
		}
		starts = append(starts, at+i)
		if at += i; !strings.Contains(row[at:], "}}") {
			ends = append(ends, len(row))
			break
		}
		at += strings.Index(row[at:], "}}") + len("}}")
		ends = append(ends, at)
	}
	if len(starts) == 0 {
		return 0
	}
	first := sort.Search(len(starts), func(i int) bool {
		tree := parse.New(goName)
		tree.Mode = parse.SkipFuncCheck
		_, err := tree.Parse(source[:offset+ends[i]], "", "", map[string]*parse.Tree{})
		return err != nil && strings.HasSuffix(err.Error(), fault)
	})
	return starts[min(first, len(starts)-1)]
}

var (
	callFault  = regexp.MustCompile(`error calling \w+: `)
	fieldFault = regexp.MustCompile(`can't evaluate field (\w+) in type .*`)
)

// plainWords rewrites an error of text/template without Go's terms.
func plainWords(fault string) string {
	fault = callFault.ReplaceAllString(fault, "")
	fault = fieldFault.ReplaceAllString(fault, "there is no field $1 here")
	switch fault {
	case "unexpected EOF":
		fault = "an {{end}} is missing: each if, with and range needs one"
	case "unclosed action":
		fault = "an action is not closed: add }}"
	}
	return line(fault)
}

// runError returns the position and the reason of a template's failure, without text/template's prefix.
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
	return at(source, lineStart(source, n)+column, "%s", plainWords(m[3]))
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
