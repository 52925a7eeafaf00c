package main

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"
)

// section is a table of figures.
type section struct {
	title string
	head  []string
	rows  [][]string
	note  string
}

// render makes the Markdown.
func render(facts []string, s sizes, sections []section, took time.Duration) string {
	var out strings.Builder
	for _, fact := range facts {
		fmt.Fprintf(&out, "- %s\n", fact)
	}
	fmt.Fprintf(&out, "- medians of %d rounds; everything took %s\n", s.rounds, took.Round(time.Second))
	for _, s := range sections {
		fmt.Fprintf(&out, "\n### %s\n\n", s.title)
		row(&out, s.head)
		row(&out, append([]string{"---"}, slices.Repeat([]string{"---:"}, len(s.head)-1)...))
		for _, cells := range s.rows {
			row(&out, cells)
		}
		if s.note != "" {
			fmt.Fprintf(&out, "\n%s\n", s.note)
		}
	}
	return out.String()
}

func row(out *strings.Builder, cells []string) {
	fmt.Fprintf(out, "| %s |\n", strings.Join(cells, " | "))
}

const (
	beginMarker = "<!-- figures: begin, written by make bench -->\n"
	endMarker   = "<!-- figures: end -->"
)

// writeBetweenMarkers replaces the text between the markers of a file.
func writeBetweenMarkers(path, text string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("write figures: %w", err)
	}
	before, rest, ok := bytes.Cut(old, []byte(beginMarker))
	_, after, closed := bytes.Cut(rest, []byte(endMarker))
	if !ok || !closed {
		return errors.New("write figures: " + path + " has no markers for them")
	}
	page := slices.Concat(before, []byte(beginMarker+"\n"+text+"\n"+endMarker), after)
	if err := os.WriteFile(path, page, 0o644); err != nil {
		return fmt.Errorf("write figures: %w", err)
	}
	return nil
}

// median returns the middle value, or the lower of two.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	ordered := slices.Sorted(slices.Values(values))
	return ordered[(len(ordered)-1)/2]
}

// medianRatio compares values of the same round.
func medianRatio(values, to []float64) float64 {
	ratios := make([]float64, len(values))
	for i := range values {
		ratios[i] = values[i] / to[i]
	}
	return median(ratios)
}

func last(values []float64) float64 { return values[len(values)-1] }

// thousands formats 12345 as 12 345, rounded to a meaningful precision.
func thousands(v float64) string {
	digits := fmt.Sprintf("%.0f", v)
	var groups []string
	for len(digits) > 3 {
		groups = append(groups, digits[len(digits)-3:])
		digits = digits[:len(digits)-3]
	}
	groups = append(groups, digits)
	slices.Reverse(groups)
	return strings.Join(groups, " ")
}

func times(ratio float64) string { return fmt.Sprintf("%.2f", ratio) }

func milliseconds(nanoseconds float64) string { return fmt.Sprintf("%.2f ms", nanoseconds/1e6) }

func microseconds(d time.Duration) string { return fmt.Sprintf("%.0f µs", float64(d)/1e3) }
