package xmpp

import (
	"encoding/xml"
	"net/url"
	"slices"
	"strings"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/text"
)

const (
	// maxBody in bytes: escaped, it is at most 48 KiB. Some servers accept stanzas of at most 64 KiB,
	// and close the connection on a longer one.
	maxBody = 8 << 10
	// maxHTML in bytes, escaped. A message whose rich form is longer is sent without it.
	maxHTML = 8 << 10
)

// html is the rich form of a message (XEP-0071).
type html struct {
	XMLName xml.Name `xml:"http://jabber.org/protocol/xhtml-im html"`
	Body    struct {
		XMLName xml.Name `xml:"http://www.w3.org/1999/xhtml body"`
		Line    struct {
			Pieces []any
		} `xml:"p"`
	}
}

type link struct {
	XMLName xml.Name `xml:"a"`
	Href    string   `xml:"href,attr"`
	Text    string   `xml:",chardata"`
}

type piece struct {
	XMLName xml.Name `xml:"span"`
	Text    string   `xml:",chardata"`
}

// newMessage returns m as a stanza for the room.
func newMessage(room string, m notify.Message) groupMessage {
	if m.Mention != "" {
		// Clients notify whose nickname is in a message, and many only at its beginning.
		name := text.Line(m.Mention) + ": "
		m.Text, m.Spans = name+m.Text, slices.Concat([]notify.Span{{Text: name}}, m.Spans)
	}
	out := groupMessage{
		To: room, Type: "groupchat", ID: m.ID,
		Body:   text.Truncate(text.Lines(m.Text), maxBody),
		Origin: originID{ID: m.ID},
	}
	if !strings.Contains(out.Body, "\n") {
		out.HTML = newHTML(m.Spans)
	}
	if m.Update != nil {
		out.Replace = &replace{ID: m.Update.Handle}
	}
	return out
}

// newHTML returns the line with its links, or nil without links.
func newHTML(spans []notify.Span) *html {
	h, linked := &html{}, false
	for _, s := range spans {
		text := text.Line(s.Text)
		switch {
		case text == "":
		case isWeb(s.URL):
			linked = true
			h.Body.Line.Pieces = append(h.Body.Line.Pieces, link{Href: s.URL, Text: text})
		default:
			h.Body.Line.Pieces = append(h.Body.Line.Pieces, piece{Text: text})
		}
	}
	if !linked {
		return nil
	}
	if raw, err := xml.Marshal(h); err != nil || len(raw) > maxHTML {
		return nil
	}
	return h
}

// isWeb reports whether a link is safe to follow: http or https.
func isWeb(link string) bool {
	u, err := url.Parse(link)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && text.Line(link) == link
}
