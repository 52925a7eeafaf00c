package xmpp

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"sync"
	"time"

	"mellium.im/xmlstream"
	"mellium.im/xmpp"
	"mellium.im/xmpp/jid"
)

// farewell is how long saying goodbye may take.
const farewell = time.Second

// session is one login: a stream of stanzas, and the rooms entered on it.
type session struct {
	account account
	stream  *xmpp.Session
	conn    *meteredConn
	pace    pace

	writing chan struct{} // holds one token: the right to write
	doubt   chan struct{} // asks for a ping before its time
	heard   chan struct{} // a sign of life

	done  chan struct{} // closed at the end
	end   sync.Once
	cause error // why it ended; read after done

	mu    sync.Mutex
	rooms map[string]*room
}

func newSession(a account, stream *xmpp.Session, conn *meteredConn, p pace) *session {
	return &session{
		account: a, stream: stream, conn: conn, pace: p,
		writing: make(chan struct{}, 1), doubt: make(chan struct{}, 1), heard: make(chan struct{}, 1),
		done:  make(chan struct{}),
		rooms: map[string]*room{},
	}
}

// run serves the session until it ends, logs out when ctx does, and returns why it ended.
func (s *session) run(ctx context.Context) error {
	var others sync.WaitGroup
	others.Go(s.watch)
	others.Go(func() {
		select {
		case <-ctx.Done():
			s.logOut()
		case <-s.done:
		}
	})
	err := sparing(func() error { return s.stream.Serve(xmpp.HandlerFunc(s.handle)) })
	switch {
	case s.conn.exceeded(): // shows as an error of writing, for the library tries to complain
		err = errStanzaTooLarge
	case err == nil:
		err = io.EOF
	}
	s.finish(streamError(err))
	others.Wait()
	return s.cause
}

// finish ends the session for the reason given; only the first one counts.
func (s *session) finish(cause error) {
	s.end.Do(func() {
		s.cause = cause
		close(s.done)
		_ = s.conn.Close()
	})
}

func (s *session) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// logOut closes the stream, which leaves all rooms, if the server takes that soon enough.
func (s *session) logOut() {
	_ = s.conn.SetWriteDeadline(time.Now().Add(farewell))
	_ = s.stream.Close()
	s.finish(errClosed)
}

// watch pings a server that has been silent, or in doubt, and ends a session that is dead.
func (s *session) watch() {
	tick := time.NewTicker(s.pace.ping)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.doubt:
		case <-s.done:
			return
		}
		if !s.answersPing() {
			s.finish(errUnanswered)
		}
	}
}

// answersPing reports whether anything at all comes after a ping (XEP-0199): even a server
// that does not know pings answers that it does not.
func (s *session) answersPing() bool {
	ctx, cancel := context.WithTimeout(context.Background(), s.pace.answer)
	defer cancel()
	select {
	case <-s.heard: // before the ping
	default:
	}
	if s.send(ctx, newPing(s.account.domain)) != nil {
		return false
	}
	select {
	case <-s.heard:
		return true
	case <-s.done:
	case <-ctx.Done():
	}
	return false
}

// suspect asks for a ping now.
func (s *session) suspect() { signal(s.doubt) }

// signal leaves a token in c, unless there is one.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// send writes a stanza whole, or ends the session: after a piece of one, nothing else can be
// written. An error means that the server has not got the stanza.
func (s *session) send(ctx context.Context, stanza any) error {
	raw, err := xml.Marshal(stanza)
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	select {
	case s.writing <- struct{}{}:
		defer func() { <-s.writing }()
	case <-ctx.Done():
		return ctx.Err()
	case <-s.done:
		return s.cause
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.write(ctx, raw); err != nil {
		s.finish(fmt.Errorf("write: %w", err))
		<-s.done
		return s.cause
	}
	return nil
}

// write obeys ctx by a deadline, because the library does not while the socket is full.
func (s *session) write(ctx context.Context, raw []byte) error {
	expired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(expired)
		_ = s.conn.SetWriteDeadline(time.Unix(1, 0))
	})
	w := s.stream.TokenWriter() // holds the library's own lock: it answers pings
	_, err := s.stream.Conn().Write(raw)
	_ = w.Close()
	if !stop() {
		<-expired
		if err == nil {
			err = s.conn.SetWriteDeadline(time.Time{})
		}
	}
	return err
}

// handle takes one stanza. It never waits, and an error from it ends the session.
func (s *session) handle(r xmlstream.TokenReadEncoder, start *xml.StartElement) error {
	s.conn.renew()
	signal(s.heard)
	var in incoming
	d := xml.NewTokenDecoder(xmlstream.MultiReader(xmlstream.Token(*start), r))
	if err := d.Decode(&in); err != nil {
		return err
	}
	from, err := jid.Parse(in.From)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	room, ok := s.rooms[from.Bare().String()]
	if !ok {
		return nil
	}
	switch start.Name.Local {
	case "message":
		room.hear(from.Resourcepart(), in)
	case "presence":
		room.see(from.Resourcepart(), in)
	case "iq": // questions are answered by the library: it says that it has no answer
		room.tell(in)
	}
	return nil
}
