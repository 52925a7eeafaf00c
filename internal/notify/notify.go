// Package notify is what every chat service has in common: the message, the interface that
// sends it, the kinds of error, and the outbound HTTP client.
//
// A service is a package of its own below this one, knows its protocol and this package and
// nothing else, and has one line in notify/registry.
package notify

import (
	"context"
	"encoding/json"
	"net"
	"net/http"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/travis"
)

// Level is how a message should look at a glance.
type Level string

// The levels: what a traffic light shows.
const (
	Good    Level = "good"    // passed, fixed
	Bad     Level = "bad"     // broken, failed, still failing, errored
	Neutral Level = "neutral" // pending, canceled
)

// Span is a piece of a line, linked where URL is not empty.
type Span struct {
	Text string
	URL  string
}

// Field is a labelled value, for services that can show them.
type Field struct {
	Name  string
	Value Span
}

// Message is what a room is told. Text from outside in it is raw: it may hold any character,
// markup, mentions and line breaks of the room's service. Escaping is each service's own duty.
type Message struct {
	// ID is the delivery's idempotency key: the same through every attempt and redrive,
	// 32 lowercase hexadecimal characters.
	ID string
	// Address is the room, as Service.Address returned it.
	Address string
	// Text is the whole message in plain text, standing alone: it has the link in it.
	Text string
	// Spans is the same line with its links as links and not spelled out.
	Spans []Span
	Level Level
	// Fields are optional details, most important first.
	Fields []Field
	// Event is the event itself, for services that carry data (the generic webhook).
	Event travis.Event
	// Route is namespace/name of the route that sent it.
	Route string
}

// Notifier speaks to one service as one account.
type Notifier interface {
	// Notify sends m and returns nil only when the service has confirmed that it took it.
	// It obeys ctx. Errors tell their kind by Permanent, RetryAfter and AnswerLost (see
	// errors.go), and hold neither the credential nor a URL that is one. It is called
	// from several goroutines at once, though never for one address at the same time.
	Notify(ctx context.Context, m Message) error
	// Close ends connections and waits for its goroutines. Notify is not called afterwards.
	Close() error
}

// Connection is a Notifier that is logged in all the time.
type Connection interface {
	Notifier
	// Connected reports whether it is logged in at this moment. It does not block.
	Connected() bool
}

// Credential is the data of the account's Secret, by key; nil where the account names none.
type Credential map[string]secret.Value

// Dialer opens connections; the one that a service gets refuses forbidden addresses.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// Deps are what a service is given to work with.
type Deps struct {
	HTTP *http.Client // deadlines, size limits and address rules are in its transport
	Dial Dialer       // for services that do not speak HTTP; address is host:port
	Log  logr.Logger
}

// Key documents one key of a service's Secret.
type Key struct {
	Name     string
	Required bool
	Doc      string // one sentence
}

// Service describes one chat service: what the registry holds, and all that the rest of
// the program knows of it.
type Service struct {
	// Name is the account's block in TravisDefaults: xmpp, webhook, slack.
	Name string
	// Title is what people call it: XMPP, Slack.
	Title string
	// Keys of the Secret that secretRef names.
	Keys []Key
	// SecretOptional is true where an account may do without a Secret.
	SecretOptional bool
	// KeepsConnection is true where the account is logged in all the time, so that only
	// one replica may hold it.
	KeepsConnection bool
	// Check says what is wrong with an account, or returns nil. config is the account's
	// block as JSON. The error is shown in a condition: a sentence that says what to do,
	// without anything secret.
	Check func(config json.RawMessage, credential Credential) error
	// Address checks a channel's address (it may be empty) and returns the room in its one
	// spelling, so that two ways to write one room are found to be one. The result is not
	// secret, even where the room's URL is. The error is shown in a condition.
	Address func(config json.RawMessage, credential Credential, address string) (string, error)
	// New makes the notifier of an account that Check found right. It does not connect:
	// a service that cannot be reached must show in Notify, not here.
	New func(config json.RawMessage, credential Credential, deps Deps) (Notifier, error)
}
