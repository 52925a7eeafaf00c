package xmpp

import (
	"encoding/xml"
	"slices"
)

// Status codes of XEP-0045.
const (
	statusSelf    = "110" // the presence is one's own
	statusCreated = "201" // the room did not exist before
	statusRenamed = "303" // the occupant has another nickname now
)

// incoming is what the operator reads of a stanza. It has no body, because the operator must not read
// other people's messages.
type incoming struct {
	From   string       `xml:"from,attr"`
	ID     string       `xml:"id,attr"`
	Type   string       `xml:"type,attr"`
	Error  *stanzaError `xml:"error"`
	Delay  *struct{}    `xml:"urn:xmpp:delay delay"`
	Origin identifier   `xml:"urn:xmpp:sid:0 origin-id"`
	User   struct {
		Item struct {
			Nick string `xml:"nick,attr"`
		} `xml:"item"`
		Status []struct {
			Code string `xml:"code,attr"`
		} `xml:"status"`
	} `xml:"http://jabber.org/protocol/muc#user x"`
}

func (in incoming) hasStatus(status string) bool {
	return slices.ContainsFunc(in.User.Status, func(s struct {
		Code string `xml:"code,attr"`
	}) bool {
		return s.Code == status
	})
}

type identifier struct {
	ID string `xml:"id,attr"`
}

// stanzaError is a stanza error.
type stanzaError struct {
	Kind       string                       `xml:"type,attr"` // cancel, auth, modify, wait
	Text       string                       `xml:"urn:ietf:params:xml:ns:xmpp-stanzas text"`
	Conditions []struct{ XMLName xml.Name } `xml:",any"`
}

// condition is the error's name: item-not-found.
func (r *stanzaError) condition() string {
	for _, c := range r.Conditions {
		if c.XMLName.Space == "urn:ietf:params:xml:ns:xmpp-stanzas" {
			return c.XMLName.Local
		}
	}
	return "undefined-condition"
}

// presence joins or exits a room.
type presence struct {
	XMLName xml.Name `xml:"jabber:client presence"`
	To      string   `xml:"to,attr"`
	Type    string   `xml:"type,attr,omitempty"`
	Join    *join
}

// join asks to join without the room's history.
type join struct {
	XMLName xml.Name `xml:"http://jabber.org/protocol/muc x"`
	History struct {
		MaxStanzas int `xml:"maxstanzas,attr"`
	} `xml:"history"`
}

// groupMessage is a message to a room.
type groupMessage struct {
	XMLName xml.Name `xml:"jabber:client message"`
	To      string   `xml:"to,attr"`
	Type    string   `xml:"type,attr"`
	ID      string   `xml:"id,attr"`
	Body    string   `xml:"body"`
	HTML    *html
	Replace *replace
	Origin  originID
	// Unstyled keeps clients from rendering *asterisks* as markup (XEP-0393).
	Unstyled struct{} `xml:"urn:xmpp:styling:0 unstyled"`
}

type originID struct {
	XMLName xml.Name `xml:"urn:xmpp:sid:0 origin-id"`
	ID      string   `xml:"id,attr"`
}

// query is an IQ of the type get to a server or room.
type query struct {
	XMLName xml.Name  `xml:"jabber:client iq"`
	To      string    `xml:"to,attr"`
	Type    string    `xml:"type,attr"`
	ID      string    `xml:"id,attr"`
	Ping    *struct{} `xml:"urn:xmpp:ping ping"`
	Info    *struct{} `xml:"http://jabber.org/protocol/disco#info query"`
}

func newPing(server string) query {
	return query{To: server, Type: "get", ID: "ping", Ping: &struct{}{}}
}

// newDiscoInfo is a disco#info request to a room (XEP-0030).
func newDiscoInfo(room string) query {
	return query{To: room, Type: "get", ID: "info", Info: &struct{}{}}
}
