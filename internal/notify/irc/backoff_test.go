package irc

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/irc/irctest/talk"
)

// A connection that has delivered a message is opened again soon; one that was dropped after the login is not.
func TestConnectionsThatDeliverAreOpenedAgainSoon(t *testing.T) {
	for name, test := range map[string]struct {
		confirms bool
		want     []int
	}{
		"confirmed":   {true, []int{0, 2, 4, 6, 8}},
		"unconfirmed": {false, []int{0, 2, 6, 14, 30}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				confirmed := 0
				dial := dialTo(func(line string) []string {
					switch {
					case line == "QUIT", strings.HasPrefix(line, "NOTICE") && !test.confirms:
						return nil
					case strings.HasPrefix(line, "PING") && test.confirms:
						confirmed++
						return append(talk.Welcome(line), "ERROR :bye")
					}
					return talk.Welcome(line)
				})
				begun := time.Now()
				var dials []int
				n := plainNotifier(t, func(ctx context.Context, network, address string) (net.Conn, error) {
					dials = append(dials, int(time.Since(begun).Seconds()))
					return dial(ctx, network, address)
				})
				for len(dials) < len(test.want) {
					_, _ = n.Notify(t.Context(), notify.Message{ID: strings.Repeat("0", 32), Address: "#builds", Text: "passed"})
					time.Sleep(100 * time.Millisecond)
				}
				if !slices.Equal(dials, test.want) {
					t.Errorf("connected after %v, want %v", dials, test.want)
				}
				_ = n.Close()
			})
		})
	}
}
