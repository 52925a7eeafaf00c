package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/travis"
)

// piece is a part of a template in Travis' syntax: fixed text, a variable, or a link.
type piece struct {
	fixed    string
	variable func(*travis.Event) any
	link     *linkPiece
}

// linkPiece is <address|text> or <address>, as Travis' own Slack texts write it.
type linkPiece struct{ address, text []piece }

// compileTravis compiles Travis' syntax. Only the template's own < and > make a link; those in an event's
// text stay unchanged.
func compileTravis(source string) (func(*travis.Event) ([]notify.Span, error), error) {
	p := travisParser{source: source}
	pieces, err := p.pieces("")
	if err != nil {
		return nil, err
	}
	return func(e *travis.Event) ([]notify.Span, error) { return renderPieces(pieces, e) }, nil
}

// renderPieces inserts the variables. It stops as soon as the text is too long.
func renderPieces(pieces []piece, e *travis.Event) ([]notify.Span, error) {
	var spans []notify.Span
	var run strings.Builder // of text without a link
	size := 0
	for _, piece := range pieces {
		if piece.link == nil {
			s := piece.fill(e)
			if size += len(s); size > maxText {
				return nil, errTooLong
			}
			run.WriteString(s)
			continue
		}
		link := notify.Span{Text: fill(piece.link.text, e), URL: webURL(fill(piece.link.address, e))}
		if size += len(link.Text) + len(link.URL); size > maxText {
			return nil, errTooLong
		}
		spans = append(spans, notify.Span{Text: run.String()}, link)
		run.Reset()
	}
	return append(spans, notify.Span{Text: run.String()}), nil
}

func (p piece) fill(e *travis.Event) string {
	if p.variable == nil {
		return p.fixed
	}
	return fmt.Sprint(p.variable(e))
}

func fill(pieces []piece, e *travis.Event) string {
	var b strings.Builder
	for _, p := range pieces {
		if b.Len() > maxText {
			break // too long already, and refused
		}
		b.WriteString(p.fill(e))
	}
	return b.String()
}

// travisParser parses source from the offset at.
type travisParser struct {
	source string
	at     int
}

// pieces reads up to one of the characters in ends, or to the end of the source if ends is
// empty. Links are read outside of links only.
func (p *travisParser) pieces(ends string) ([]piece, error) {
	var all []piece
	for p.at < len(p.source) {
		rest := p.source[p.at:]
		switch {
		case ends != "" && strings.ContainsRune(ends, rune(rest[0])):
			return all, nil
		case strings.HasPrefix(rest, "%{"):
			v, err := p.variable()
			if err != nil {
				return nil, err
			}
			all = append(all, piece{variable: v})
		case ends == "" && startsLink(rest):
			l, err := p.link()
			if err != nil {
				return nil, err
			}
			all = append(all, piece{link: l})
		default:
			begin := p.at
			for p.at < len(p.source) && !p.textEnds(ends) {
				p.at++
			}
			all = append(all, piece{fixed: p.source[begin:p.at]})
		}
	}
	return all, nil
}

// textEnds reports whether something else than fixed text is next: one of the characters in ends, a
// variable, or a link.
func (p *travisParser) textEnds(ends string) bool {
	rest := p.source[p.at:]
	return ends != "" && strings.ContainsRune(ends, rune(rest[0])) || strings.HasPrefix(rest, "%{") || ends == "" && startsLink(rest)
}

// startsLink reports whether rest starts with <https://…, <http://… or <%{…_url}.
func startsLink(rest string) bool {
	rest, ok := strings.CutPrefix(rest, "<")
	if !ok {
		return false
	}
	if name, ok := strings.CutPrefix(rest, "%{"); ok {
		name, _, _ = strings.Cut(name, "}")
		return strings.HasSuffix(name, "_url")
	}
	return strings.HasPrefix(rest, "https://") || strings.HasPrefix(rest, "http://")
}

func (p *travisParser) link() (*linkPiece, error) {
	start := p.at
	p.at++
	address, err := p.pieces("|>\n")
	if err != nil {
		return nil, err
	}
	l := &linkPiece{address: address, text: address}
	if p.next('|') {
		if l.text, err = p.pieces(">\n"); err != nil {
			return nil, err
		}
	}
	if !p.next('>') {
		return nil, at(p.source, start, "a link is not closed: write <url|text> on one line")
	}
	return l, nil
}

// next consumes c if it comes next.
func (p *travisParser) next(c byte) bool {
	if p.at < len(p.source) && p.source[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *travisParser) variable() (func(*travis.Event) any, error) {
	start := p.at
	name, _, closed := strings.Cut(p.source[p.at+2:], "}")
	if !closed || strings.Contains(name, "\n") {
		return nil, at(p.source, start, "a variable is not closed: write %%{name}")
	}
	p.at += len("%{") + len(name) + len("}")
	i := slices.IndexFunc(variables, func(v variable) bool { return v.Name == name })
	switch {
	case i < 0:
		return nil, at(p.source, start, "there is no variable %q%s", name, noSuch(name, textVariables(), "%%{%s}"))
	case variables[i].GoOnly:
		return nil, at(p.source, start, "%q is for Go templates only (syntax: Go)", name)
	}
	return variables[i].value, nil
}

// textVariables returns the names that Travis' syntax can use.
func textVariables() []string {
	var names []string
	for _, v := range variables {
		if !v.GoOnly {
			names = append(names, v.Name)
		}
	}
	return names
}
