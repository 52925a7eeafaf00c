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

	"github.com/travishook/travishook/internal/notify"
)

// logoutTimeout limits how long closing the stream may take.
const logoutTimeout = time.Second

// session is one login: a stream of stanzas, and the rooms joined on it.
type session struct {
	account account
	stream  *xmpp.Session
	conn    *limitedConn
	timing  timing

	writing  chan struct{} // holds one token: the right to write
	pingNow  chan struct{} // asks for a ping before the next is due
	activity chan struct{} // something arrived

	done  chan struct{} // closed at the end
	end   sync.Once
	cause error // why it ended; read it after done

	mu    sync.Mutex
	rooms map[string]*room
}

func newSession(a account, stream *xmpp.Session, conn *limitedConn, p timing) *session {
	return &session{
		account: a, stream: stream, conn: conn, timing: p,
		writing: make(chan struct{}, 1), pingNow: make(chan struct{}, 1), activity: make(chan struct{}, 1),
		done:  make(chan struct{}),
		rooms: map[string]*room{},
	}
}

// Run serves the session until it ends or ctx does, which logs out. It returns why the session ended.
func (s *session) Run(ctx context.Context) error {
	var others sync.WaitGroup
	others.Go(s.keepAlive)
	others.Go(func() {
		select {
		case <-ctx.Done():
			s.logOut()
		case <-s.done:
		}
	})
	err := notify.RecoverPanic(func() error { return s.stream.Serve(xmpp.HandlerFunc(s.handle)) })
	switch {
	case s.conn.exceeded.Load(): // the library reports the failed write of its own stream error instead
		err = errStanzaTooLarge
	case err == nil:
		err = io.EOF
	}
	s.finish(streamError(err))
	others.Wait()
	return s.cause
}

// finish ends the session; the first cause is kept.
func (s *session) finish(cause error) {
	s.end.Do(func() {
		s.cause = cause
		close(s.done)
		_ = s.conn.Close()
	})
}

// Ended reports whether the session has ended.
func (s *session) Ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// logOut closes the stream, which exits all rooms, if the server accepts that in time.
func (s *session) logOut() {
	_ = s.conn.SetWriteDeadline(time.Now().Add(logoutTimeout))
	_ = s.stream.Close()
	s.finish(notify.ErrClosed)
}

// keepAlive pings the server at intervals and on request, and ends the session if it does not answer.
func (s *session) keepAlive() {
	tick := time.NewTicker(s.timing.ping)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.pingNow:
		case <-s.done:
			return
		}
		if !s.answersPing() {
			s.finish(errUnanswered)
		}
	}
}

// answersPing reports whether anything arrives after a ping (XEP-0199): a server without support for
// pings answers with an error.
func (s *session) answersPing() bool {
	ctx, cancel := context.WithTimeout(context.Background(), s.timing.answer)
	defer cancel()
	select {
	case <-s.activity: // from before the ping
	default:
	}
	if s.send(ctx, newPing(s.account.domain)) != nil {
		return false
	}
	select {
	case <-s.activity:
		return true
	case <-s.done:
	case <-ctx.Done():
	}
	return false
}

// requestPing has keepAlive ping the server now.
func (s *session) requestPing() { signal(s.pingNow) }

// signal puts a token into c unless it has one.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// send writes a whole stanza or ends the session: after part of one, nothing else can be written. An
// error means that the server did not receive the stanza.
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

// write applies ctx as a deadline, because the library ignores it while the socket's buffer is full.
func (s *session) write(ctx context.Context, raw []byte) error {
	expired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(expired)
		_ = s.conn.SetWriteDeadline(time.Unix(1, 0))
	})
	w := s.stream.TokenWriter() // holds the lock of the library, which answers pings
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

// handle handles one stanza. It does not block; an error ends the session.
func (s *session) handle(r xmlstream.TokenReadEncoder, start *xml.StartElement) error {
	signal(s.activity)
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
		room.handleMessage(from.Resourcepart(), in)
	case "presence":
		room.handlePresence(from.Resourcepart(), in)
	case "iq": // the library answers requests, with an error
		room.handleIQ(in)
	}
	return nil
}
