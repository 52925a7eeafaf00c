package irc

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/irc/irctest/talk"
)

// Servers disconnect a client that sends much at once: after a few lines, the rest is paced.
func TestLinesArePaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, err := parseAccount(json.RawMessage(`{"server":"irc.test:6667","nickname":"travis-ci","tls":"None"}`), nil)
		if err != nil {
			t.Fatal(err)
		}
		n := newNotifier(a, notify.Deps{Log: logr.Discard(), Dial: func(context.Context, string, string) (net.Conn, error) {
			client, server := net.Pipe()
			go func() {
				talk.Talk(server, talk.Welcome)
				_ = server.Close()
			}()
			return client, nil
		}}, defaultTiming)
		start := time.Now()
		for i := range 10 { // each is a line, and JOIN is one
			m := notify.Message{ID: strings.Repeat("0", 32), Address: "#builds", Text: fmt.Sprint(i)}
			if _, err := n.Notify(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
		if took, want := time.Since(start), 12*time.Second; took != want {
			t.Errorf("11 lines took %v, want %v", took, want)
		}
		_ = n.Close()
	})
}
