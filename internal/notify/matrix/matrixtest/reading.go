package matrixtest

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"github.com/travishook/travishook/internal/notify/notifytest"
)

// Content is the content of a message.
type Content struct {
	MsgType       string    `json:"msgtype"`
	Body          string    `json:"body"`
	Format        string    `json:"format"`
	FormattedBody string    `json:"formatted_body"`
	Mentions      *mentions `json:"m.mentions"`
	Previews      *[]any    `json:"com.beeper.linkpreviews"`
	RelatesTo     struct {
		RelType       string `json:"rel_type"`
		EventID       string `json:"event_id"`
		IsFallingBack bool   `json:"is_falling_back"`
		InReplyTo     struct {
			EventID string `json:"event_id"`
		} `json:"m.in_reply_to"`
	} `json:"m.relates_to"`
	NewContent *Content `json:"m.new_content"`
}

type mentions struct {
	UserIDs []string `json:"user_ids"`
	Room    bool     `json:"room"`
}

// Received is what a person sees of a message, and whom the push rules notify.
func Received(c Content, raw []byte) notifytest.Received {
	shown := c
	if c.RelatesTo.RelType == "m.replace" && c.NewContent != nil {
		shown = *c.NewContent
	}
	got := notifytest.Received{Raw: raw, Silent: c.MsgType == "m.notice"}
	got.Text, _ = readHTML(shown.FormattedBody) // CheckShown reports the error
	switch {
	case got.Silent || c.RelatesTo.RelType == "m.replace": // suppress_notices and suppress_edits come first
	case c.Mentions != nil:
		got.Mentions = c.Mentions.UserIDs
		if c.Mentions.Room {
			got.Mentions = append(got.Mentions, "@room")
		}
	case strings.Contains(c.Body, "@room"): // as before version 1.17
		got.Mentions = []string{"@room"}
	}
	return got
}

var (
	// acts matches text that clients turn into a link or a mention.
	acts = regexp.MustCompile(`[@#][^\s\x{200b}]|://|(?i)\b(?:matrix|mailto):[^\s\x{200b}]`)
	// address is the URL of a link in the body.
	address = regexp.MustCompile(` \(https?://[^\s()<>"@]+\)`)
)

// checkContent returns an error if a part of a text from outside acts.
func checkContent(c Content) error {
	text, err := readHTML(c.FormattedBody)
	if err != nil {
		return err
	}
	body := address.ReplaceAllString(c.Body, "")
	if c.NewContent != nil {
		return checkContent(*c.NewContent)
	}
	for _, s := range []string{text, body} {
		if c.Mentions != nil { // their IDs are written to be seen
			for _, id := range c.Mentions.UserIDs {
				s = strings.Replace(s, id, "", 1)
			}
		}
		if found := acts.FindString(s); found != "" {
			return fmt.Errorf("%q acts in %.200q", found, s)
		}
		if err := notifytest.CheckCharacters(s, true); err != nil {
			return err
		}
	}
	if c.Mentions == nil || c.Previews == nil || len(*c.Previews) > 0 {
		return errors.New("m.mentions or the empty list of previews is missing")
	}
	return nil
}

// readHTML returns the text of HTML. It is an error if it has any tag but links and line breaks.
func readHTML(formatted string) (string, error) {
	var text strings.Builder
	open := false
	for tokens := html.NewTokenizer(strings.NewReader(formatted)); ; {
		kind := tokens.Next()
		t := tokens.Token()
		switch {
		case kind == html.ErrorToken && errors.Is(tokens.Err(), io.EOF) && !open:
			return text.String(), nil
		case kind == html.TextToken:
			text.WriteString(t.Data)
		case kind == html.StartTagToken && t.Data == "br" && len(t.Attr) == 0:
			text.WriteString("\n")
		case kind == html.StartTagToken && t.Data == "a" && !open && isLink(t.Attr):
			open = true
		case kind == html.EndTagToken && t.Data == "a" && open:
			open = false
		default:
			return text.String(), fmt.Errorf("%s acts in %.200q", t.String(), formatted)
		}
	}
}

const mentionLink = "https://matrix.to/#/%40ann%3Aexample.com"

func isLink(attributes []html.Attribute) bool {
	return len(attributes) == 1 && attributes[0].Key == "href" && (attributes[0].Val == mentionLink ||
		slices.ContainsFunc([]string{"https://", "http://"}, func(scheme string) bool { return strings.HasPrefix(attributes[0].Val, scheme) }) &&
			!strings.Contains(attributes[0].Val, "matrix.to"))
}
