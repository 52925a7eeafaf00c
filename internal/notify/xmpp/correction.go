package xmpp

import (
	"encoding/xml"
	"errors"
	"regexp"

	"github.com/travishook/travishook/internal/notify"
)

// A message is edited by a correction (XEP-0308): another message that names the id of the first one.
// Clients that do not know corrections show it as a new message, so its body is the whole text. The room
// cannot tell whether the first message still exists.

// replace names the message that is corrected: always the first one, not its last correction.
type replace struct {
	XMLName xml.Name `xml:"urn:xmpp:message-correct:0 replace"`
	ID      string   `xml:"id,attr"`
}

var messageID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// firstID is the id of the message that m corrects, or its own.
func firstID(m notify.Message) (string, error) {
	if m.Update == nil {
		return m.ID, nil
	}
	if !messageID.MatchString(m.Update.Handle) {
		return "", notify.Gone(errors.New("the handle of the earlier message is not the id of a message"))
	}
	return m.Update.Handle, nil
}

// replyTo is the message that is sent beside a correction, which notifies nobody.
func replyTo(m notify.Message) (notify.Message, bool) {
	if m.Update == nil || len(m.Update.Reply) == 0 {
		return notify.Message{}, false
	}
	return notify.Message{
		ID: m.ID + "-reply", Address: m.Address, Text: notify.Plain(m.Update.Reply), Spans: m.Update.Reply, Mention: m.Mention,
	}, true
}
