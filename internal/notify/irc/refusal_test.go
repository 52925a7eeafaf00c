package irc

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/irc/irctest/talk"
)

// A refusal of several lines as one message ends only the message that it is about: another one, which the server
// accepts, is not sent again.
func TestARefusalEndsNoOtherMessage(t *testing.T) {
	for name, test := range map[string]struct {
		refusal string
		want    bool // the refused message is sent as lines
	}{
		"by label":           {"@label=REFUSED :irc.test FAIL BATCH MULTILINE_INVALID :No", true},
		"in a labeled batch": {"@label=REFUSED :irc.test BATCH +x labeled-response\r\n@batch=x :irc.test FAIL BATCH MULTILINE_INVALID :No\r\n:irc.test BATCH -x", true},
		"by reference":       {":irc.test FAIL BATCH MULTILINE_INVALID REFUSED :No", true},
		"by channel":         {":irc.test FAIL BATCH MULTILINE_INVALID_TARGET #Refused #x :No", true},
		"by nothing":         {":irc.test FAIL BATCH MULTILINE_INVALID :No", false},
		"of somebody else":   {"@label=other :irc.test FAIL BATCH MULTILINE_INVALID :No", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				labels, sent := map[string]string{}, []string{}
				n := plainNotifier(t, dialTo(func(line string) []string {
					channel := "#accepted"
					if strings.Contains(line, "#refused") {
						channel = "#refused"
					}
					switch {
					case strings.Contains(line, " BATCH +"):
						labels[channel] = labelOf(line)
						return []string{}
					case strings.HasPrefix(line, "BATCH -") && len(labels) == 2:
						refusal := strings.ReplaceAll(test.refusal, "REFUSED", labels["#refused"])
						return []string{refusal, "@label=" + labels["#accepted"] + " :irc.test ACK"}
					case strings.HasPrefix(line, "@label="):
						sent = append(sent, channel)
						return []string{"@label=" + labelOf(line) + " :irc.test ACK"}
					case strings.HasPrefix(line, "@batch="), strings.HasPrefix(line, "BATCH -"):
						return []string{}
					}
					if own := talk.WithCapabilities(line, "batch labeled-response message-tags draft/multiline=max-bytes=4096"); own != nil {
						return own
					}
					return talk.Welcome(line)
				}))
				results := map[string]chan error{"#accepted": make(chan error, 1), "#refused": make(chan error, 1)}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				for channel, result := range results {
					go func() {
						_, err := n.Notify(ctx, notify.Message{ID: strings.Repeat("0", 32), Address: channel, Text: "one\ntwo"})
						result <- err
					}()
				}
				if err := <-results["#accepted"]; err != nil {
					t.Error(err)
				}
				if err := <-results["#refused"]; (err == nil) != test.want || err != nil && !notify.IsAnswerLost(err) {
					t.Error(err)
				}
				if slices.Contains(sent, "#accepted") || slices.Contains(sent, "#refused") != test.want {
					t.Errorf("sent as lines: %q", sent)
				}
				_ = n.Close()
			})
		})
	}
}
