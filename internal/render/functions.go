package render

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"text/template"
	"unicode/utf8"

	"github.com/travishook/travishook/internal/text"
)

// function is a function of Go templates.
type function struct {
	Name  string
	Usage string
	Doc   string
	// bind returns the function for one rendering's budget; nil for text/template's own.
	bind func(*budget) any
}

// functions has all of them. None reads a clock, a file, the environment or a random number, and each is
// charged to the rendering's budget.
var functions = []function{
	{Name: "link", Usage: `link .build_url "the build"`, Doc: "a link with the text; the text alone if the URL is empty", bind: func(b *budget) any { return b.link }},
	{Name: "upper", Usage: `upper .status`, Doc: "upper case", bind: convert(strings.ToUpper)},
	{Name: "lower", Usage: `lower .branch`, Doc: "lower case", bind: convert(strings.ToLower)},
	{Name: "truncate", Usage: `truncate 50 .commit_subject`, Doc: "at most that many characters; the last one is `…` if the text was truncated", bind: func(b *budget) any { return b.truncate }},
	{Name: "default", Usage: `default "no author" .author`, Doc: "the first if the second is empty or zero", bind: func(*budget) any { return fallback }},
	{Name: "replace", Usage: `replace "_" " " .event`, Doc: "replaces every occurrence of the first with the second", bind: func(b *budget) any { return b.replace }},
	{Name: "trimPrefix", Usage: `trimPrefix "release/" .branch`, Doc: "without the prefix", bind: trim(strings.TrimPrefix)},
	{Name: "trimSuffix", Usage: `trimSuffix ".x" .branch`, Doc: "without the suffix", bind: trim(strings.TrimSuffix)},
	{Name: "contains", Usage: `contains "fix" .commit_subject`, Doc: "whether the first occurs in the second", bind: compare(strings.Contains)},
	{Name: "hasPrefix", Usage: `hasPrefix "release/" .branch`, Doc: "whether the second begins with the first", bind: compare(strings.HasPrefix)},
	{Name: "hasSuffix", Usage: `hasSuffix ".x" .branch`, Doc: "whether the second ends with the first", bind: compare(strings.HasSuffix)},
	{Name: "urlquery", Usage: `urlquery .branch`, Doc: "escaped for a URL", bind: convert(url.QueryEscape)},
	{Name: "print", Usage: `print .build_number "!"`, Doc: "its arguments as one string", bind: func(b *budget) any { return b.print }},
	{Name: "printf", Usage: `printf "%s@%s" .repository .branch`, Doc: "formatted; widths of at most two digits", bind: func(b *budget) any { return b.printf }},
	{Name: "eq", Usage: `eq .event "fixed" "passed"`, Doc: "whether the first equals one of the others"},
	{Name: "ne", Usage: `ne .build_type "cron"`, Doc: "whether two differ"},
	{Name: "lt", Usage: `lt .duration_seconds 60`, Doc: "less than; also `le`, `gt`, `ge`"},
	{Name: "le", Usage: `le .duration_seconds 60`, Doc: "less or equal"},
	{Name: "gt", Usage: `gt .duration_seconds 600`, Doc: "greater than"},
	{Name: "ge", Usage: `ge .duration_seconds 600`, Doc: "greater or equal"},
	{Name: "and", Usage: `and .pull_request (eq .event "fixed")`, Doc: "the first that is empty, or the last"},
	{Name: "or", Usage: `or .tag .branch`, Doc: "the first that is not empty, or the last"},
	{Name: "not", Usage: `not .pull_request`, Doc: "whether it is empty, zero or false"},
	{Name: "len", Usage: `len .jobs`, Doc: "the number of jobs, or of bytes of a string"},
	{Name: "index", Usage: `index .jobs 0`, Doc: "the element at an index"},
}

// funcMap returns the functions that text/template lacks, or has without a limit.
func funcMap(b *budget) template.FuncMap {
	m := template.FuncMap{}
	for _, f := range functions {
		if f.bind != nil {
			m[f.Name] = f.bind(b)
		}
	}
	return m
}

// Marks that link puts around its parts. They cannot come from elsewhere: control characters are removed
// from values and refused in templates.
const (
	linkStart = "\x1d"
	linkText  = "\x1e"
	linkEnd   = "\x1f"
)

func (b *budget) link(address, shown any) (string, error) {
	s := str(shown)
	if u := webURL(str(address)); u != "" {
		s = linkStart + u + linkText + s + linkEnd
	}
	return b.made(0, s)
}

func str(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return fmt.Sprint(v)
}

// convert, trim and compare bind functions of package strings.
func convert(f func(string) string) func(*budget) any {
	return func(b *budget) any {
		return func(v any) (string, error) {
			s := str(v)
			return b.made(len(s), f(s))
		}
	}
}

func trim(f func(s, part string) string) func(*budget) any {
	return func(b *budget) any {
		return func(part string, v any) (string, error) {
			s := str(v)
			return b.made(len(s), f(s, part))
		}
	}
}

func compare(f func(s, part string) bool) func(*budget) any {
	return func(b *budget) any {
		return func(part string, v any) (bool, error) {
			s := str(v)
			if err := b.take(len(s) + len(part)); err != nil {
				return false, err
			}
			return f(s, part), nil
		}
	}
}

func (b *budget) truncate(n int, v any) (string, error) {
	if n < 1 {
		return "", fmt.Errorf("cannot truncate to %d characters", n)
	}
	s := str(v)
	if utf8.RuneCountInString(s) <= n {
		return b.made(len(s), s)
	}
	return b.made(len(s), text.TruncateRunes(s, n))
}

func fallback(instead, v any) any {
	if truth, ok := template.IsTrue(v); ok && truth {
		return v
	}
	return instead
}

func (b *budget) replace(old, by string, v any) (string, error) {
	s := str(v)
	if n := strings.Count(s, old); len(s)+n*len(by) > maxText {
		return "", fmt.Errorf("makes a string longer than the limit of %d bytes", maxText)
	}
	return b.made(len(s), strings.ReplaceAll(s, old, by))
}

func (b *budget) print(args ...any) (string, error) { return b.made(0, fmt.Sprint(args...)) }

// wide finds directives that make printf print far more than its arguments: a width or precision of three
// digits or from an argument, and repeated arguments.
var wide = regexp.MustCompile(`%[-+# 0]*([0-9]{3}|[0-9]*\.[0-9]{3}|[0-9.]*[*\[])`)

func (b *budget) printf(format string, args ...any) (string, error) {
	if len(format) > maxLine || wide.MatchString(format) {
		return "", fmt.Errorf("takes a short format, with widths of at most two digits and without * and [n]")
	}
	return b.made(len(format), fmt.Sprintf(format, args...))
}
