package notify

import (
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/travishook/travishook/internal/text"
)

// maxLink limits the characters of a link's URL.
const maxLink = 600

// Markup lays out text in the markup of a service.
type Markup struct {
	// Escape returns text in which nothing is markup. It may lengthen the text, and must be safe for any part of it.
	Escape func(string) string
	// Link returns the markup of a link. words are escaped; target is one that Link returned.
	Link func(words, target string) string
	// Size counts text as the service does; nil for characters.
	Size func(string) int
}

// Line lays out spans, or the text if they are empty, of at most limit characters as Size counts them, with the markup.
// Line breaks are kept. The result is empty only if everything is.
func (m *Markup) Line(spans []Span, whole string, limit int) string {
	var b strings.Builder
	for _, s := range spans {
		s.Text = text.Lines(s.Text)
		part, complete := m.fit(s, limit)
		b.WriteString(part)
		if limit -= m.size(part); !complete {
			break
		}
	}
	if strings.TrimSpace(b.String()) == "" {
		part, _ := m.fit(Span{Text: text.Lines(whole)}, limit)
		return part
	}
	return b.String()
}

// Value lays out one line of at most limit characters as Size counts them, with the markup. Of a text longer
// than words characters the rest is cut.
func (m *Markup) Value(s Span, words, limit int) string {
	s.Text = text.OneLine(s.Text, words)
	part, _ := m.fit(s, limit)
	return part
}

// fit lays out s, cut to fit into limit.
func (m *Markup) fit(s Span, limit int) (part string, complete bool) {
	if s.Text == "" {
		return "", true
	}
	words := utf8.RuneCountInString(s.Text)
	// Escaping at most lengthens the text, so the first guess is often right.
	for keep := min(words, limit); keep > 0; {
		part = m.render(Span{Text: text.TruncateRunes(s.Text, keep), URL: s.URL})
		over := m.size(part) - limit
		if over <= 0 {
			return part, keep == words
		}
		keep -= max(1, over/8)
	}
	return "", false
}

func (m *Markup) render(s Span) string {
	target, ok := Link(s.URL)
	if !ok || strings.TrimSpace(s.Text) == "" {
		return m.Escape(s.Text)
	}
	return m.Link(m.Escape(strings.ReplaceAll(s.Text, "\n", " ")), target)
}

func (m *Markup) size(s string) int {
	if m.Size != nil {
		return m.Size(s)
	}
	return utf8.RuneCountInString(s)
}

// UTF16 counts the UTF-16 units of s.
func UTF16(s string) int {
	n := 0
	for _, r := range s {
		if n++; r > 0xffff {
			n++
		}
	}
	return n
}

// Link returns a URL that may be linked, http or https, without characters that end or change a link in any
// markup.
func Link(address string) (string, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || strings.ContainsAny(u.Host, `|<>"()@\ `) || u.Scheme != "https" && u.Scheme != "http" {
		return "", false
	}
	target := linkCharacters.Replace(u.String())
	return target, len(target) <= maxLink
}

var linkCharacters = strings.NewReplacer("|", "%7C", "<", "%3C", ">", "%3E", `"`, "%22", " ", "%20", "(", "%28", ")", "%29",
	"*", "%2A", "_", "%5F", "~", "%7E", "`", "%60", "@", "%40", "\\", "%5C", "$", "%24", "'", "%27", "{", "%7B", "}", "%7D", "!", "%21")

var (
	lineMark   = regexp.MustCompile(`(?m)^(\s*)([-+>#=])`)
	listNumber = regexp.MustCompile(`(?m)^(\s*[0-9]+)([.)])`)
	emoji      = regexp.MustCompile(`:([\w+-])`)
)

// EscapeMarkdown escapes what every Markdown interprets, with a backslash: marks, links, code, tables, HTML,
// headings, quotes, lists, and the names of emoji. It breaks URLs, which would be links.
func EscapeMarkdown(s string) string {
	s = markdownMarks.Replace(s)
	s = lineMark.ReplaceAllString(s, `$1\$2`)
	s = listNumber.ReplaceAllString(s, `$1\$2`)
	return emoji.ReplaceAllString(s, `\:$1`)
}

var markdownMarks = strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "~", `\~`, "`", "\\`", "|", `\|`, "[", `\[`, "]", `\]`,
	"(", `\(`, ")", `\)`, "<", `\<`, "&", `\&`, "!", `\!`, "$", `\$`, "://", `:\//`)
