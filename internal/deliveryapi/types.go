// Package deliveryapi is what the operator's API for people says: the words of its requests and
// answers. The server is in deliveryapi/server, the client that kubectl-travis uses in
// deliveryapi/client. docs/adr/0004-operator-api.md tells why it is as it is.
package deliveryapi

import "time"

// Paths of the API. Each answers JSON; an error is an Error with a status code that is not 2xx.
const (
	PathDeliveries = "/v1/deliveries" // GET → Deliveries
	PathRedrive    = "/v1/redrive"    // POST Redrive → Redriven
	PathTest       = "/v1/test"       // POST Test → Tested
	PathWhy        = "/v1/why"        // GET → Why
)

// Parameters of the GET requests.
const (
	ParamNamespace  = "namespace"  // empty: all that the caller may read
	ParamRoute      = "route"      // empty: all
	ParamState      = "state"      // one of the states; empty: all
	ParamRepository = "repository" // owner/name
	ParamBuild      = "build"      // the build's number; empty: all
)

// TokenHeader carries the caller's bearer token where Authorization can't: the API server's
// service proxy keeps that one for itself.
const TokenHeader = "Travishook-Authorization"

// Error is what a request that came to nothing is answered.
type Error struct {
	// Message is one sentence for the person who asked.
	Message string `json:"error"`
}

// State is where a delivery stands.
type State string

// The states. Those that have ended are told by PathWhy only, and for a while.
const (
	Waiting   State = "waiting" // for its first or next attempt
	Sending   State = "sending"
	Dead      State = "dead" // given up, kept, can be redriven
	Delivered State = "delivered"
	Dropped   State = "dropped" // no longer worth sending; the reason says why
)

// Delivery is one event on its way to one channel of a route.
type Delivery struct {
	// ID is the idempotency key: the same through every attempt and redrive.
	ID        string `json:"id"`
	Namespace string `json:"namespace"`
	Route     string `json:"route"`
	Account   string `json:"account,omitempty"`
	Address   string `json:"address,omitempty"`
	// Repository as owner/name, spelled as Travis does.
	Repository string `json:"repository"`
	Build      string `json:"build"` // the build's number
	BuildID    int64  `json:"buildID"`
	Event      string `json:"event"` // passed, broken …
	State      State  `json:"state"`
	// Accepted is when its webhook came.
	Accepted time.Time `json:"accepted"`
	// Attempts made so far, since the last redrive.
	Attempts int `json:"attempts"`
	// Due is when the next attempt is made; zero when none will be.
	Due time.Time `json:"due,omitzero"`
	// LastReason is why the last attempt failed, or why it was dropped; empty if neither.
	LastReason string `json:"lastReason,omitempty"`
	// LastAttempt is when that was.
	LastAttempt time.Time `json:"lastAttempt,omitzero"`
	// AnswerLost says that the service may have taken the message all the same.
	AnswerLost bool `json:"answerLost,omitempty"`
	// History are the latest attempts, oldest first, as far as the replica that was asked made
	// them since it started. In PathWhy only.
	History []Attempt `json:"history,omitempty"`
}

// Attempt is one attempt of a delivery.
type Attempt struct {
	At time.Time `json:"at"` // its end
	// Outcome is delivered, retry, dead or dropped.
	Outcome string `json:"outcome"`
	// Reason is empty where it was delivered.
	Reason string `json:"reason,omitempty"`
	// Milliseconds that it took.
	Milliseconds int64 `json:"milliseconds"`
}

// Deliveries are those that are kept, oldest first.
type Deliveries struct {
	Deliveries []Delivery `json:"deliveries"`
	// More is how many there are beyond those that one answer lists.
	More int `json:"more,omitempty"`
}

// Redrive begins dead deliveries again, with the same ID. IDs, Route and Namespace each narrow
// what is chosen; one that names none of them says All.
type Redrive struct {
	Namespace string   `json:"namespace,omitempty"`
	Route     string   `json:"route,omitempty"` // needs Namespace
	IDs       []string `json:"ids,omitempty"`
	All       bool     `json:"all,omitempty"`
}

// Redriven is what came of it.
type Redriven struct {
	Redriven int `json:"redriven"`
}

// Test sends a marked test message to each channel of a route. It is not stored and not tried again.
type Test struct {
	Namespace string `json:"namespace"`
	Route     string `json:"route"`
}

// Tested is what came of it, a channel each, in the order of the route.
type Tested struct {
	Results []TestResult `json:"results"`
}

// TestResult is what came of a test message to one channel.
type TestResult struct {
	Account string `json:"account,omitempty"`
	Address string `json:"address,omitempty"`
	// Outcome is delivered or failed.
	Outcome string `json:"outcome"`
	// Reason is empty where it was delivered, but for a template that gave way to the default.
	Reason string `json:"reason,omitempty"`
}

// Outcomes of a test message.
const (
	TestDelivered = "delivered"
	TestFailed    = "failed"
)

// Why tells what became of a repository's webhooks.
type Why struct {
	Repository string `json:"repository"` // as it was asked for
	// Since is when the operator's replica that answers began to remember webhooks. What the
	// store keeps is older.
	Since time.Time `json:"since"`
	// Facts are what there is to know, most telling first. None only if all is as it should be.
	Facts []Fact `json:"facts"`
	// Routes are those that the namespace declares for the repository, as they stand now.
	Routes []RouteState `json:"routes"`
	// Webhooks that came, newest first.
	Webhooks []Webhook `json:"webhooks"`
}

// Fact is one thing that keeps messages from coming, or may.
type Fact struct {
	// Cause is one of the Cause constants of this package.
	Cause Cause `json:"cause"`
	// Text says it to a person, and what to do, in a sentence.
	Text string `json:"text"`
}

// RouteState is a route as it stands now.
type RouteState struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Ready     bool   `json:"ready"`
	Suspended bool   `json:"suspended,omitempty"`
	Events    string `json:"events"` // in effect
	// Problems are why it is not ready.
	Problems []string `json:"problems,omitempty"`
}

// Webhook is one that came for the repository.
type Webhook struct {
	Received time.Time `json:"received"`
	// Code that it was answered, and the reason: one of the receiver's few words.
	Code   int    `json:"code"`
	Reason string `json:"reason"`
	// Said explains the answer in a sentence.
	Said string `json:"said"`
	// Build and Event are empty where the webhook was not proven to the namespace asked about.
	Build   string `json:"build,omitempty"`
	BuildID int64  `json:"buildID,omitempty"`
	Event   string `json:"event,omitempty"`
	// Routes with their verdicts, those of the moment when it came.
	Routes []Verdict `json:"routes,omitempty"`
	// Deliveries that it made, those that have ended included, as far as they are remembered.
	Deliveries []Delivery `json:"deliveries,omitempty"`
}

// Verdict is what one route said of a webhook.
type Verdict struct {
	Namespace string `json:"namespace"`
	Route     string `json:"route"`
	Wanted    bool   `json:"wanted"`
	// Rule that said no: accepted, suspend, repositoryID, events, buildTypes, branches, filter;
	// proof where the webhook did not prove that the namespace may hear the repository.
	Rule string `json:"rule,omitempty"`
	// Values are the rule's and the event's, in a sentence.
	Values string `json:"values,omitempty"`
}
