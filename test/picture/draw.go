package picture

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// The distances of a picture.
const (
	margin = 14
	avatar = 36
	gap    = 10
	inset  = 12 // of what is beside a bar, or on a background
	above  = 4  // it, and below
)

// canvas collects the elements of a picture, from top to bottom.
type canvas struct {
	strings.Builder
	width int
	y     int
}

// Draw draws posts one below the other, as a screen of the width shows them, and returns an SVG. The title says
// what is seen, for those who do not see it.
func Draw(title string, width int, posts []Post) string {
	c := &canvas{width: width, y: margin}
	for i := range posts {
		c.post(&posts[i])
	}
	height := c.y + margin - gap
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" `+
		`font-family="Helvetica, Arial, 'Liberation Sans', 'Noto Sans', sans-serif" font-size="%d">`+"\n<title>%s</title>\n"+
		`<rect x="0.5" y="0.5" width="%d" height="%d" rx="8" fill="#ffffff" stroke="#d0d7de"/>`+"\n%s</svg>\n",
		width, height, width, height, fontSize, escape(title), width-1, height-1, c.String())
}

func (c *canvas) post(p *Post) {
	x := margin
	if p.Answer {
		x += avatar + gap
	}
	if p.From != "" {
		c.rect(x, c.y, avatar, avatar, "#3eaaaf")
		c.text(x+avatar/2, c.y+avatar/2+5, `fill="#ffffff" font-weight="bold" text-anchor="middle"`, Line{{Words: "CI"}})
		x += avatar + gap
		c.header(p, x)
	}
	for i, part := range p.Parts {
		continues := i > 0 && p.Parts[i-1].Bar == part.Bar && p.Parts[i-1].Ground == part.Ground
		c.part(part, x, continues)
	}
	c.y += gap
}

// header is the name of the sender, and what clients show beside it.
func (c *canvas) header(p *Post, x int) {
	header := Line{Bold(p.From)}
	if p.Tag != "" {
		header = append(header, Subtle("  "+p.Tag))
	}
	header = append(header, Subtle("  13:04"))
	if p.Edited {
		header = append(header, Subtle("  (edited)"))
	}
	if p.Answer {
		header = append(header, Subtle("  reply"))
	}
	c.lines(header, x, float64(c.width-x-margin), false)
}

// part draws a part, which continues the bar and the background of the one before.
func (c *canvas) part(p Part, x int, continues bool) {
	beside := p.Bar != "" || p.Ground != ""
	if beside && !continues {
		c.y += above
	}
	begin, right := c.y, c.width-margin
	if p.Ground != "" && !continues {
		c.y += above
	}
	left := x
	if beside {
		left += inset
	}
	body := &canvas{width: c.width, y: c.y}
	body.grid(p, left, right)
	c.y = body.y
	if p.Ground != "" {
		c.y += above
		c.rect(x, begin, right-x, c.y-begin, p.Ground)
	}
	if continues {
		begin -= above // no seam
	}
	if p.Bar != "" {
		c.rect(x, begin, 4, c.y-begin, p.Bar)
	}
	c.WriteString(body.String())
}

// grid draws the lines of a part, several beside each other on a wide screen.
func (c *canvas) grid(p Part, left, right int) {
	columns := max(1, p.Columns)
	if c.width == Phone {
		columns = 1
	}
	each := (right - left) / columns
	for row := 0; row < len(p.Lines); row += columns {
		top, bottom := c.y, c.y
		for i, line := range p.Lines[row:min(row+columns, len(p.Lines))] {
			c.y = top
			c.lines(line, left+i*each, float64(each-gap), p.Mono)
			bottom = max(bottom, c.y)
		}
		c.y = bottom
	}
}

// lines draws a line, broken where it is wider than limit.
func (c *canvas) lines(l Line, x int, limit float64, mono bool) {
	style := fmt.Sprintf(`fill="%s"`, black)
	if mono {
		style += ` font-family="ui-monospace, Menlo, 'DejaVu Sans Mono', monospace"`
	}
	for _, row := range l.wrap(limit, mono) {
		c.text(x, c.y+fontSize, style, row)
		c.y += leading
	}
}

func (c *canvas) rect(x, y, width, height int, color string) {
	fmt.Fprintf(c, `<rect x="%d" y="%d" width="%d" height="%d" rx="2" fill="%s"/>`+"\n", x, y, width, height, color)
}

// text draws one row. The pieces follow each other, so they fit whatever the font is.
func (c *canvas) text(x, y int, style string, row Line) {
	fmt.Fprintf(c, `<text x="%d" y="%d" %s xml:space="preserve">`, x, y, style)
	for _, r := range row.joined() {
		words := escape(r.Words)
		if r.Color == "" && !r.Bold {
			c.WriteString(words)
			continue
		}
		c.WriteString("<tspan")
		if r.Color != "" {
			fmt.Fprintf(c, ` fill="%s"`, r.Color)
		}
		if r.Bold {
			c.WriteString(` font-weight="bold"`)
		}
		c.WriteString(">" + words + "</tspan>")
	}
	c.WriteString("</text>\n")
}

// circles are emoji that not every machine has in its fonts.
var circles = []struct{ emoji, color string }{{"🟢", "#2eb67d"}, {"🔴", "#e01e5a"}, {"⚪", "#a0a0a0"}}

// circled is a line whose circles are characters of any font.
func (l Line) circled() Line {
	var all Line
	for _, r := range l {
		for _, c := range circles {
			if before, after, found := strings.Cut(r.Words, c.emoji); found {
				all = append(all, Run{before, r.Color, r.Bold}, Run{Words: "●", Color: c.color})
				r.Words = after
			}
		}
		all = append(all, r)
	}
	return all
}

// joined joins neighbors of one style.
func (l Line) joined() Line {
	var all Line
	for _, r := range l.circled() {
		if last := len(all) - 1; last >= 0 && all[last].Color == r.Color && all[last].Bold == r.Bold {
			all[last].Words += r.Words
			continue
		}
		all = append(all, r)
	}
	return all
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(strings.ReplaceAll(s, "\u200b", "")))
	return b.String()
}
