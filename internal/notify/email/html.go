package email

import (
	"fmt"
	"html"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/text"
)

// colors of the bar beside the message, legible on white and on black.
var colors = map[notify.Level]string{notify.Good: "#2e8540", notify.Bad: "#d6372b", notify.Neutral: "#767676"}

const maxURL = 2000

// page is the mail as HTML. Mail clients know tables and inline styles and little else. It loads nothing.
func page(m *notify.Message) string {
	color, ok := colors[m.Level]
	if !ok {
		color = colors[notify.Neutral]
	}
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\r\n" +
		`<html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
		`<meta name="color-scheme" content="light dark"></head>` + "\r\n" +
		`<body style="margin:0;padding:12px;font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:15px;line-height:1.5">` + "\r\n")
	fmt.Fprintf(&b, `<table role="presentation" cellpadding="0" cellspacing="0" style="border-left:4px solid %s"><tr><td style="padding:2px 12px">`, color)
	b.WriteString("\r\n<p style=\"margin:0 0 8px\">" + line(m) + "</p>\r\n")
	if fields := shownFields(m.Fields); len(fields) > 0 {
		b.WriteString(`<table role="presentation" cellpadding="0" cellspacing="0" style="font-size:14px">` + "\r\n")
		for _, f := range fields {
			fmt.Fprintf(&b, "<tr><td style=\"color:#767676;padding-right:12px;vertical-align:top\">%s</td><td>%s</td></tr>\r\n",
				html.EscapeString(f.Name), anchor(f.Value.Text, f.Value.URL))
		}
		b.WriteString("</table>\r\n")
	}
	fmt.Fprintf(&b, "<p style=\"margin:8px 0 0;font-size:12px;color:#767676\">Sent by travishook for the route %s</p>\r\n", html.EscapeString(header(m.Route)))
	b.WriteString("</td></tr></table>\r\n</body></html>\r\n")
	return b.String()
}

// line is the message with its links, or its text if it has none.
func line(m *notify.Message) string {
	var b strings.Builder
	left := maxText
	for _, span := range m.Body() {
		words := text.TruncateRunes(text.Lines(span.Text), left)
		left -= utf8.RuneCountInString(words)
		b.WriteString(anchor(words, link(span.URL)))
	}
	if b.Len() == 0 {
		b.WriteString(anchor(text.TruncateRunes(text.Lines(m.Text), maxText), ""))
	}
	return b.String()
}

// anchor is text, as a link if it has a URL.
func anchor(words, target string) string {
	escaped := strings.ReplaceAll(html.EscapeString(words), "\n", "<br>\r\n")
	if target == "" || escaped == "" {
		return escaped
	}
	return `<a href="` + html.EscapeString(target) + `">` + escaped + `</a>`
}

// link returns the URL if it is safe to follow, else nothing.
func link(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	target := strings.NewReplacer("<", "%3C", ">", "%3E", `"`, "%22", " ", "%20").Replace(u.String())
	if text.Line(target) != target || len(target) > maxURL {
		return ""
	}
	return target
}
