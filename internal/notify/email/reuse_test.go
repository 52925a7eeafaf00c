package email_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/email"
	"github.com/travishook/travishook/internal/notify/email/emailtest"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/test/certificate"
)

// open returns a notifier for an account on s.
func open(t *testing.T, s *emailtest.Server, mode string) notify.Notifier {
	t.Helper()
	a := emailtest.Account(s, mode)
	n, err := email.Service.New(a.Config, a.Credential, notify.Deps{Dial: notify.NewDialer(nil)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	return n
}

// Several mails share a connection, also after one that the server refused.
func TestAConnectionIsReused(t *testing.T) {
	for _, mode := range []string{"None", "StartTLS", "TLS"} {
		t.Run(mode, func(t *testing.T) {
			options := emailtest.Harness{TLS: mode}.Options()
			options.Unknown = "nobody@example.org"
			s := emailtest.StartServer(t, options)
			n := open(t, s, mode)
			for i, to := range []string{"a@example.org", options.Unknown, "b@example.org", "c@example.org"} {
				_, err := n.Notify(t.Context(), state(i, to))
				if refused := to == options.Unknown; notify.IsPermanent(err) != refused || !refused && err != nil {
					t.Errorf("%s: %v", to, err)
				}
			}
			s.Mails(t, 3)
			if got := s.Connections(); got != 1 {
				t.Errorf("%d connections", got)
			}
		})
	}
}

// A connection that the server has closed meanwhile costs no mail.
func TestAClosedConnectionIsReplaced(t *testing.T) {
	s := emailtest.StartServer(t, emailtest.Options{NoTLS: true})
	n := open(t, s, "None")
	for i := range 3 {
		if _, err := n.Notify(t.Context(), state(i, "a@example.org")); err != nil {
			t.Fatal(err)
		}
		s.Disconnect()
	}
	s.Mails(t, 3)
	if got := s.Connections(); got != 3 {
		t.Errorf("%d connections", got)
	}
}

// A server that has no mails to take for a while is left; it takes a limited number on one connection.
func TestAnIdleConnectionIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &counter{}
		n, err := email.Service.New([]byte(`{"server":"mail.test:25","from":"ci@example.com","tls":"None"}`), nil, notify.Deps{Dial: s.dial})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = n.Close() }()
		mail := func(i int) {
			t.Helper()
			if _, err := n.Notify(t.Context(), state(i, "a@example.org")); err != nil {
				t.Fatal(err)
			}
		}
		open := func(want, wantAll int) {
			t.Helper()
			synctest.Wait()
			if now, all := s.count(); now != want || all != wantAll {
				t.Errorf("%d of %d connections are open, want %d of %d", now, all, want, wantAll)
			}
		}
		mail(1)
		open(1, 1)
		time.Sleep(15 * time.Second)
		mail(2)
		open(1, 1)
		time.Sleep(21 * time.Second)
		open(0, 1)
		for i := range 60 {
			mail(i)
		}
		open(1, 3)
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		open(0, 3)
	})
}

// counter is a mail server that counts its connections.
type counter struct {
	mu        sync.Mutex
	open, all int
}

func (s *counter) count() (open, all int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open, s.all
}

func (s *counter) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open, s.all = s.open+1, s.all+1
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return takesAll{}, nil }))
	server.ErrorLog = log.New(io.Discard, "", 0)
	_ = server.Serve(&oneConnection{conn: &counted{Conn: far, server: s}}) // serves the connection, and returns
	return near, nil
}

// counted is a connection of a counter.
type counted struct {
	net.Conn
	server *counter
	closed sync.Once
}

func (c *counted) Close() error {
	c.closed.Do(func() {
		c.server.mu.Lock()
		defer c.server.mu.Unlock()
		c.server.open--
	})
	return c.Conn.Close()
}

// oneConnection is a listener with one connection.
type oneConnection struct{ conn net.Conn }

func (l *oneConnection) Accept() (net.Conn, error) {
	conn := l.conn
	if l.conn = nil; conn == nil {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (*oneConnection) Close() error   { return nil }
func (*oneConnection) Addr() net.Addr { return &net.TCPAddr{} }

// takesAll is a session that accepts every mail.
type takesAll struct{}

func (takesAll) Mail(string, *smtp.MailOptions) error { return nil }
func (takesAll) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (takesAll) Data(r io.Reader) error               { _, err := io.Copy(io.Discard, r); return err }
func (takesAll) Reset()                               {}
func (takesAll) Logout() error                        { return nil }

// A server that leaves after a refusal costs no mail either, even one that needs an extension.
func TestAConnectionThatEndsAfterARefusalIsReplaced(t *testing.T) {
	for name, leave := range map[string]string{"with an answer": "421 4.3.2 shutting down", "without": ""} {
		t.Run(name, func(t *testing.T) {
			s := &script{answer: func(connection int, command string, hellos int) string {
				switch {
				case connection == 1 && command == "EHLO" && hellos > 1:
					return leave
				case connection == 1 && command == "RCPT":
					return "550 5.1.1 no such user"
				}
				return accept(command)
			}}
			n := s.open(t)
			if _, err := n.Notify(t.Context(), state(1, "nobody@example.org")); !notify.IsPermanent(err) {
				t.Fatalf("a refused recipient: %v", err)
			}
			if _, err := n.Notify(t.Context(), state(2, "größe@example.org")); err != nil {
				t.Errorf("the next mail: %v", err)
			}
			if s.connections != 2 {
				t.Errorf("%d connections", s.connections)
			}
		})
	}
}

// All accounts together keep a limited number of connections; a mail beyond it is delivered all the same.
func TestIdleConnectionsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &counter{}
		var accounts []notify.Notifier
		for i := range 66 {
			n, err := email.Service.New([]byte(`{"server":"mail.test:25","from":"ci@example.com","tls":"None"}`), nil, notify.Deps{Dial: s.dial})
			if err != nil {
				t.Fatal(err)
			}
			accounts = append(accounts, n)
			defer func() { _ = n.Close() }()
			if _, err := n.Notify(t.Context(), state(i, "a@example.org")); err != nil {
				t.Fatal(err)
			}
		}
		open := func(want int, when string) {
			t.Helper()
			synctest.Wait()
			if now, _ := s.count(); now != want {
				t.Errorf("%d connections are open %s, want %d", now, when, want)
			}
		}
		open(64, "after a mail for each account")
		if err := accounts[0].Close(); err != nil {
			t.Error(err)
		}
		open(63, "after an account was closed")
		if _, err := accounts[65].Notify(t.Context(), state(99, "a@example.org")); err != nil {
			t.Error(err)
		}
		open(64, "after another mail")
		time.Sleep(21 * time.Second)
		open(0, "after a while")
		if _, err := accounts[1].Notify(t.Context(), state(100, "a@example.org")); err != nil {
			t.Error(err)
		}
		open(1, "after a mail then")
	})
}

// A server may send so much until the login and for a mail, besides its certificates.
func TestAnswersAreLimited(t *testing.T) {
	issued := certificate.Issue(t, "mail.test")
	chain := issued.Config(t)
	for range 100 { // 50 KiB, nobody needs them
		chain.Certificates[0].Certificate = append(chain.Certificates[0].Certificate, chain.Certificates[0].Certificate[0])
	}
	long := strings.Repeat("250-X-EXTENSION-OF-THIRTY-TWO-BYTES\r\n", 1000) + "250 SMTPUTF8"
	for name, test := range map[string]struct {
		mode  string
		large func(command string, hellos int) bool
	}{
		"no encryption":             {"None", func(command string, _ int) bool { return command == "EHLO" }},
		"before STARTTLS":           {"StartTLS", func(command string, hellos int) bool { return command == "EHLO" && hellos == 1 }},
		"after STARTTLS":            {"StartTLS", func(command string, hellos int) bool { return command == "EHLO" && hellos == 2 }},
		"TLS":                       {"TLS", func(command string, _ int) bool { return command == "EHLO" }},
		"a mail":                    {"TLS", func(command string, _ int) bool { return command == "MAIL" }},
		"nothing, no encryption":    {"None", nil},
		"nothing but STARTTLS":      {"StartTLS", nil},
		"nothing but a large chain": {"TLS", nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{tls: chain, mode: test.mode, ca: issued.CA}
			s.answer = func(_ int, command string, hellos int) string {
				if test.large != nil && test.large(command, hellos) {
					return long
				}
				return accept(command)
			}
			_, err := s.open(t).Notify(t.Context(), state(1, "a@example.org"))
			if test.large == nil && err != nil || test.large != nil && (err == nil || !strings.Contains(err.Error(), "more than an SMTP server may")) {
				t.Error(err)
			}
		})
	}
}

// What a server sends when EHLO is repeated after a refusal is limited, too.
func TestALargeAnswerAfterARefusal(t *testing.T) {
	s := &script{}
	s.answer = func(connection int, command string, hellos int) string {
		switch {
		case connection == 1 && command == "EHLO" && hellos > 1:
			return strings.Repeat("250-X\r\n", 10000) + "250 SMTPUTF8"
		case connection == 1 && command == "RCPT":
			return "550 5.1.1 no such user"
		}
		return accept(command)
	}
	n := s.open(t)
	for i, refused := range []bool{true, false} {
		if _, err := n.Notify(t.Context(), state(i, "a@example.org")); (err != nil) != refused {
			t.Errorf("mail %d: %v", i, err)
		}
	}
	if s.connections != 2 {
		t.Errorf("%d connections", s.connections)
	}
}

// script is a mail server whose answers a test chooses.
type script struct {
	// answer returns the answer to a command, the hellos-th EHLO of a connection; empty, the connection is closed.
	answer      func(connection int, command string, hellos int) string
	mode        string // the account's field tls; empty is None
	tls         *tls.Config
	ca          []byte
	connections int
	running     sync.WaitGroup
}

// accept is the answer of a server that takes every mail.
func accept(command string) string {
	switch command {
	case "EHLO":
		return "250-mail.test\r\n250-STARTTLS\r\n250 SMTPUTF8"
	case "STARTTLS":
		return "220 go on"
	case "DATA":
		return "354 go on"
	case "QUIT":
		return "221 bye"
	}
	return "250 2.0.0 OK"
}

// open returns a notifier for an account on s, without a login.
func (s *script) open(t *testing.T) notify.Notifier {
	t.Helper()
	config := fmt.Sprintf(`{"server":"mail.test:25","from":"ci@example.com","tls":%q}`, cmp.Or(s.mode, "None"))
	credential := notify.Credential{}
	if s.ca != nil {
		credential["ca.crt"] = secret.New(string(s.ca))
	}
	n, err := email.Service.New([]byte(config), credential, notify.Deps{Dial: s.dial})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = n.Close()
		s.running.Wait()
	})
	return n
}

func (s *script) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	s.connections++
	connection := s.connections
	s.running.Go(func() { s.serve(far, connection) })
	return near, nil
}

func (s *script) serve(conn net.Conn, connection int) {
	defer func() { _ = conn.Close() }()
	if s.mode == "TLS" {
		conn = tls.Server(conn, s.tls)
	}
	c := textproto.NewConn(conn)
	_ = c.PrintfLine("220 mail.test")
	for hellos := 0; ; {
		line, err := c.ReadLine()
		if err != nil {
			return
		}
		command, _, _ := strings.Cut(line, " ")
		command, _, _ = strings.Cut(command, ":")
		if command == "EHLO" {
			hellos++
		}
		answer := s.answer(connection, command, hellos)
		if answer == "" || c.PrintfLine("%s", answer) != nil {
			return
		}
		switch command {
		case "STARTTLS":
			c = textproto.NewConn(tls.Server(conn, s.tls))
		case "DATA":
			if _, err := c.ReadDotBytes(); err != nil || c.PrintfLine("%s", s.answer(connection, ".", hellos)) != nil {
				return
			}
		}
	}
}
