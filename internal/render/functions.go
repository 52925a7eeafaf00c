package render

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"text/template"
	"unicode/utf8"
)

// Function is one that a Go template may use.
type Function struct {
	Name  string
	Usage string
	Doc   string
	call  any // nil: text/template's own
}

// Functions are all of them. None reads a clock, a file, the environment or chance, and none
// makes a string longer than the bound on the whole text.
func Functions() []Function { return functions }

var functions = []Function{
	{Name: "link", Usage: `link .build_url "the build"`, Doc: "text that leads to an address; text alone where the address is empty", call: link},
	{Name: "upper", Usage: `upper .status`, Doc: "capital letters", call: wrap(strings.ToUpper)},
	{Name: "lower", Usage: `lower .branch`, Doc: "small letters", call: wrap(strings.ToLower)},
	{Name: "truncate", Usage: `truncate 50 .commit_subject`, Doc: "at most so many characters, the last one `…` where something was cut off", call: truncate},
	{Name: "default", Usage: `default "no author" .author`, Doc: "the first where the second is empty or zero", call: fallback},
	{Name: "replace", Usage: `replace "_" " " .event`, Doc: "every occurrence of the first by the second", call: replace},
	{Name: "trimPrefix", Usage: `trimPrefix "release/" .branch`, Doc: "without that beginning", call: func(prefix string, s any) string { return strings.TrimPrefix(str(s), prefix) }},
	{Name: "trimSuffix", Usage: `trimSuffix ".x" .branch`, Doc: "without that end", call: func(suffix string, s any) string { return strings.TrimSuffix(str(s), suffix) }},
	{Name: "contains", Usage: `contains "fix" .commit_subject`, Doc: "whether the first occurs in the second", call: func(part string, s any) bool { return strings.Contains(str(s), part) }},
	{Name: "hasPrefix", Usage: `hasPrefix "release/" .branch`, Doc: "whether the second begins with the first", call: func(prefix string, s any) bool { return strings.HasPrefix(str(s), prefix) }},
	{Name: "hasSuffix", Usage: `hasSuffix ".x" .branch`, Doc: "whether the second ends with the first", call: func(suffix string, s any) bool { return strings.HasSuffix(str(s), suffix) }},
	{Name: "urlquery", Usage: `urlquery .branch`, Doc: "escaped for an address", call: wrap(url.QueryEscape)},
	{Name: "print", Usage: `print .build_number "!"`, Doc: "its arguments as one string", call: func(args ...any) (string, error) { return bound(fmt.Sprint(args...)) }},
	{Name: "printf", Usage: `printf "%s@%s" .repository .branch`, Doc: "formatted; widths of at most two digits", call: printf},
	{Name: "eq", Usage: `eq .event "fixed" "passed"`, Doc: "whether the first equals one of the others"},
	{Name: "ne", Usage: `ne .build_type "cron"`, Doc: "whether two differ"},
	{Name: "lt", Usage: `lt .duration_seconds 60`, Doc: "less than; also `le`, `gt`, `ge`"},
	{Name: "le", Usage: `le .duration_seconds 60`, Doc: "less or equal"},
	{Name: "gt", Usage: `gt .duration_seconds 600`, Doc: "greater than"},
	{Name: "ge", Usage: `ge .duration_seconds 600`, Doc: "greater or equal"},
	{Name: "and", Usage: `and .pull_request (eq .event "fixed")`, Doc: "the first that is empty, or the last"},
	{Name: "or", Usage: `or .tag .branch`, Doc: "the first that is not empty, or the last"},
	{Name: "not", Usage: `not .pull_request`, Doc: "whether it is empty, zero or false"},
	{Name: "len", Usage: `len .jobs`, Doc: "how many jobs, or bytes of a string"},
	{Name: "index", Usage: `index .jobs 0`, Doc: "one of several"},
}

// funcMap are those that text/template does not have, or has without a bound.
func funcMap() template.FuncMap {
	m := template.FuncMap{}
	for _, f := range functions {
		if f.call != nil {
			m[f.Name] = f.call
		}
	}
	return m
}

// Marks that link puts around its parts. No value and no template holds them: control
// characters are taken out of the one and refused in the other.
const (
	linkStart = "\x1d"
	linkText  = "\x1e"
	linkEnd   = "\x1f"
)

func link(address, shown any) (string, error) {
	u := webURL(str(address))
	if u == "" {
		return bound(str(shown))
	}
	return bound(linkStart + u + linkText + str(shown) + linkEnd)
}

func str(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return fmt.Sprint(v)
}

// bound refuses what is too long, for a template that doubles a string often enough would
// otherwise take all memory.
func bound(s string) (string, error) {
	if len(s) > maxText {
		return "", fmt.Errorf("makes a string of %d bytes; the limit is %d", len(s), maxText)
	}
	return s, nil
}

func wrap(f func(string) string) any {
	return func(s any) (string, error) { return bound(f(str(s))) }
}

func truncate(n int, s any) (string, error) {
	if n < 1 {
		return "", fmt.Errorf("cannot truncate to %d characters", n)
	}
	text := str(s)
	if utf8.RuneCountInString(text) <= n {
		return text, nil
	}
	return string([]rune(text)[:n-1]) + "…", nil
}

func fallback(instead, v any) any {
	if truth, ok := template.IsTrue(v); ok && truth {
		return v
	}
	return instead
}

func replace(old, by string, s any) (string, error) {
	text := str(s)
	if n := strings.Count(text, old); len(text)+n*len(by) > maxText {
		return "", fmt.Errorf("makes a string longer than the limit of %d bytes", maxText)
	}
	return strings.ReplaceAll(text, old, by), nil
}

// wide finds what makes printf print more than it is given: a width or precision of three
// digits, one taken from an argument, and an argument used again.
var wide = regexp.MustCompile(`%[-+# 0]*([0-9]{3}|[0-9]*\.[0-9]{3}|[0-9.]*[*\[])`)

func printf(format string, args ...any) (string, error) {
	if len(format) > maxLine || wide.MatchString(format) {
		return "", fmt.Errorf("takes a short format, with widths of at most two digits and without * and [n]")
	}
	return bound(fmt.Sprintf(format, args...))
}
