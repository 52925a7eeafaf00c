package irc_test

import (
	"os"
	"testing"

	"github.com/travishook/travishook/internal/notify/irc/irctest"
	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/test/ircd"
)

// InspIRCd has labelled responses. It takes a second to start and another to accept a client, so make test
// leaves it out; there, ngIRCd runs the contract with the services' registry.
func TestContractOnInspircd(t *testing.T) {
	if os.Getenv("TRAVISHOOK_TEST_SERVERS") == "" {
		t.Skip("make test-servers runs it")
	}
	notifytest.Run(t, irctest.Harness{Kind: ircd.Inspircd})
}

// InspIRCd demands encryption (STS) of an account that is set up without, and gets it.
func TestInspircdDemandsEncryption(t *testing.T) {
	if os.Getenv("TRAVISHOOK_TEST_SERVERS") == "" {
		t.Skip("make test-servers runs it")
	}
	server := ircd.Inspircd.Start(t, ircd.Options{STS: true})
	observer := server.Join(t, "somebody", "#builds")
	n := open(t, server.Plain, map[string]any{"tls": "None"}, map[string]string{"ca.crt": string(server.CA)})
	if err := send(t, n, "#builds", "passed"); err != nil {
		t.Fatal(err)
	}
	observer.Await(t, "PRIVMSG", "#builds")
	observer.Send(t, "WHOIS travis-ci")
	observer.Await(t, "671", "is using a secure connection")
}
