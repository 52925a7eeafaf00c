package picture

import "strings"

// size of the text, and the distance of lines.
const (
	fontSize = 15
	leading  = 21
)

// widths of the characters from space to tilde in Helvetica, in thousandths of the size.
var widths = [...]int{
	278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
	556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
	1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
	667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
	333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
	556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
}

// width is how wide text is at most, in a font that is somewhat wider than Helvetica.
func (r Run) width(mono bool) float64 {
	total := 0.0
	for _, c := range r.Words {
		switch {
		case c == '\u200b':
		case mono:
			total += 550
		case c >= ' ' && c <= '~':
			total += float64(widths[c-' '])
		case c > 0xffff:
			total += 1100
		default:
			total += 600
		}
	}
	if r.Bold {
		total *= 1.07
	}
	return total * fontSize / 1000 * 1.13
}

func (l Line) width(mono bool) float64 {
	total := 0.0
	for _, r := range l {
		total += r.width(mono)
	}
	return total
}

// wrap breaks a line into lines that are not wider than limit: between words, or within one that is wider.
func (l Line) wrap(limit float64, mono bool) []Line {
	var lines []Line
	var line Line
	for _, word := range l.words() {
		switch {
		case word[0].Words == "\n":
			lines, line = append(lines, line), nil
			continue
		case len(line) > 0 && line.width(mono)+word.trimmed().width(mono) > limit:
			lines, line = append(lines, line), nil
		}
		for _, r := range word {
			line = append(line, r)
			for line.width(mono) > limit && line.trimmed().width(mono) > limit {
				rest := line.cut(limit, mono)
				lines, line = append(lines, line), Line{rest}
			}
		}
	}
	return append(lines, line)
}

// trimmed is a word without the space after it.
func (l Line) trimmed() Line {
	all := append(Line{}, l...)
	all[len(all)-1].Words = strings.TrimRight(all[len(all)-1].Words, " ")
	return all
}

// cut shortens the last run until the line fits, and returns what it took. One character stays.
func (l Line) cut(limit float64, mono bool) Run {
	last := &l[len(l)-1]
	words := []rune(last.Words)
	keep := len(words) - 1
	for last.Words = string(words[:keep]); keep > 1 && l.width(mono) > limit; keep-- {
		last.Words = string(words[:keep-1])
	}
	rest := *last
	rest.Words = strings.TrimPrefix(string(words), last.Words)
	return rest
}

// words are the words of a line, each in one or several styles and with the space after it, and its line breaks.
func (l Line) words() []Line {
	var all []Line
	var word Line
	end := func() {
		if len(word) > 0 {
			all, word = append(all, word), nil
		}
	}
	for _, r := range l.joined() {
		for i, row := range strings.Split(r.Words, "\n") {
			if i > 0 {
				end()
				all = append(all, Line{{Words: "\n"}})
			}
			for piece := range strings.SplitAfterSeq(row, " ") {
				if piece == "" {
					continue
				}
				r.Words = piece
				word = append(word, r)
				if strings.HasSuffix(piece, " ") {
					end()
				}
			}
		}
	}
	end()
	return all
}
