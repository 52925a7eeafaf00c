package irc_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/travishook/travishook/internal/notify/irc/irctest/talk"
)

// Without the capability, the account would speak without being logged in.
func TestAServerThatRefusesTheLoginAsACapability(t *testing.T) {
	s := &script{answers: func(line string) []string {
		if names, ok := strings.CutPrefix(line, "CAP REQ "); ok {
			return []string{":irc.test CAP * NAK " + names}
		}
		return talk.WithCapabilities(line, "sasl")
	}}
	address, ca := s.encrypted(t)
	n := open(t, address, nil, map[string]string{"password": "correct horse", "ca.crt": string(ca)})
	if err := send(t, n, "#builds", "passed"); err == nil || !strings.Contains(err.Error(), "offers no login") {
		t.Errorf("%v, want no login", err)
	}
}

// A line of AUTHENTICATE has 400 bytes at most, and one of 400 is continued.
func TestALongPasswordIsSentInSeveralLines(t *testing.T) {
	for _, size := range []int{294, 500} {
		s := &script{answers: func(line string) []string {
			text, ok := strings.CutPrefix(line, "AUTHENTICATE ")
			switch {
			case text == "PLAIN":
				return []string{"AUTHENTICATE +"}
			case len(text) == 400:
				return []string{}
			case ok:
				return []string{":irc.test 903 travis-ci :ok"}
			}
			return talk.WithCapabilities(line, "sasl=PLAIN")
		}}
		address, ca := s.encrypted(t)
		password := strings.Repeat("x", size)
		n := open(t, address, nil, map[string]string{"username": "ci", "password": password, "ca.crt": string(ca)})
		if err := send(t, n, "#builds", "passed"); err != nil {
			t.Fatal(err)
		}
		sent := s.received("AUTHENTICATE ")[1:]
		if slices.ContainsFunc(sent, func(line string) bool { return len(line) > len("AUTHENTICATE ")+400 }) {
			t.Errorf("sent %q", sent)
		}
		whole, _ := base64.StdEncoding.DecodeString(strings.NewReplacer("AUTHENTICATE ", "", "+", "").Replace(strings.Join(sent, "")))
		if string(whole) != "ci\x00ci\x00"+password {
			t.Errorf("the server got %q", whole)
		}
	}
}
