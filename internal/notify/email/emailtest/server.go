package emailtest

import (
	"errors"
	"io"
	"log"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/test/certificate"
)

// Options are how a server behaves. The zero value offers STARTTLS and accepts everything.
type Options struct {
	// DirectTLS has the port begin with TLS.
	DirectTLS bool
	// NoTLS offers no encryption.
	NoTLS bool
	// Users may log in, by name, and nobody may send without; nil for a server that asks for no login.
	Users map[string]string
	// Mechanism of the login; empty is PLAIN.
	Mechanism string
	// NoUTF8 does not offer SMTPUTF8.
	NoUTF8 bool
	// Login, Sender, Recipient and Message are the answers to these commands, nil to accept.
	Login, Sender, Recipient, Message *smtp.SMTPError
	// Unknown is a recipient that does not exist.
	Unknown string
	// Drop closes the connection after the message, without an answer.
	Drop bool
}

// Mail is a mail as it arrived.
type Mail struct {
	From, To, User string
	Content        []byte
	Encrypted      bool
}

// Server is a mail server.
type Server struct {
	// Address is host:port.
	Address string
	// CA is the authority of its certificate, as PEM.
	CA []byte

	options Options
	server  *smtp.Server
	mails   notifytest.Recorder

	mu          sync.Mutex
	got         []Mail
	connections []*smtp.Conn // all that there were
}

// StartServer starts a mail server that ends with the test.
func StartServer(t *testing.T, o Options) *Server {
	t.Helper()
	issued := certificate.Issue(t, "127.0.0.1")
	s := &Server{CA: issued.CA, options: o}
	s.server = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !slices.Contains(s.connections, c) { // once more after STARTTLS
			s.connections = append(s.connections, c)
		}
		return &session{server: s, conn: c}, nil
	}))
	s.server.Domain = "mail.test"
	s.server.ErrorLog = log.New(io.Discard, "", 0)
	s.server.EnableSMTPUTF8 = !o.NoUTF8
	s.server.MaxMessageBytes = 1 << 20
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Address = listener.Addr().String()
	switch {
	case o.DirectTLS:
		listener = tlsListener(t, listener, issued)
	case !o.NoTLS:
		s.server.TLSConfig = issued.Config(t)
	}
	var running sync.WaitGroup
	running.Go(func() { _ = s.server.Serve(listener) })
	t.Cleanup(func() {
		_ = listener.Close()
		_ = s.server.Close()
		running.Wait()
	})
	return s
}

// Mails returns the mails that have arrived, which must be n.
func (s *Server) Mails(t *testing.T, n int) []Mail {
	t.Helper()
	s.mails.Wait(t, n)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.got) != n {
		t.Fatalf("%d mails arrived, want %d", len(s.got), n)
	}
	return append([]Mail(nil), s.got...)
}

// Connections returns how many connections there were.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.connections)
}

// Disconnect closes all connections.
func (s *Server) Disconnect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.connections {
		_ = c.Conn().Close()
	}
}

type session struct {
	server *Server
	conn   *smtp.Conn
	mail   Mail
	user   string
}

// AuthMechanisms implements smtp.AuthSession.
func (s *session) AuthMechanisms() []string {
	switch {
	case s.server.options.Users == nil:
		return nil
	case s.server.options.Mechanism != "":
		return []string{s.server.options.Mechanism}
	}
	return []string{sasl.Plain}
}

// Auth implements smtp.AuthSession.
func (s *session) Auth(mechanism string) (sasl.Server, error) {
	check := func(user, password string) error {
		switch {
		case s.server.options.Login != nil:
			return s.server.options.Login
		case s.server.options.Users[user] != password || password == "":
			// Some servers repeat what they were sent.
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "wrong password " + password}
		}
		s.user = user
		return nil
	}
	if mechanism == sasl.Login {
		return &loginServer{check: check}, nil
	}
	return sasl.NewPlainServer(func(_, user, password string) error { return check(user, password) }), nil
}

// loginServer is the obsolete mechanism LOGIN, which Exchange still prefers.
type loginServer struct {
	check func(user, password string) error
	user  *string
	asked bool
}

// Next implements sasl.Server.
func (l *loginServer) Next(response []byte) ([]byte, bool, error) {
	switch {
	case !l.asked && len(response) == 0:
		l.asked = true
		return []byte("Username:"), false, nil
	case l.user == nil:
		user := string(response)
		l.user, l.asked = &user, true
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(*l.user, string(response))
}

// Mail implements smtp.Session.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.server.options.Sender != nil {
		return s.server.options.Sender
	}
	if s.server.options.Users != nil && s.user == "" {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	_, encrypted := s.conn.TLSConnectionState()
	s.mail = Mail{From: from, User: s.user, Encrypted: encrypted}
	return nil
}

// Rcpt implements smtp.Session.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if refused := s.server.options.Recipient; refused != nil {
		return refused
	}
	if unknown := s.server.options.Unknown; unknown != "" && to == unknown {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	}
	if s.mail.To != "" {
		return errors.New("a second recipient")
	}
	s.mail.To = to
	return nil
}

// Data implements smtp.Session.
func (s *session) Data(r io.Reader) error {
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.server.options.Drop {
		return s.conn.Conn().Close()
	}
	if refused := s.server.options.Message; refused != nil {
		return refused
	}
	s.mail.Content = content
	s.server.mu.Lock()
	s.server.got = append(s.server.got, s.mail)
	s.server.mu.Unlock()
	s.server.mails.Add(received(s.mail))
	return nil
}

// Reset implements smtp.Session.
func (s *session) Reset() { s.mail = Mail{} }

// Logout implements smtp.Session.
func (*session) Logout() error { return nil }

// says is a server that answers every connection with words, and reads on.
func says(t *testing.T, words string, times int) *Server {
	return &Server{Address: notifytest.Listener(t, func(conn net.Conn) {
		for range times {
			if _, err := io.WriteString(conn, words); err != nil {
				return
			}
		}
		_, _ = io.Copy(io.Discard, conn)
	})}
}

func endless(line string) string { return strings.Repeat(line+"\r\n", 1000) }

// hangsUp is a server that closes every connection at once.
func hangsUp(t *testing.T) *Server {
	return &Server{Address: notifytest.Listener(t, func(net.Conn) {})}
}
