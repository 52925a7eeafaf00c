package prosody

import (
	"encoding/xml"
	"fmt"
	"strings"
	"testing"
	"time"
)

// Configure changes a room's settings, by XEP-0045's names.
func (o *Occupant) Configure(t testing.TB, room string, settings map[string]string) {
	t.Helper()
	var b strings.Builder
	b.WriteString(`<query xmlns="http://jabber.org/protocol/muc#owner"><x xmlns="jabber:x:data" type="submit">` +
		`<field var="FORM_TYPE"><value>http://jabber.org/protocol/muc#roomconfig</value></field>`)
	for name, value := range settings {
		fmt.Fprintf(&b, `<field var=%q><value>%s</value></field>`, name, escape(value))
	}
	b.WriteString(`</x></query>`)
	o.command(t, room, b.String())
}

// Kick kicks nick out of the room.
func (o *Occupant) Kick(t testing.TB, room, nick string) {
	t.Helper()
	o.admin(t, room, fmt.Sprintf(`<item nick=%q role="none"/>`, nick))
}

// Affiliate sets an account's affiliation with the room: outcast, none, member, admin, owner.
func (o *Occupant) Affiliate(t testing.TB, room string, a Account, affiliation string) {
	t.Helper()
	o.admin(t, room, fmt.Sprintf(`<item jid=%q affiliation=%q/>`, a.JID(), affiliation))
}

// Destroy destroys the room.
func (o *Occupant) Destroy(t testing.TB, room string) {
	t.Helper()
	o.command(t, room, `<query xmlns="http://jabber.org/protocol/muc#owner"><destroy/></query>`)
}

// Say sends body to the room with the given stanza id.
func (o *Occupant) Say(t testing.TB, room, id, body string) {
	t.Helper()
	o.send(t, fmt.Sprintf(`<message to=%q type="groupchat" id=%q><body>%s</body></message>`, room, id, escape(body)))
}

func (o *Occupant) admin(t testing.TB, room, item string) {
	t.Helper()
	o.command(t, room, `<query xmlns="http://jabber.org/protocol/muc#admin">`+item+`</query>`)
}

// command sends an iq and waits for the result.
func (o *Occupant) command(t testing.TB, room, payload string) {
	t.Helper()
	answer := make(chan string, 1)
	o.mu.Lock()
	o.next++
	id := fmt.Sprintf("command-%d", o.next)
	o.answers[id] = answer
	o.mu.Unlock()
	o.send(t, fmt.Sprintf(`<iq to=%q type="set" id=%q>%s</iq>`, room, id, payload))
	select {
	case refused := <-answer:
		if refused != "" {
			t.Fatalf("%s refused %s: %s", room, payload, refused)
		}
	case <-time.After(answerTimeout):
		t.Fatalf("%s does not answer to %s", room, payload)
	}
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}
