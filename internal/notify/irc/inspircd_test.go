package irc_test

import (
	"os"
	"testing"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/irc/irctest"
	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/test/certificate"
	"github.com/travishook/travishook/test/ircd"
)

// InspIRCd has labeled responses. It takes a second to start and another to accept a client, so make test
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

// Accounts of a network log in with a password, or with a client certificate.
func TestInspircdChecksLogins(t *testing.T) {
	if os.Getenv("TRAVISHOOK_TEST_SERVERS") == "" {
		t.Skip("make test-servers runs it")
	}
	own, stranger := certificate.Issue(t, "ci"), certificate.Issue(t, "ci")
	server := ircd.Inspircd.Start(t, ircd.Options{Accounts: true})
	server.Register(t, "ci", "correct-horse", own.Cert)
	for name, test := range map[string]struct {
		credential map[string]string
		refused    bool
	}{
		"password":          {map[string]string{"username": "ci", "password": "correct-horse"}, false},
		"wrong password":    {map[string]string{"username": "ci", "password": "wrong-horse"}, true},
		"unknown account":   {map[string]string{"username": "nobody", "password": "correct-horse"}, true},
		"certificate":       {map[string]string{"username": "ci", "tls.crt": string(own.Cert), "tls.key": string(own.Key)}, false},
		"wrong certificate": {map[string]string{"username": "ci", "tls.crt": string(stranger.Cert), "tls.key": string(stranger.Key)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			observer := server.Join(t, "somebody", "#builds")
			test.credential["ca.crt"] = string(server.CA)
			n := open(t, server.TLS, nil, test.credential)
			err := send(t, n, "#builds", "passed")
			if test.refused {
				if !notify.IsBadCredential(err) {
					t.Fatalf("%v, want a refused credential", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			observer.Await(t, "PRIVMSG", "#builds")
			observer.Send(t, "WHOIS travis-ci")
			observer.Await(t, "330", "ci") // is logged in as
		})
	}
}
