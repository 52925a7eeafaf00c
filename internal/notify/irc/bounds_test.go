package irc

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergochat/irc-go/ircmsg"
	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/irc/irctest/talk"
)

func parse(t *testing.T, line string) *ircmsg.Message {
	t.Helper()
	m, err := ircmsg.ParseLine(strings.Clone(line)) // of its own, as a line that was read
	if err != nil {
		t.Fatal(err)
	}
	return &m
}

// heap is the size of what is in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestWhatAServerSendsIsKeptWithinBounds(t *testing.T) {
	long := strings.Repeat("x", 8000)
	channelsOf := func(format string) func(s *session) error {
		return func(s *session) error {
			for i := range maxChannels {
				if err := s.handle(parse(t, fmt.Sprintf(format, i))); err != nil {
					return err
				}
			}
			return nil
		}
	}
	capabilities := func(s *session) error {
		r := registration{session: s, offered: map[string]string{}}
		for i := range 1000 {
			if err := r.capabilities(parse(t, fmt.Sprintf("CAP * LS * :%d-%s", i, long))); err != nil {
				return err
			}
			if err := r.capabilities(parse(t, fmt.Sprintf("CAP * LS * :batch=%s%d sasl", long, i))); err != nil {
				return err
			}
		}
		s.caps = r.offered // as if all were enabled
		return nil
	}
	answers := func(s *session) error {
		for i := range 1000 {
			label, _ := s.expect(&pending{channel: "#builds"})
			if err := s.handle(parse(t, fmt.Sprintf("@label=%s :irc.test BATCH +%d%s labeled-response", label, i, long))); err != nil {
				return err
			}
		}
		return nil
	}
	for name, send := range map[string]func(*session) error{
		"channels with long names": channelsOf(":ci!u@h JOIN #%d" + long),
		"channels in long lines":   channelsOf(":ci!u@h JOIN #%d * :" + long),
		"names of no channels":     channelsOf(":ci!u@h JOIN %d:" + long),
		"capabilities":             capabilities,
		"answers without end":      answers,
	} {
		t.Run(name, func(t *testing.T) {
			s := newSession(&account{perMinute: defaultPerMin}, nil, defaultTiming)
			s.nick = "ci"
			before := heap()
			if err := send(s); err != nil {
				t.Fatal(err)
			}
			if kept := heap() - before; kept > 2<<20 {
				t.Errorf("%d KiB are kept", kept>>10)
			}
			runtime.KeepAlive(s)
		})
	}
}

// dialTo returns a dialer for a server that answers each line; answers are one at a time.
func dialTo(answer func(line string) []string) notify.Dialer {
	var mu sync.Mutex
	return func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			talk.Talk(server, func(line string) []string {
				mu.Lock()
				defer mu.Unlock()
				return answer(line)
			})
			_ = server.Close()
		}()
		return client, nil
	}
}

func plainNotifier(t *testing.T, dial notify.Dialer) *notifier {
	t.Helper()
	a, err := parseAccount(json.RawMessage(`{"server":"irc.test:6667","nickname":"travis-ci","tls":"None"}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	return newNotifier(a, notify.Deps{Log: logr.Discard(), Dial: dial}, defaultTiming)
}

func labelOf(line string) string {
	label, _, _ := strings.Cut(strings.TrimPrefix(line, "@label="), " ")
	return label
}

// An answer that begins and never ends is forgotten with the attempt that it is for.
func TestAnswersWithoutEndAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := plainNotifier(t, dialTo(func(line string) []string {
			if strings.HasPrefix(line, "@label=") {
				return []string{"@label=" + labelOf(line) + " :irc.test BATCH +ref" + labelOf(line) + " labeled-response"}
			}
			if own := talk.WithCapabilities(line, "batch labeled-response message-tags"); own != nil {
				return own
			}
			return talk.Welcome(line)
		}))
		for range 10 {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			_, err := n.Notify(ctx, notify.Message{ID: strings.Repeat("0", 32), Address: "#builds", Text: "passed"})
			cancel()
			if !notify.IsAnswerLost(err) {
				t.Fatalf("%v, want a lost answer", err)
			}
		}
		s, err := n.Session(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if kept := len(s.batches) + len(s.pending); kept != 0 {
			t.Errorf("%d answers are expected", kept)
		}
		_ = n.Close()
	})
}

func TestAnEndlessMessageOfTheLoginIsRefused(t *testing.T) {
	var l login
	for received := 0; received <= 2*maxSASLSize; received += saslChunk {
		if _, _, err := l.receive(parse(t, "AUTHENTICATE "+strings.Repeat("x", saslChunk))); err != nil {
			return
		}
	}
	t.Errorf("%d bytes are kept", len(l.received))
}

// A server cannot have the login begun again within a connection: each derives a key.
func TestCapabilitiesAreRequestedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		requests := 0
		n := plainNotifier(t, dialTo(func(line string) []string {
			answer := talk.WithCapabilities(line, "batch")
			switch {
			case line == "CAP END":
				return append([]string{":irc.test CAP * LS :batch"}, answer...)
			case strings.HasPrefix(line, "CAP REQ"):
				requests++
			}
			if answer != nil {
				return answer
			}
			return talk.Welcome(line)
		}))
		if _, err := n.Notify(t.Context(), notify.Message{ID: strings.Repeat("0", 32), Address: "#builds", Text: "passed"}); err != nil {
			t.Error(err)
		}
		if requests != 1 {
			t.Errorf("%d requests", requests)
		}
		_ = n.Close()
	})
}
