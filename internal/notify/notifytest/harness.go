// Package notifytest is the contract that every chat service keeps, as tests.
//
// A service offers a Harness from a package of its own (webhooktest, xmpptest), and the
// registry's test runs the contract over all services: one without a harness fails it.
package notifytest

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/notify"
)

// Harness stands between the contract and one service: it starts what the service speaks to
// (the real server where there is one, else a stand-in written from the service's published
// contract) and reads back what arrived there. Whatever a method starts ends with its t.
// A harness whose server is not installed skips t.
type Harness interface {
	// Service is what the registry holds.
	Service() notify.Service
	// Start brings up a server and an account on it that works, with at least two rooms.
	Start(t *testing.T) Account
	// Hang brings up a server that accepts connections and says nothing, and an account
	// there. reached is closed once a connection has come.
	Hang(t *testing.T) (account Account, reached <-chan struct{})
	// Faults are the ways in which a delivery can go wrong. Every kind must be among them,
	// but for those in Cannot.
	Faults() []Fault
	// Cannot names the kinds that the protocol has no way to tell, with the reason.
	Cannot() map[Kind]string
	// CheckShown says what is wrong with the way in which the room got sent, whose text is
	// hostile: a mention, markup or a second line that was let through. It returns nil
	// where all is well.
	CheckShown(sent notify.Message, got Received) error
	// BadAccounts are accounts that Check must refuse. Those that merely lack a required
	// key need not be listed.
	BadAccounts(t *testing.T) []BadAccount
	// BadAddresses are addresses that Address must refuse for the account that Start made.
	BadAddresses() []string
}

// Account is an account on the harness's server, and the reader of its rooms.
type Account struct {
	Config     json.RawMessage
	Credential notify.Credential
	// Rooms are addresses as a channel would spell them; the first is the one mostly used.
	Rooms []string
	// Secrets must not show in an error or a log: passwords, tokens, the path of a secret
	// URL. At least 8 characters each, so that none is found by chance.
	Secrets []string
	// HTTP is the client that reaches the server; nil is the shared one without a guard.
	HTTP *http.Client
	// Received waits until the rooms have got at least n messages since Start and returns
	// all of them, in order of arrival; it fails t if they do not come. Nil in a fault.
	Received func(t *testing.T, n int) []Received
}

// Received is one message as the room got it.
type Received struct {
	// Room is the address that Service.Address returned.
	Room string
	// ID is the idempotency key, or empty where the protocol has no place for one.
	ID string
	// Text is what a person reads, without the service's markup.
	Text string
	// Raw is what went over the wire.
	Raw []byte
}

// Kind is what an error says of itself, as the dispatcher asks it.
type Kind string

// The kinds of error, one for each way in which a delivery goes on.
const (
	Retry         Kind = "retry"
	RetryAfter    Kind = "retry after"
	Permanent     Kind = "permanent"
	BadCredential Kind = "bad credential"
	AnswerLost    Kind = "answer lost"
)

// Kinds are all of them.
var Kinds = []Kind{Retry, RetryAfter, Permanent, BadCredential, AnswerLost}

// KindOf tells the kind of err.
func KindOf(err error) Kind {
	switch {
	case notify.IsBadCredential(err):
		return BadCredential
	case notify.IsPermanent(err):
		return Permanent
	case notify.IsAnswerLost(err):
		return AnswerLost
	}
	if _, ok := notify.RetryAfterOf(err); ok {
		return RetryAfter
	}
	return Retry
}

// Fault is one way in which a delivery goes wrong.
type Fault struct {
	// Name as a subtest: room-unknown.
	Name string
	// Arrange brings up a server where a delivery to the account's first room fails so.
	Arrange func(t *testing.T) Account
	Want    Kind
	// Wait is what a RetryAfter must ask for.
	Wait time.Duration
	// Says is a piece of the error by which a person knows what to do; empty: any text.
	Says string
}

// BadAccount is an account that makes no sense.
type BadAccount struct {
	Name       string
	Config     json.RawMessage
	Credential notify.Credential
	// Says is a piece of the sentence that Check must answer with.
	Says string
}
