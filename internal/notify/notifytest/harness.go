// Package notifytest tests the contract of every chat service.
//
// A service offers a Harness from a separate package (webhooktest, xmpptest), and the
// registry's test runs the contract over all services: one without a harness fails it.
package notifytest

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/notify"
)

// Harness runs one service under the contract: it starts the service's server (the real one where
// available, else a stand-in written from the published API) and returns what arrived there. Everything
// that a method starts ends with its t. A harness whose server is not installed skips t.
type Harness interface {
	// Service is what the registry holds.
	Service() notify.Service
	// Start starts a server with a working account that has at least two addresses.
	Start(t *testing.T) Account
	// Hang starts a server that accepts connections and never answers, and an account there. reached
	// is closed after the first connection.
	Hang(t *testing.T) (account Account, reached <-chan struct{})
	// Faults are the errors of a delivery. They must cover every kind, except those in Cannot.
	Faults() []Fault
	// Cannot lists the kinds that the protocol cannot express, with the reason.
	Cannot() map[Kind]string
	// CheckShown returns an error if hostile text in sent was not escaped in got: a mention, markup or a
	// second line.
	CheckShown(sent notify.Message, got Received) error
	// BadAccounts are accounts that Check must refuse, besides those without a required key.
	BadAccounts(t *testing.T) []BadAccount
	// BadAddresses are addresses that Address must refuse for the account of Start.
	BadAddresses() []string
}

// Account is an account on the harness's server.
type Account struct {
	Config     json.RawMessage
	Credential notify.Credential
	// Addresses are addresses as in a route's channels; most tests use the first.
	Addresses []string
	// Secrets must not show in an error or a log: passwords, tokens, the path of a secret
	// URL. At least 8 characters each, so that none is found by chance.
	Secrets []string
	// HTTP is the client that reaches the server; nil is the shared one without a guard.
	HTTP *http.Client
	// Received waits until at least n messages have arrived since Start and returns all of them, in order
	// of arrival; it fails t if they do not arrive. Nil in a fault.
	Received func(t *testing.T, n int) []Received
	// Handle has the form of a handle, of no message. It is used where Received is nil.
	Handle string
	// Person is an id of a person who can be mentioned, in the normal form of Service.Person. Required if a form
	// of the service declares Mention.
	Person string
	// Left is an id of the valid form, of a person whom the server does not know any more; empty if the server
	// cannot tell.
	Left string
	// Forget has the server delete every message and forget its thread; nil if the server cannot refuse
	// an update because of that.
	Forget func()
	// LockThreads makes the server accept no more replies to a message, as in a locked thread, or one whose root was
	// deleted; messages can still be edited. Required of a form that declares Edit and Thread.
	LockThreads func()
}

// Received is one message as it arrived.
type Received struct {
	// Address is what Service.Address returned.
	Address string
	// ID is the idempotency key, or empty where the protocol has no place for one.
	ID string
	// Text is the visible text with all its parts, without the service's markup.
	Text string
	// Silent is true if the message notifies nobody.
	Silent bool
	// Mentions are the ids of the people, and the names of the groups, that the message notifies.
	Mentions []string
	// Raw are the bytes on the wire.
	Raw []byte
	// Edits and Answers are the number, from 1 in the order of arrival, of the message that this one edits,
	// or answers in its thread; 0 for none.
	Edits, Answers int
}

// Kind is the kind of an error, as the dispatcher distinguishes them.
type Kind string

// The kinds of errors.
const (
	Retry         Kind = "retry"
	RetryAfter    Kind = "retry after"
	Permanent     Kind = "permanent"
	BadCredential Kind = "bad credential"
	AnswerLost    Kind = "answer lost"
)

// Kinds are all of them.
var Kinds = []Kind{Retry, RetryAfter, Permanent, BadCredential, AnswerLost}

// KindOf returns the kind of err.
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

// Fault is one error of a delivery.
type Fault struct {
	// Name as a subtest: room-unknown.
	Name string
	// Arrange starts a server where a delivery to the account's first address fails so.
	Arrange func(t *testing.T) Account
	Want    Kind
	// Wait is the delay that a RetryAfter must ask for.
	Wait time.Duration
	// Says is a part of the error that says what to do; empty: any text.
	Says string
}

// BadAccount is an invalid account.
type BadAccount struct {
	Name       string
	Config     json.RawMessage
	Credential notify.Credential
	// Says is a part of Check's error.
	Says string
}
