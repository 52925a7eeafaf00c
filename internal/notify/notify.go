// Package notify defines what all chat services share: the message, the Notifier interface, the kinds of
// errors, and the outbound HTTP client.
//
// Each service is a package below this one that imports only its protocol and this package, and has one
// line in notify/registry.
package notify

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"time"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/travis"
)

// Level is the severity of a message.
type Level string

// The levels.
const (
	Good    Level = "good"    // passed, fixed
	Bad     Level = "bad"     // broken, failed, still failing, errored
	Neutral Level = "neutral" // pending, canceled
)

// Span is a part of a line, a link if URL is not empty.
type Span struct {
	Text string
	URL  string
}

// Field is a labeled value, for services that can show fields.
type Field struct {
	Name  string
	Value Span
}

// Message is the message to a channel. Its text is not escaped: text from outside may contain any
// character, including markup, mentions and line breaks of the service. Each service escapes it.
type Message struct {
	// ID is the delivery's idempotency key: the same through every attempt and redrive,
	// 32 lowercase hexadecimal characters.
	ID string
	// Address is the channel's address, as Service.Address returned it.
	Address string
	// Text is the whole message as plain text, with the URLs of links.
	Text string
	// Spans is the same message with links instead of URLs.
	Spans []Span
	Level Level
	// Fields are optional details, most important first.
	Fields []Field
	// FailedJobs are the jobs that failed, those that are allowed to fail last. The default text names them
	// in Text, so only services with a richer form need them. FailedLine lays them out.
	FailedJobs []Job
	// Finished is when the build finished, for services that show a time in the reader's own time zone; zero
	// while it is running.
	Finished time.Time
	// Event is for services that send data (the generic webhook).
	Event travis.Event
	// Route is namespace/name of the route.
	Route string
	// Overtaken: a later build of the branch, or pull request, has passed or failed. It is for services that keep
	// the state of a branch, which an older build must not change any more.
	Overtaken bool
	// Update is the earlier message of the build to update; nil for a new message.
	Update *Update
	// Silent: the message is shown and notifies nobody. It has no effect where the service cannot do that.
	Silent bool
	// Mention is the person to mention, as Service.Person returned it; empty for nobody. The mention belongs where
	// it notifies: in the reply of Update, if there is one, else in the message. It has no effect where the
	// service cannot mention.
	Mention string
}

// Notifier sends messages to one service as one account.
type Notifier interface {
	// Notify sends m and returns its receipt only after the service has confirmed that it accepted m. It
	// returns when ctx ends. Errors are marked by Permanent, RetryAfter, AnswerLost and Gone (see
	// errors.go and update.go), and contain neither the credential nor a host that only the Secret names. It may
	// be called concurrently, but not for the same address.
	//
	// If m.Update is set, the earlier message is updated, or the error is marked by Gone and nothing was
	// shown to anybody. Updating again with the same message is safe, except that a reply may be repeated.
	//
	// If m.Mention names a person who can no longer be mentioned, the message is shown without the mention,
	// or the error is marked by NoSuchPerson and nothing was shown to anybody.
	Notify(ctx context.Context, m Message) (Receipt, error)
	// Close closes connections and waits for its goroutines. Notify is not called after it.
	Close() error
}

// Connection is a Notifier that keeps a connection.
type Connection interface {
	Notifier
	// Connected reports whether it is logged in now. It does not block.
	Connected() bool
}

// Credential is the data of the account's Secret by key; nil if the account has none.
type Credential map[string]secret.Value

// Dialer opens connections, except to forbidden addresses.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// Deps are the dependencies of a notifier.
type Deps struct {
	HTTP      *http.Client // its transport has the timeouts, size limits and address rules
	Dial      Dialer       // for services without HTTP; address is host:port
	Log       logr.Logger
	Namespace string // of a tenant's account, for what namespaces share; empty for the administrator's
}

// Capable returns what the service can do at a normalized address.
func (s *Service) Capable(credential Credential, address string) Capabilities {
	switch {
	case len(s.Forms) == 0:
		return Capabilities{}
	case s.Form == nil:
		return s.Forms[0]
	}
	return s.Forms[s.Form(credential, address)]
}

// Key documents one key of a service's Secret.
type Key struct {
	Name     string
	Required bool
	Doc      string // one sentence
	Shared   bool   // of the connection: every service over HTTP has it
}

// Service describes one chat service to the rest of the program.
type Service struct {
	// Name is the account's block in TravisDefaults: xmpp, webhook, slack.
	Name string
	// Title is its name for people: XMPP, Slack.
	Title string
	// Summary continues the title in the list of services: "chat rooms of any XMPP server".
	Summary string
	// Keys documents the keys of the Secret.
	Keys []Key
	// SecretOptional is true if an account needs no Secret.
	SecretOptional bool
	// KeepsConnection is true if the account stays logged in, so that only one replica may use it.
	KeepsConnection bool
	// Forms are what each form of the service can do, at least one.
	Forms []Capabilities
	// Form returns the index in Forms of what is used for a normalized address; nil where there is one.
	Form func(credential Credential, address string) int
	// Check validates an account. config is the account's block as JSON. The error is shown in a
	// condition: it says what to do and contains nothing secret.
	Check func(config json.RawMessage, credential Credential) error
	// Address validates a channel's address (it may be empty) and normalizes it, so that different
	// spellings of one channel are equal. The result is not secret, even if the channel's URL is. The
	// error is shown in a condition.
	Address func(config json.RawMessage, credential Credential, address string) (string, error)
	// Person validates the service's own id of a person, such as U012AB3CD, and normalizes it. An id that
	// mentions several people is refused. The error is shown in a condition, and says how an id is written and
	// where to find it. Nil if the service cannot mention.
	Person func(id string) (string, error)
	// Endpoint returns what an address that Address returned is at the service, whoever defines the
	// account: a URL, or a token with a channel. Accounts with the same endpoint send as the same, so they
	// share its pace and backoff. It therefore contains everything that can make an attempt fail for one account and
	// not for another, such as a password. The result is secret. Nil if no two accounts share an address.
	Endpoint func(config json.RawMessage, credential Credential, address string) []string
	// New returns the notifier of an account that Check accepts. It does not connect: Notify reports
	// a service that cannot be reached.
	New func(config json.RawMessage, credential Credential, deps Deps) (Notifier, error)
}
