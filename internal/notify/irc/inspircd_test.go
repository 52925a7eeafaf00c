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
