package prosody

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mellium.im/sasl"
	"mellium.im/xmlstream"
	"mellium.im/xmpp"
	"mellium.im/xmpp/jid"
)

// owner is the account of Join.
var owner = Account{Name: "owner", Password: "the owner's password"}

const answerTimeout = 90 * time.Second

// Message is a message in a room, as the server relayed it.
type Message struct {
	Room, Nick string
	ID         string // of the stanza
	OriginID   string // by XEP-0359
	Replaces   string // the id of the message that it corrects, by XEP-0308
	Body       string
	XHTML      bool
	Raw        []byte
}

// Occupant is an occupant of one or more rooms, and the owner of those that it created.
type Occupant struct {
	session *xmpp.Session
	conn    net.Conn
	done    chan struct{}

	mu       sync.Mutex
	messages []Message
	changed  chan struct{}          // closed and replaced with each stanza
	present  map[string]bool        // room/nick
	answers  map[string]chan string // error conditions, or "" for yes
	next     int
}

// Join enters rooms with a nickname, creates those that do not exist, and makes them persistent. The occupant
// leaves with the test.
func (s *Server) Join(t testing.TB, nick string, rooms ...string) *Occupant {
	t.Helper()
	o, err := s.connect(owner)
	if err != nil {
		t.Fatalf("connect to prosody: %v\n%s", err, s.Log())
	}
	t.Cleanup(o.Close)
	for _, room := range rooms {
		o.enter(t, room, nick)
		o.Configure(t, room, map[string]string{"muc#roomconfig_persistentroom": "1"})
	}
	return o
}

func (s *Server) connect(a Account) (*Occupant, error) {
	address, err := jid.Parse(a.JID())
	if err != nil {
		return nil, err
	}
	conn, err := net.Dial("tcp", s.Address)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.CA)
	_ = conn.SetDeadline(time.Now().Add(answerTimeout))
	// A context that ends later would sometimes interrupt a write after it: the library watches it for a moment too long.
	session, err := xmpp.NewClientSession(context.Background(), address, conn,
		xmpp.StartTLS(&tls.Config{ServerName: Domain, RootCAs: roots, MinVersion: tls.VersionTLS12}),
		xmpp.SASL("", a.Password, sasl.ScramSha1), xmpp.BindResource())
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	_ = conn.SetDeadline(time.Time{})
	o := &Occupant{
		session: session, conn: conn, done: make(chan struct{}),
		changed: make(chan struct{}), present: map[string]bool{}, answers: map[string]chan string{},
	}
	go func() {
		defer close(o.done)
		_ = session.Serve(xmpp.HandlerFunc(o.handle))
	}()
	return o, nil
}

// Close leaves.
func (o *Occupant) Close() {
	_ = o.conn.Close()
	<-o.done
}

// Messages waits until at least n messages of any sender have arrived, and returns all in order.
func (o *Occupant) Messages(t testing.TB, n int) []Message {
	t.Helper()
	o.await(t, fmt.Sprintf("%d messages", n), func() bool { return len(o.messages) >= n })
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.messages)
}

// AwaitPresent waits until nick is in the room.
func (o *Occupant) AwaitPresent(t testing.TB, room, nick string) {
	t.Helper()
	o.await(t, nick+" in "+room, func() bool { return o.present[room+"/"+nick] })
}

// AwaitAbsent waits until nick is not in the room.
func (o *Occupant) AwaitAbsent(t testing.TB, room, nick string) {
	t.Helper()
	o.await(t, nick+" out of "+room, func() bool { return !o.present[room+"/"+nick] })
}

func (o *Occupant) enter(t testing.TB, room, nick string) {
	t.Helper()
	o.send(t, fmt.Sprintf(`<presence to=%q><x xmlns="http://jabber.org/protocol/muc"><history maxstanzas="0"/></x></presence>`, room+"/"+nick))
	o.AwaitPresent(t, room, nick)
}

func (o *Occupant) send(t testing.TB, stanza string) {
	t.Helper()
	if err := o.session.Send(context.Background(), xml.NewDecoder(strings.NewReader(stanza))); err != nil {
		t.Fatalf("send %s: %v", stanza, err)
	}
}

func (o *Occupant) await(t testing.TB, what string, is func() bool) {
	t.Helper()
	deadline := time.After(answerTimeout)
	for {
		o.mu.Lock()
		ok, changed := is(), o.changed
		o.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-o.done:
			t.Fatalf("wait for %s: the connection ended", what)
		case <-deadline:
			t.Fatalf("wait for %s: it did not come", what)
		}
	}
}

// stanza is the part of a stanza that an occupant reads.
type stanza struct {
	From  string    `xml:"from,attr"`
	Type  string    `xml:"type,attr"`
	ID    string    `xml:"id,attr"`
	Body  string    `xml:"body"`
	HTML  *struct{} `xml:"http://jabber.org/protocol/xhtml-im html"`
	Error *struct {
		Any []struct{ XMLName xml.Name } `xml:",any"`
	} `xml:"error"`
	Origin struct {
		ID string `xml:"id,attr"`
	} `xml:"urn:xmpp:sid:0 origin-id"`
	Replace struct {
		ID string `xml:"id,attr"`
	} `xml:"urn:xmpp:message-correct:0 replace"`
}

func (o *Occupant) handle(r xmlstream.TokenReadEncoder, start *xml.StartElement) error {
	var raw bytes.Buffer
	e := xml.NewEncoder(&raw)
	if _, err := xmlstream.Copy(e, xmlstream.MultiReader(xmlstream.Token(*start), r)); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err := e.Flush(); err != nil {
		return err
	}
	var in stanza
	if err := xml.Unmarshal(raw.Bytes(), &in); err != nil {
		return err
	}
	room, nick, _ := strings.Cut(in.From, "/")
	o.mu.Lock()
	defer o.mu.Unlock()
	switch start.Name.Local {
	case "presence":
		o.present[room+"/"+nick] = in.Type == ""
	case "message":
		if in.Type == "groupchat" && in.Body != "" {
			o.messages = append(o.messages, Message{
				Room: room, Nick: nick, ID: in.ID, OriginID: in.Origin.ID, Replaces: in.Replace.ID,
				Body: in.Body, XHTML: in.HTML != nil, Raw: raw.Bytes(),
			})
		}
	case "iq":
		if answer, ok := o.answers[in.ID]; ok {
			answer <- in.refusal()
			delete(o.answers, in.ID)
		}
	}
	close(o.changed)
	o.changed = make(chan struct{})
	return nil
}

func (s stanza) refusal() string {
	if s.Type != "error" {
		return ""
	}
	if s.Error == nil || len(s.Error.Any) == 0 {
		return "an error"
	}
	return s.Error.Any[0].XMLName.Local
}
