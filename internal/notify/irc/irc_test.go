package irc_test

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ergochat/irc-go/ircmsg"
	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/irc"
	"github.com/travishook/travishook/internal/notify/irc/irctest/talk"
	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/test/certificate"
	"github.com/travishook/travishook/test/ircd"
)

// open returns a notifier for a server.
func open(t *testing.T, server string, config map[string]any, credential map[string]string) notify.Connection {
	t.Helper()
	block := map[string]any{"server": server, "nickname": "travis-ci", "linesPerMinute": 60_000, "style": "Message"}
	for name, value := range config {
		block[name] = value
	}
	raw, _ := json.Marshal(block)
	secrets := notify.Credential{}
	for name, value := range credential {
		secrets[name] = secret.New(value)
	}
	if err := irc.Service.Check(raw, secrets); err != nil {
		t.Fatal(err)
	}
	n, err := irc.Service.New(raw, secrets, notify.Deps{Dial: notify.NewDialer(nil), Log: logr.Discard()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	return n.(notify.Connection)
}

func send(t *testing.T, n notify.Notifier, channel, text string) error {
	t.Helper()
	_, err := n.Notify(t.Context(), notify.Message{ID: strings.Repeat("0", 32), Address: channel, Text: text, Level: notify.Bad})
	return err
}

// script is a server that answers some lines in its own way and the others as talk.Welcome does.
type script struct {
	mu      sync.Mutex
	lines   []string
	answers func(line string) []string // nil: not in its own way
}

func (s *script) talk(conn net.Conn) {
	talk.Talk(conn, func(line string) []string {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.lines = append(s.lines, line)
		if own := s.answers(line); own != nil {
			return own
		}
		return talk.Welcome(line)
	})
}

// received returns the lines that begin with prefix.
func (s *script) received(prefix string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.lines), func(line string) bool { return !strings.HasPrefix(line, prefix) })
}

// encrypted starts a TLS server for the script.
func (s *script) encrypted(t *testing.T) (address string, ca []byte) {
	t.Helper()
	issued := certificate.Issue(t, "127.0.0.1")
	config := issued.Config(t)
	return notifytest.Listener(t, func(conn net.Conn) { s.talk(tls.Server(conn, config)) }), issued.CA
}

// Whoever is in between could present a certificate of its own, or one for another name.
func TestOnlyTheServersCertificateIsTrusted(t *testing.T) {
	for name, test := range map[string]struct{ host, says string }{
		"another authority": {"127.0.0.1", "unknown authority"}, "another name": {"other.test", "for another name"},
	} {
		t.Run(name, func(t *testing.T) {
			issued := certificate.Issue(t, test.host)
			s := &script{answers: func(string) []string { return nil }}
			address := notifytest.Listener(t, func(conn net.Conn) { s.talk(tls.Server(conn, issued.Config(t))) })
			ca := issued.CA
			if name == "another authority" {
				ca = certificate.Issue(t, test.host).CA
			}
			n := open(t, address, nil, map[string]string{"password": "correct horse", "ca.crt": string(ca)})
			if err := send(t, n, "#builds", "passed"); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v, want %s", err, test.says)
			}
			if got := s.received(""); len(got) > 0 {
				t.Errorf("the server got %q", got)
			}
		})
	}
}

func TestLogin(t *testing.T) {
	for _, test := range []struct {
		name, offered, answer string
		want                  notifytest.Kind
		says                  string
	}{
		{"accepted", "sasl=EXTERNAL,PLAIN batch", ":irc.test 903 travis-ci :ok", "", ""},
		{"refused", "sasl", ":irc.test 904 travis-ci :no", notifytest.BadCredential, "correct them in the account's Secret"},
		{"no mechanisms named", "sasl", ":irc.test 903 travis-ci :ok", "", ""},
		{"another mechanism", "sasl=EXTERNAL", "", notifytest.Retry, "offers no login"},
		{"none", "batch", "", notifytest.Retry, "offers no login"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &script{answers: func(line string) []string {
				switch {
				case line == "AUTHENTICATE PLAIN":
					return []string{"AUTHENTICATE +"}
				case strings.HasPrefix(line, "AUTHENTICATE "):
					return []string{test.answer}
				}
				return talk.WithCapabilities(line, test.offered)
			}}
			address, ca := s.encrypted(t)
			n := open(t, address, nil, map[string]string{"password": "correct horse\n", "username": "ci", "ca.crt": string(ca)})
			err := send(t, n, "#builds", "passed")
			if test.want == "" && err != nil || test.want != "" && (err == nil || notifytest.KindOf(err) != test.want || !strings.Contains(err.Error(), test.says)) {
				t.Fatalf("%v, want %s: %s", err, test.want, test.says)
			}
			want := "AUTHENTICATE " + base64.StdEncoding.EncodeToString([]byte("ci\x00ci\x00correct horse"))
			if sent := s.received("AUTHENTICATE "); test.answer != "" && !slices.Contains(sent, want) {
				t.Errorf("sent %q", sent)
			}
			if joined := s.received("JOIN"); (len(joined) > 0) != (err == nil) {
				t.Errorf("joined without a login: %v", joined)
			}
		})
	}
}

// A server that demands encryption gets it, also after the connection was lost.
func TestStrictTransportSecurity(t *testing.T) {
	secure := &script{answers: func(line string) []string { return talk.WithCapabilities(line, "sts=duration=3600") }}
	address, ca := secure.encrypted(t)
	_, port, _ := net.SplitHostPort(address)
	unencrypted := &script{answers: func(line string) []string { return talk.WithCapabilities(line, "sts=port="+port) }}
	plain := notifytest.Listener(t, unencrypted.talk)
	n := open(t, plain, map[string]any{"tls": "None"}, map[string]string{"ca.crt": string(ca), "serverPassword": ""})
	if err := send(t, n, "#builds", "passed"); err != nil {
		t.Fatal(err)
	}
	if sent := secure.received("PRIVMSG #builds"); len(sent) != 1 {
		t.Errorf("encrypted: %q", sent)
	}
	if sent := unencrypted.received("JOIN"); len(sent) != 0 {
		t.Errorf("not encrypted: %q", sent)
	}
}

func TestLabeledResponses(t *testing.T) {
	for name, test := range map[string]struct {
		answers []string
		says    string
	}{
		"acknowledged":       {[]string{"@label=LABEL :irc.test ACK"}, ""},
		"refused":            {[]string{"@label=LABEL :irc.test 404 travis-ci #builds :Cannot send to channel"}, "give it voice"},
		"refused in a batch": {[]string{"@label=LABEL :irc.test BATCH +x labeled-response", "@batch=x :irc.test NOTE x", "@batch=x :irc.test 404 travis-ci #builds :No", ":irc.test BATCH -x"}, "give it voice"},
		"fails":              {[]string{"@label=LABEL :irc.test FAIL PRIVMSG INVALID_UTF8 :Bad bytes"}, "refuses the message"},
		"of somebody else":   {[]string{"@label=other :irc.test 404 travis-ci #builds :No", "@label=LABEL :irc.test ACK"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{answers: func(line string) []string {
				label, isTagged := strings.CutPrefix(line, "@label=")
				if !isTagged {
					return talk.WithCapabilities(line, "batch labeled-response message-tags")
				}
				label, _, _ = strings.Cut(label, " ")
				var all []string
				for _, a := range test.answers {
					all = append(all, strings.ReplaceAll(a, "LABEL", label))
				}
				return all
			}}
			n := open(t, notifytest.Listener(t, s.talk), map[string]any{"tls": "None"}, nil)
			err := send(t, n, "#builds", "passed")
			if test.says == "" && err != nil || test.says != "" && (err == nil || !notify.IsPermanent(err) || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("%v, want %q", err, test.says)
			}
		})
	}
}

// A message of several lines is one message where the server has that, and lines where it refuses it after all.
func TestSeveralLinesAreOneMessage(t *testing.T) {
	for name, test := range map[string]struct {
		limits, answer string
		want           []string
	}{
		"accepted": {"max-bytes=4096,max-lines=10", "@label=t1 :irc.test ACK", []string{
			"@label=t1 BATCH +t1 draft/multiline #builds", "@batch=t1 PRIVMSG #builds :\x0304✘\x0f one", "@batch=t1 PRIVMSG #builds :two", "BATCH -t1",
		}},
		"refused without a label": {"max-bytes=4096", ":irc.test FAIL BATCH MULTILINE_INVALID :No", []string{
			"@label=t1 BATCH +t1 draft/multiline #builds", "@batch=t1 PRIVMSG #builds :\x0304✘\x0f one", "@batch=t1 PRIVMSG #builds :two", "BATCH -t1",
			"@label=t2 PRIVMSG #builds :\x0304✘\x0f one", "@label=t3 PRIVMSG #builds :two",
		}},
		"too many lines": {"max-bytes=4096,max-lines=1", "", []string{"@label=t1 PRIVMSG #builds :\x0304✘\x0f one", "@label=t2 PRIVMSG #builds :two"}},
		"too many bytes": {"max-bytes=10", "", []string{"@label=t1 PRIVMSG #builds :\x0304✘\x0f one", "@label=t2 PRIVMSG #builds :two"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{answers: func(line string) []string {
				label, _, _ := strings.Cut(strings.TrimPrefix(line, "@label="), " ")
				switch {
				case strings.HasPrefix(line, "@label=") && !strings.Contains(line, " BATCH "):
					return []string{"@label=" + label + " :irc.test ACK"}
				case strings.HasPrefix(line, "BATCH -"):
					return []string{test.answer}
				}
				return talk.WithCapabilities(line, "batch labeled-response message-tags draft/multiline="+test.limits)
			}}
			n := open(t, notifytest.Listener(t, s.talk), map[string]any{"tls": "None"}, nil)
			if err := send(t, n, "#builds", "one\ntwo"); err != nil {
				t.Fatal(err)
			}
			got := append(s.received("@"), s.received("BATCH")...)
			if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(test.want))) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// Some servers join an account's channels for it when it connects, and do not answer a request to join them again.
func TestChannelsThatTheServerJoined(t *testing.T) {
	s := &script{answers: func(line string) []string {
		switch {
		case strings.HasPrefix(line, "NICK "):
			return append(talk.Welcome(line), ":travis-ci!travis@host.test JOIN #builds", ":irc.test BATCH -none", "PING joined")
		case strings.HasPrefix(line, "JOIN "):
			return []string{}
		}
		return nil
	}}
	n := open(t, notifytest.Listener(t, s.talk), map[string]any{"tls": "None"}, nil)
	if err := send(t, n, "#builds", "passed"); err != nil {
		t.Fatal(err)
	}
}

func TestAnotherNicknameIsTakenWhereItIsInUse(t *testing.T) {
	server := ircd.Ngircd.Start(t, ircd.Options{})
	observer := server.Join(t, "somebody", "#builds")
	server.Join(t, "travis-ci")
	n := open(t, server.Plain, map[string]any{"tls": "None"}, nil)
	if err := send(t, n, "#builds", "passed"); err != nil {
		t.Fatal(err)
	}
	observer.Await(t, "PRIVMSG", "#builds")
	seen := observer.Seen(t, func([]ircmsg.Message) bool { return true })
	if m := seen[len(seen)-1]; m.Nick() != "travis-ci-2" {
		t.Errorf("sent by %s", m.Nick())
	}
}

// The account joins again after a kick, and connects again after the server was restarted; a channel's key is
// in the Secret.
func TestJoinsAgain(t *testing.T) {
	server := ircd.Ngircd.Start(t, ircd.Options{})
	observer := server.Join(t, "somebody", "#builds")
	observer.Do(t, "MODE #builds +k sesame")
	n := open(t, server.Plain, map[string]any{"tls": "None"}, map[string]string{"key.builds": "sesame\n"})
	if err := send(t, n, "#builds", "first"); err != nil {
		t.Fatal(err)
	}
	observer.Do(t, "KICK #builds travis-ci :out")
	if err := send(t, n, "#builds", "second"); err != nil {
		t.Fatal(err)
	}
	if !n.Connected() {
		t.Error("not connected")
	}
	server.Restart(t)
	observer = server.Join(t, "somebody", "#builds")
	// The end of the old connection may not be known yet.
	for deadline := time.Now().Add(time.Minute); ; <-time.After(10 * time.Millisecond) {
		err := send(t, n, "#builds", "third")
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	observer.Await(t, "PRIVMSG", "#builds")
}

// A channel that refuses colors gets the message without them.
func TestColorsAreLeftOutWhereTheyAreRefused(t *testing.T) {
	s := &script{answers: func(line string) []string {
		if strings.HasPrefix(line, "PRIVMSG ") && strings.Contains(line, "\x03") {
			return []string{":irc.test 404 travis-ci #builds :Cannot send to channel (no colors, +c)"}
		}
		return nil
	}}
	n := open(t, notifytest.Listener(t, s.talk), map[string]any{"tls": "None"}, nil)
	if err := send(t, n, "#builds", "1 failed"); err != nil {
		t.Fatal(err)
	}
	want := []string{"PRIVMSG #builds :\x0304✘\x0f 1 failed", "PRIVMSG #builds :✘ 1 failed"}
	if got := s.received("PRIVMSG"); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Long lines are split at spaces, within the limit that others receive, and into few lines.
func TestLongLinesAreSplit(t *testing.T) {
	s := &script{answers: func(string) []string { return nil }}
	n := open(t, notifytest.Listener(t, s.talk), map[string]any{"tls": "None", "style": "Notice"}, nil)
	var words []string
	for i := range 200 {
		words = append(words, fmt.Sprintf("größe%d", i))
	}
	if err := send(t, n, "#builds", strings.Join(words, " ")); err != nil {
		t.Fatal(err)
	}
	got := s.received("NOTICE #builds :")
	if len(got) < 3 || len(got) > 5 {
		t.Fatalf("%d lines", len(got))
	}
	var shown []string
	for i, line := range got {
		if whole := len(":travis-ci!travis@host.test " + line + "\r\n"); whole > 512 || whole < 400 && i < len(got)-1 {
			t.Errorf("a line of %d bytes", whole)
		}
		shown = append(shown, strings.TrimPrefix(line, "NOTICE #builds :"))
	}
	text := strings.TrimPrefix(strings.Join(shown, " "), "\x0304✘\x0f ")
	if whole := strings.Join(words, " "); !strings.HasPrefix(whole, strings.TrimSuffix(text, "…")) {
		t.Errorf("%q", text)
	}
}

// Each line is paced, so a message has few.
func TestAMessageHasFiveLinesAtMost(t *testing.T) {
	s := &script{answers: func(string) []string { return nil }}
	n := open(t, notifytest.Listener(t, s.talk), map[string]any{"tls": "None"}, nil)
	if err := send(t, n, "#builds", "1\n2\n3\n4\n5\n6\n7"); err != nil {
		t.Fatal(err)
	}
	want := []string{"\x0304✘\x0f 1", "2", "3", "4", "5 …"}
	for i := range want {
		want[i] = "PRIVMSG #builds :" + want[i]
	}
	if got := s.received("PRIVMSG"); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
