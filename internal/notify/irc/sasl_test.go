package irc_test

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"net"
	"slices"
	"strings"
	"testing"

	"mellium.im/sasl"

	"github.com/travishook/travishook/internal/notify/irc/irctest/talk"
	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/test/certificate"
)

// scram is a server's part of SCRAM-SHA-256 for the user ci.
type scram struct {
	password   string
	iterations int64
	lie        string // in place of the proof that it knows the password
	negotiator *sasl.Negotiator
}

// answers answers AUTHENTICATE.
func (s *scram) answers(line string) []string {
	text, _ := strings.CutPrefix(line, "AUTHENTICATE ")
	switch text {
	case "SCRAM-SHA-256":
		salt := []byte("a salt")
		s.negotiator = sasl.NewServer(sasl.ScramSha256, func(*sasl.Negotiator) bool { return true },
			sasl.SaltedCredentials(func(user, _ []byte, _ string) ([]byte, []byte, int64, error) {
				if string(user) != "ci" {
					return nil, nil, 0, sasl.ErrAuthn
				}
				return salt, sasl.SCRAMSaltPassword(sha256.New, []byte(s.password), salt, int(s.iterations)), s.iterations, nil
			}))
		return []string{"AUTHENTICATE +"}
	case "+":
		return []string{":irc.test 903 travis-ci :ok"}
	}
	message, _ := base64.StdEncoding.DecodeString(text)
	more, challenge, err := s.negotiator.Step(message)
	if err != nil {
		return []string{":irc.test 904 travis-ci :no"}
	}
	if !more && s.lie != "" {
		challenge = []byte(s.lie)
	}
	return []string{"AUTHENTICATE " + base64.StdEncoding.EncodeToString(challenge)}
}

func TestLoginWithSCRAM(t *testing.T) {
	for _, test := range []struct {
		name    string
		server  scram
		offered string
		want    notifytest.Kind
		says    string
	}{
		{"accepted", scram{password: "correct horse", iterations: 4096}, "sasl=PLAIN,SCRAM-SHA-256", "", ""},
		{"wrong password", scram{password: "battery", iterations: 4096}, "sasl=SCRAM-SHA-256", notifytest.BadCredential, "correct them in the account's Secret"},
		{"an impostor", scram{password: "correct horse", iterations: 4096, lie: "v=AAAA"}, "sasl=SCRAM-SHA-256", notifytest.Retry, "could not prove"},
		{"nonsense", scram{password: "correct horse", iterations: 4096, lie: ","}, "sasl=SCRAM-SHA-256", notifytest.Retry, "could not prove"},
		{"few iterations", scram{password: "correct horse", iterations: 100}, "sasl=SCRAM-SHA-256", notifytest.Permanent, "fewer than 4096"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &script{answers: func(line string) []string {
				if strings.HasPrefix(line, "AUTHENTICATE ") {
					return test.server.answers(line)
				}
				return talk.WithCapabilities(line, test.offered)
			}}
			address, ca := s.encrypted(t)
			n := open(t, address, nil, map[string]string{"password": "correct horse\n", "username": "ci", "ca.crt": string(ca)})
			err := send(t, n, "#builds", "passed")
			if test.want == "" && err != nil || test.want != "" && (err == nil || notifytest.KindOf(err) != test.want || !strings.Contains(err.Error(), test.says)) {
				t.Fatalf("%v, want %s: %s", err, test.want, test.says)
			}
			for _, line := range s.received("AUTHENTICATE ") {
				decoded, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(line, "AUTHENTICATE "))
				if strings.Contains(string(decoded), "correct horse") {
					t.Error("the password was sent")
				}
			}
		})
	}
}

// A server that says 903 before it has proven that it knows the password is not believed.
func TestAServerMustProveThatItKnowsThePassword(t *testing.T) {
	s := &script{answers: func(line string) []string {
		if strings.HasPrefix(line, "AUTHENTICATE ") {
			return []string{":irc.test 903 travis-ci :ok"}
		}
		return talk.WithCapabilities(line, "sasl=SCRAM-SHA-256")
	}}
	address, ca := s.encrypted(t)
	n := open(t, address, nil, map[string]string{"password": "correct horse", "ca.crt": string(ca)})
	if err := send(t, n, "#builds", "passed"); err == nil || !strings.Contains(err.Error(), "could not prove") {
		t.Error(err)
	}
}

// Services that cannot use SCRAM for an old password refuse it, and take PLAIN.
func TestPlainAfterSCRAM(t *testing.T) {
	s := &script{answers: func(line string) []string {
		switch {
		case line == "AUTHENTICATE SCRAM-SHA-256":
			return []string{":irc.test 904 travis-ci :no"}
		case line == "AUTHENTICATE PLAIN":
			return []string{"AUTHENTICATE +"}
		case strings.HasPrefix(line, "AUTHENTICATE "):
			return []string{":irc.test 903 travis-ci :ok"}
		}
		return talk.WithCapabilities(line, "sasl=PLAIN,SCRAM-SHA-256")
	}}
	address, ca := s.encrypted(t)
	n := open(t, address, nil, map[string]string{"password": "correct horse", "ca.crt": string(ca)})
	if err := send(t, n, "#builds", "passed"); err != nil {
		t.Error(err)
	}
}

// The client's certificate is the login where there is no password.
func TestLoginWithACertificate(t *testing.T) {
	issued := certificate.Issue(t, "127.0.0.1")
	for _, test := range []struct {
		name, offered, username, answer string
		want                            notifytest.Kind
		says                            string
		authenticates                   bool
	}{
		{"accepted", "sasl=EXTERNAL,PLAIN", "", ":irc.test 903 travis-ci :ok", "", "", true},
		{"accepted for a user", "sasl=EXTERNAL", "ci", ":irc.test 903 travis-ci :ok", "", "", true},
		{"refused", "sasl=EXTERNAL", "", ":irc.test 904 travis-ci :no", notifytest.BadCredential, "add its fingerprint", true},
		{"without SASL", "batch", "", "", "", "", false},
		{"without SASL, for a user", "batch", "ci", "", notifytest.Retry, "offers no login", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &script{answers: func(line string) []string {
				switch {
				case line == "AUTHENTICATE EXTERNAL":
					return []string{"AUTHENTICATE +"}
				case strings.HasPrefix(line, "AUTHENTICATE "):
					return []string{test.answer}
				}
				return talk.WithCapabilities(line, test.offered)
			}}
			config := issued.Config(t)
			config.ClientAuth = tls.RequireAnyClientCert
			address := notifytest.Listener(t, func(conn net.Conn) { s.talk(tls.Server(conn, config)) })
			credential := map[string]string{"ca.crt": string(issued.CA), "tls.crt": string(issued.Cert), "tls.key": string(issued.Key)}
			if test.username != "" {
				credential["username"] = test.username
			}
			err := send(t, open(t, address, nil, credential), "#builds", "passed")
			if test.want == "" && err != nil || test.want != "" && (err == nil || notifytest.KindOf(err) != test.want || !strings.Contains(err.Error(), test.says)) {
				t.Fatalf("%v, want %s: %s", err, test.want, test.says)
			}
			if slices.Contains(s.received("AUTHENTICATE "), "AUTHENTICATE +") != test.authenticates {
				t.Errorf("sent %q", s.received("AUTHENTICATE "))
			}
		})
	}
}
