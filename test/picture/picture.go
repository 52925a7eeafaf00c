// Package picture draws messages as chat clients show them, for the documentation. What a message consists of
// comes from the payload that was sent; fonts and distances do not match any client.
package picture

// The widths of a picture.
const (
	Wide  = 640
	Phone = 360
)

// Post is a message.
type Post struct {
	From string // the name of its sender
	Tag  string // beside the name: APP; empty for none
	// Edited is set if the message was changed after it was sent, and Answer if it is in the thread of the one
	// before.
	Edited, Answer bool
	Parts          []Part
}

// Part is a part of a message.
type Part struct {
	Bar    string // the color of a bar at its left; empty for none
	Ground string // the color of its background; empty for none
	Mono   bool   // in a font of one width
	// Columns is into how many columns a wide screen lays out the lines; a phone has one.
	Columns int
	Lines   []Line
}

// Line is a paragraph, broken where it does not fit.
type Line []Run

// Run is a piece of text in one style.
type Run struct {
	Words string
	Color string // empty for that of text
	Bold  bool
}

// Colors of runs.
const (
	blue  = "#1264a3"
	grey  = "#696969"
	black = "#1d1c1d"
)

// Text is text.
func Text(words string) Run { return Run{Words: words} }

// Bold is bold text.
func Bold(words string) Run { return Run{Words: words, Bold: true} }

// Link is the words of a link.
func Link(words string) Run { return Run{Words: words, Color: blue} }

// Subtle is what a client shows in grey.
func Subtle(words string) Run { return Run{Words: words, Color: grey} }

// Mention is the name of a person who is notified.
func Mention(words string) Run { return Run{Words: words, Color: blue, Bold: true} }
