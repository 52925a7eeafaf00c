package xmpp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"mellium.im/xmpp"
	"mellium.im/xmpp/jid"
	"mellium.im/xmpp/stanza"
	"mellium.im/xmpp/stream"

	"github.com/travishook/travishook/internal/notify"
)

// serverEnd is the server's end of a session after the login.
type serverEnd struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

// newPair returns a session and its server's end.
func newPair(t *testing.T) (*session, serverEnd) {
	t.Helper()
	near, conn := net.Pipe()
	limited := &limitedConn{Conn: near}
	address := jid.MustParse("ci@xmpp.test/here")
	streaming, err := xmpp.NewSession(t.Context(), address.Domain(), address, limited, 0,
		func(_ context.Context, in, out *stream.Info, _ *xmpp.Session, _ any) (xmpp.SessionState, io.ReadWriter, any, error) {
			in.XMLNS, out.XMLNS = stanza.NSClient, stanza.NSClient
			return xmpp.Ready, nil, nil, nil
		})
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(account{jid: address.Bare(), domain: "xmpp.test", nickname: "ci"}, streaming, limited, defaultTiming)
	return s, serverEnd{t, conn, bufio.NewReader(conn)}
}

// expect reads up to the end of the next stanza of the kind.
func (f serverEnd) expect(kind string) string {
	f.t.Helper()
	var got strings.Builder
	for !strings.HasSuffix(got.String(), "</"+kind+">") {
		b, err := f.in.ReadByte()
		if err != nil {
			f.t.Fatalf("wait for %s after %q: %v", kind, got.String(), err)
		}
		got.WriteByte(b)
	}
	return got.String()
}

func (f serverEnd) send(stanzas string) {
	f.t.Helper()
	if _, err := io.WriteString(f.conn, stanzas); err != nil {
		f.t.Errorf("send %.80s: %v", stanzas, err)
	}
}

const known = `<iq type="result" id="info" from="builds@rooms.xmpp.test"/>`

const inside = `<presence from="builds@rooms.xmpp.test/ci"><x xmlns="http://jabber.org/protocol/muc#user"><status code="110"/></x></presence>`

func reflection(nickname, id string) string {
	return fmt.Sprintf(`<message type="groupchat" from="builds@rooms.xmpp.test/%s" id="%s"><body>x</body></message>`, nickname, id)
}

// run serves s until the test ends; the result is why it ended.
func run(t *testing.T, s *session) (cause <-chan error, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	var running sync.WaitGroup
	running.Go(func() { result <- s.Run(ctx) })
	return result, func() { cancel(); running.Wait() }
}

func TestADeadServerEndsTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, server := newPair(t)
		cause, stop := run(t, s)
		defer stop()
		begun := time.Now()
		server.expect("iq")
		if err := <-cause; !errors.Is(err, errUnanswered) {
			t.Errorf("ended because %v", err)
		}
		if d := time.Since(begun); d != s.timing.ping+s.timing.answer {
			t.Errorf("took %v", d)
		}
	})
}

func TestAServerThatAnswersPingsIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, server := newPair(t)
		_, stop := run(t, s)
		for range 5 {
			server.expect("iq")
			server.send(`<iq type="error" id="ping" from="xmpp.test"/>`)
		}
		synctest.Wait()
		if s.Ended() {
			t.Errorf("ended because %v", s.cause)
		}
		_ = server.conn.Close()
		stop()
	})
}

func TestTheContextEndsABlockedWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, server := newPair(t)
		_, stop := run(t, s)
		defer stop()
		defer server.conn.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		for i := range 3 { // the second and third wait for the first
			wg.Go(func() {
				room := jid.MustParse(fmt.Sprintf("room-%d@rooms.xmpp.test", i))
				if err := s.deliver(ctx, room, message(i, room.String())); err == nil || notify.IsPermanent(err) || notify.IsAnswerLost(err) {
					t.Errorf("got %v, want a retryable error: nothing was sent", err)
				}
			})
		}
		wg.Wait()
	})
}

func TestOnlyTheRoomsReflectionConfirms(t *testing.T) {
	m := message(1, "builds@rooms.xmpp.test")
	for name, answer := range map[string]string{
		"another occupant with the same id": reflection("mallory", m.ID),
		"another id":                        reflection("ci", message(2, "").ID),
		"an old message":                    strings.Replace(reflection("ci", m.ID), "<body>", `<delay xmlns="urn:xmpp:delay"/><body>`, 1),
		"another room":                      strings.Replace(reflection("ci", m.ID), "builds@", "other@", 1),
		"a private message":                 strings.Replace(reflection("ci", m.ID), "groupchat", "chat", 1),
		"stanzas from nowhere":              `<message from="@" type="groupchat"/><presence from="/" type="error"/><message/><iq type="get" id="1"/>`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, server := newPair(t)
				_, stop := run(t, s)
				defer stop()
				defer server.conn.Close()
				result := make(chan error, 1)
				go func() { result <- s.deliver(t.Context(), jid.MustParse(m.Address), m) }()
				server.expect("iq")
				server.send(known)
				server.expect("presence")
				server.send(inside)
				server.expect("message")
				go func() { _, _ = io.Copy(io.Discard, server.in) }() // what the library answers
				server.send(answer)
				synctest.Wait()
				select {
				case err := <-result:
					t.Fatalf("returned %v", err)
				default:
				}
				server.send(reflection("ci", m.ID))
				if err := <-result; err != nil {
					t.Errorf("after the reflection: %v", err)
				}
			})
		})
	}
}

func TestAMessageThatIsNotReflectedIsAnswerLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, server := newPair(t)
		_, stop := run(t, s)
		defer stop()
		m := message(1, "builds@rooms.xmpp.test")
		result := make(chan error, 1)
		go func() { result <- s.deliver(t.Context(), jid.MustParse(m.Address), m) }()
		server.expect("iq")
		server.send(known)
		server.expect("presence")
		server.send(inside)
		server.expect("message")
		server.expect("iq") // a ping follows, and then the end of the session
		if err := <-result; !notify.IsAnswerLost(err) {
			t.Errorf("got %v, want a lost answer", err)
		}
	})
}

func TestARenamedAccountKnowsItsMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, server := newPair(t)
		_, stop := run(t, s)
		defer stop()
		defer server.conn.Close()
		for n, nickname := range []string{"ci", "robot"} {
			m := message(n, "builds@rooms.xmpp.test")
			result := make(chan error, 1)
			go func() { result <- s.deliver(t.Context(), jid.MustParse(m.Address), m) }()
			if n == 0 {
				server.expect("iq")
				server.send(known)
				server.expect("presence")
				server.send(inside)
			}
			server.expect("message")
			server.send(reflection(nickname, m.ID))
			if err := <-result; err != nil {
				t.Fatalf("as %s: %v", nickname, err)
			}
			server.send(`<presence type="unavailable" from="builds@rooms.xmpp.test/ci"><x xmlns="http://jabber.org/protocol/muc#user">` +
				`<item nick="robot"/><status code="303"/><status code="110"/></x></presence>`)
		}
	})
}

func TestARoomThatTheJoinCreatedIsExited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, server := newPair(t)
		_, stop := run(t, s)
		defer stop()
		defer server.conn.Close()
		m := message(1, "builds@rooms.xmpp.test")
		result := make(chan error, 1)
		go func() { result <- s.deliver(t.Context(), jid.MustParse(m.Address), m) }()
		server.expect("iq")
		server.send(known)
		server.expect("presence")
		server.send(strings.Replace(inside, "<status", `<status code="201"/><status`, 1))
		if left := server.expect("presence"); !strings.Contains(left, "unavailable") {
			t.Errorf("sent %s", left)
		}
		if err := <-result; !notify.IsPermanent(err) || !errors.Is(err, errNoRoom) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAStanzaWithoutEndEndsTheConnection(t *testing.T) {
	s, server := newPair(t)
	cause, stop := run(t, s)
	defer stop()
	go func() { _, _ = io.Copy(io.Discard, server.in) }()
	piece := strings.Repeat("all work and no play ", 1000)
	_, err := io.WriteString(server.conn, "<message><body>")
	for sent := 0; err == nil && sent < 4*maxStanza; sent += len(piece) {
		_, err = io.WriteString(server.conn, piece)
	}
	if err == nil {
		t.Error("the server could send on and on")
	}
	if err := <-cause; !errors.Is(err, errStanzaTooLarge) {
		t.Errorf("ended because %v", err)
	}
}

// panicking is a connection whose data makes the reader panic.
type panicking struct{ net.Conn }

func (panicking) Read([]byte) (int, error) { panic("what the server sent") }

func TestAPanicEndsTheSessionAndNothingElse(t *testing.T) {
	s, server := newPair(t)
	s.conn.Conn = panicking{s.conn.Conn}
	go func() { _, _ = io.Copy(io.Discard, server.in) }()
	cause, stop := run(t, s)
	defer stop()
	if err := <-cause; err == nil || !strings.Contains(err.Error(), "panic while reading") {
		t.Errorf("ended because %v", err)
	}
	if !s.Ended() {
		t.Error("the session goes on")
	}
}

// A nickname that a room gives the account is kept within what an address may have.
func TestANicknameThatNoAddressCanHaveIsIgnored(t *testing.T) {
	for _, nickname := range []string{strings.Repeat("x", 4000), "\u0007"} {
		r := &room{address: jid.MustParse(builds), nickname: "ci"}
		var in incoming
		in.Type, in.User.Item.Nick = "unavailable", nickname
		in.User.Status = append(in.User.Status, struct {
			Code string `xml:"code,attr"`
		}{statusRenamed})
		r.handlePresence("ci", in)
		if r.nickname != "ci" {
			t.Errorf("is called %.20q", r.nickname)
		}
	}
}

// A server that drops the connection after each confirmed message gets the next message soon; without one, it is
// left alone for longer and longer.
func TestAConfirmedMessageResetsTheBackoff(t *testing.T) {
	for name, test := range map[string]struct {
		confirms bool
		want     []int
	}{
		"confirmed":   {true, []int{0, 1, 2, 3, 4}},
		"unconfirmed": {false, []int{0, 1, 3, 7, 15}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				var opened []int
				n := newNotifier(account{jid: jid.MustParse("ci@xmpp.test")}, notify.Deps{Log: logr.Discard()}, defaultTiming)
				n.Keeper = notify.Keep(func(context.Context) (*session, error) {
					opened = append(opened, int(time.Since(begun).Seconds()))
					s, server := newPair(t)
					go func() {
						defer server.conn.Close()
						server.expect("iq")
						server.send(known)
						server.expect("presence")
						server.send(inside)
						server.expect("message")
						if test.confirms {
							server.send(reflection("ci", message(1, "").ID))
						}
					}()
					return s, nil
				}, notify.KeepOptions{Open: defaultTiming.connect, Backoff: defaultTiming.backoff, MaxBackoff: defaultTiming.maxBackoff, Log: logr.Discard()})
				for len(opened) < len(test.want) {
					if _, err := n.Notify(t.Context(), message(1, "builds@rooms.xmpp.test")); (err == nil) != test.confirms {
						t.Fatal(err)
					}
					time.Sleep(100 * time.Millisecond)
				}
				if !slices.Equal(opened, test.want) {
					t.Errorf("opened after %v, want %v", opened, test.want)
				}
				_ = n.Close()
			})
		})
	}
}
