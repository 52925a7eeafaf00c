package irc

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/ergochat/irc-go/ircmsg"
	"golang.org/x/time/rate"

	"github.com/travishook/travishook/internal/notify"
)

const (
	// maxReceived is the longest line that a server may send: tags and 512 bytes.
	maxReceived = 8191 + maxLine
	// burst is how many lines may be sent at once after a pause.
	burst = 5
	// logoutTimeout limits how long logging out may take.
	logoutTimeout = time.Second
)

// session is one login, and the channels joined on it.
type session struct {
	account *account
	conn    net.Conn
	in      *bufio.Reader
	timing  timing
	pace    *rate.Limiter
	caps    map[string]string // that are enabled; fixed after the login
	botMode string            // the user mode of bots, if the server has one

	writing  sync.Mutex
	activity chan struct{} // something arrived
	pingNow  chan struct{} // asks for a ping before the next is due

	done  chan struct{} // closed at the end
	end   sync.Once
	cause error // why it ended; read it after done

	mu       sync.Mutex
	nick     string
	mask     string // nick!user@host, as others see it
	channels map[string]*channel
	pending  map[string]*pending // by label, or by the token of a ping
	batches  map[string]*pending // by reference
	last     int                 // label
}

// channel is a channel that is joined, or was.
type channel struct {
	joined  bool
	joining chan error // not nil while a request to join is unanswered
}

// pending is a line that the server has not answered yet.
type pending struct {
	channel string
	refused *ircmsg.Message      // an error about the channel that came before the answer
	answer  chan *ircmsg.Message // nil for a confirmation
	asOne   bool                 // several lines that are one message
}

func newSession(a *account, conn net.Conn, t timing) *session {
	return &session{
		account: a, conn: conn, in: bufio.NewReaderSize(conn, maxReceived), timing: t,
		pace: rate.NewLimiter(rate.Limit(float64(a.perMinute)/60), burst), caps: map[string]string{},
		activity: make(chan struct{}, 1), pingNow: make(chan struct{}, 1), done: make(chan struct{}),
		channels: map[string]*channel{}, pending: map[string]*pending{}, batches: map[string]*pending{},
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
	s.finish(notify.RecoverPanic(s.serve))
	others.Wait()
	return s.cause
}

// serve handles what the server sends, until an error.
func (s *session) serve() error {
	if s.botMode != "" {
		if err := s.send("MODE", s.nick, "+"+s.botMode); err != nil {
			return err
		}
	}
	for {
		m, err := s.read()
		if err != nil {
			return err
		}
		signal(s.activity)
		if err := s.handle(m); err != nil {
			return err
		}
	}
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

// finish ends the session; the first cause is kept.
func (s *session) finish(cause error) {
	s.end.Do(func() {
		s.cause = cause
		close(s.done)
		_ = s.conn.Close()
	})
}

func (s *session) logOut() {
	_ = s.conn.SetWriteDeadline(time.Now().Add(logoutTimeout))
	_, _ = io.WriteString(s.conn, "QUIT\r\n")
	s.finish(notify.ErrClosed)
}

// keepAlive pings the server at intervals and on request, and ends the session if it does not answer. It also
// requests the configured nickname again, if it was taken.
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
		select {
		case <-s.activity: // from before the ping
		default:
		}
		_ = s.send("PING", "alive")
		if s.ownNick() != s.account.nickname {
			_ = s.send("NICK", s.account.nickname)
		}
		unanswered := time.NewTimer(s.timing.answer)
		select {
		case <-s.activity:
		case <-s.done:
		case <-unanswered.C:
			s.finish(errUnanswered)
		}
		unanswered.Stop()
	}
}

func (s *session) ownNick() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nick
}

// signal puts a token into c unless it has one.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// read reads one line.
func (s *session) read() (*ircmsg.Message, error) {
	for {
		line, err := s.in.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, errLongLine
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil, errClosedBy("it gave no reason")
		case err != nil:
			return nil, notify.RedactHost(err)
		}
		m, err := ircmsg.ParseLine(string(line))
		switch {
		case errors.Is(err, ircmsg.ErrorLineIsEmpty):
			continue
		case err != nil:
			return nil, errNotIRC
		}
		return &m, nil
	}
}

// send writes a line that needs no colon before its last parameter.
func (s *session) send(command string, params ...string) error {
	return s.write(ircmsg.MakeMessage(nil, "", command, params...))
}

// write writes lines or ends the session.
func (s *session) write(messages ...ircmsg.Message) error {
	var lines strings.Builder
	for _, m := range messages {
		line, err := m.LineBytesStrict(true, maxLine)
		if err != nil {
			return notify.Permanent(errors.New("the line cannot be written: " + err.Error()))
		}
		lines.Write(line)
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	_ = s.conn.SetWriteDeadline(time.Now().Add(s.timing.answer))
	if _, err := io.WriteString(s.conn, lines.String()); err != nil {
		s.finish(notify.RedactHost(err))
		return notify.RedactHost(err)
	}
	return nil
}

func (s *session) pong(m *ircmsg.Message) error {
	pong := ircmsg.MakeMessage(nil, "", "PONG", m.Params...)
	if len(m.Params) > 0 {
		pong.ForceTrailing()
	}
	return s.write(pong)
}
