package irc

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/irc/irctest/talk"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/test/certificate"
)

// A server's demand of encryption (STS) holds for later connections, if it was made on an encrypted one: in the open,
// anybody on the way can remove or add it.
func TestADemandOfEncryptionIsRemembered(t *testing.T) {
	const plain, encrypted = "irc.test:6667", "irc.test:6697"
	for name, test := range map[string]struct {
		offers map[string]string // by address
		want   []string
	}{
		"made on an encrypted connection": {map[string]string{plain: "sts=port=6697", encrypted: "sts=duration=3600"}, []string{plain, encrypted, encrypted}},
		"made in the open":                {map[string]string{plain: "sts=duration=3600"}, []string{plain, plain}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issued := certificate.Issue(t, "irc.test")
				config := issued.Config(t)
				a, err := parseAccount(json.RawMessage(`{"server":"irc.test:6667","nickname":"travis-ci","tls":"None"}`),
					notify.Credential{notify.KeyCA: secret.New(string(issued.CA))})
				if err != nil {
					t.Fatal(err)
				}
				var dialed []string
				n := newNotifier(a, notify.Deps{Log: logr.Discard(), Dial: func(_ context.Context, _, address string) (net.Conn, error) {
					dialed = append(dialed, address)
					client, server := net.Pipe()
					conn := server
					if address == encrypted {
						conn = tls.Server(server, config)
					}
					go func() {
						talk.Talk(conn, func(line string) []string {
							if own := talk.WithCapabilities(line, test.offers[address]); own != nil {
								return own
							}
							if strings.HasPrefix(line, "PING") { // the message is confirmed
								return append(talk.Welcome(line), "ERROR :bye")
							}
							return talk.Welcome(line)
						})
						_ = server.Close()
					}()
					return client, nil
				}}, defaultTiming)
				for sent, tries := 0, 0; sent < 2 && tries < 100; tries++ {
					if _, err := n.Notify(t.Context(), notify.Message{ID: strings.Repeat("0", 32), Address: "#builds", Text: "passed"}); err == nil {
						sent++
					}
					time.Sleep(100 * time.Millisecond)
				}
				_ = n.Close()
				if !slices.Equal(dialed, test.want) {
					t.Errorf("connected to %v, want %v", dialed, test.want)
				}
			})
		})
	}
}
