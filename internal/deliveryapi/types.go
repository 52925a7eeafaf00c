// Package deliveryapi defines the requests and responses of the operator's API, which kubectl travis
// uses. The server is in deliveryapi/server, the client in deliveryapi/client.
// docs/adr/0004-operator-api.md has the reasons for its design.
package deliveryapi

import "time"

// Paths of the API. Responses are JSON; a status code that is not 2xx comes with an Error.
const (
	PathDeliveries = "/v1/deliveries" // GET → Deliveries
	PathRedrive    = "/v1/redrive"    // POST Redrive → Redriven
	PathTest       = "/v1/test"       // POST Test → Tested
	PathWhy        = "/v1/why"        // GET → Why
	PathVersion    = "/v1/version"    // GET → Version
)

// Parameters of the GET requests.
const (
	ParamNamespace  = "namespace"  // empty: all that the caller may read
	ParamRoute      = "route"      // empty: all
	ParamState      = "state"      // one of the states; empty: all
	ParamRepository = "repository" // owner/name
	ParamBuild      = "build"      // a build's number, ID or URL at Travis; empty: all
	ParamSince      = "since"      // a duration such as 168h: adds Counts to Why
)

// TokenHeader carries the caller's token. The API server's service proxy does not pass Authorization on.
const TokenHeader = "Travishook-Authorization"

// LabelService and LabelServiceValue select the Service of the API.
const (
	LabelService      = "travishook.dev/service"
	LabelServiceValue = "api"
)

// Error is the response to a request that failed.
type Error struct {
	// Message is one sentence for people.
	Message string `json:"error"`
}

// Version is the operator's version.
type Version struct {
	Version string `json:"version"`
}

// State is the state of a delivery.
type State string

// The states. Delivered and Dropped deliveries are in Why only, while the trail keeps them.
const (
	Waiting   State = "waiting" // for the first or next attempt
	Sending   State = "sending"
	Dead      State = "dead" // a dead letter: kept, can be redriven
	Delivered State = "delivered"
	Dropped   State = "dropped" // no longer relevant; the reason says why
)

// Delivery is one event for one channel of a route.
type Delivery struct {
	// ID is the idempotency key: the same in every attempt and redrive.
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
	// Accepted is when the webhook was accepted.
	Accepted time.Time `json:"accepted"`
	// Attempts since the last redrive.
	Attempts int `json:"attempts"`
	// Due is the time of the next attempt; zero if none will be made.
	Due time.Time `json:"due,omitzero"`
	// LastReason is why the last attempt failed, or why the delivery was dropped; else empty.
	LastReason string `json:"lastReason,omitempty"`
	// LastAttempt is the time of the last attempt.
	LastAttempt time.Time `json:"lastAttempt,omitzero"`
	// AnswerLost says that the service may have shown the message although the attempt failed.
	AnswerLost bool `json:"answerLost,omitempty"`
	// History are the latest attempts, oldest first. In Why only.
	History []Attempt `json:"history,omitempty"`
}

// Attempt is one attempt of a delivery.
type Attempt struct {
	At time.Time `json:"at"` // its end
	// Outcome is delivered, retry, dead or dropped.
	Outcome string `json:"outcome"`
	// Reason is empty if it was delivered.
	Reason string `json:"reason,omitempty"`
	// Milliseconds that it took.
	Milliseconds int64 `json:"milliseconds"`
}

// Deliveries lists stored deliveries, oldest first.
type Deliveries struct {
	Deliveries []Delivery `json:"deliveries"`
	// More is the number of deliveries that are not listed.
	More int `json:"more,omitempty"`
}

// Redrive retries dead letters, with the same IDs. IDs, Route and Namespace each narrow the choice;
// a request without any of them needs All.
type Redrive struct {
	Namespace string   `json:"namespace,omitempty"`
	Route     string   `json:"route,omitempty"` // needs Namespace
	IDs       []string `json:"ids,omitempty"`
	All       bool     `json:"all,omitempty"`
}

// Redriven is the number of redriven dead letters.
type Redriven struct {
	Redriven int `json:"redriven"`
}

// Test sends a marked test message to each channel of a route. It is not stored and not retried.
type Test struct {
	Namespace string `json:"namespace"`
	Route     string `json:"route"`
}

// Tested has the result for each channel, in the order of the route.
type Tested struct {
	Results []TestResult `json:"results"`
}

// TestResult is the result of a test message to one channel.
type TestResult struct {
	Account string `json:"account,omitempty"`
	Address string `json:"address,omitempty"`
	// Outcome is delivered or failed.
	Outcome string `json:"outcome"`
	// Reason is why it failed, or that the default text was sent because the template failed.
	Reason string `json:"reason,omitempty"`
}

// Outcomes of a test message.
const (
	TestDelivered = "delivered"
	TestFailed    = "failed"
)

// Why explains what happened to a repository's webhooks.
type Why struct {
	Repository string `json:"repository"` // as it was asked for
	// Since is the start of what the operator remembers of webhooks. Stored deliveries may be older.
	Since time.Time `json:"since"`
	// Missing is the number of replicas that did not answer: what only they know is not in here.
	Missing int `json:"missingReplicas,omitempty"`
	// Facts are the findings, most important first.
	Facts []Fact `json:"facts"`
	// Routes are the namespace's routes for the repository, as they are now.
	Routes []RouteState `json:"routes"`
	// Webhooks that were received, newest first.
	Webhooks []Webhook `json:"webhooks"`
	// Counts over the span that was asked for; nil if none was.
	Counts *Counts `json:"counts,omitempty"`
}

// Fact is one finding.
type Fact struct {
	// Cause is one of the Cause constants of this package.
	Cause Cause `json:"cause"`
	// Text explains it and says what to do, in a sentence.
	Text string `json:"text"`
}

// RouteState is a route as it is now.
type RouteState struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Ready     bool   `json:"ready"`
	Suspended bool   `json:"suspended,omitempty"`
	Events    string `json:"events"` // in effect
	// Problems are why it is not ready.
	Problems []string `json:"problems,omitempty"`
}

// Webhook is one received webhook of the repository.
type Webhook struct {
	Received time.Time `json:"received"`
	// Code is the status code of the response, Reason one of the receiver's reasons.
	Code   int    `json:"code"`
	Reason string `json:"reason"`
	// Answer explains the response, such as: stored.
	Answer string `json:"answer"`
	// Build and Event are empty if the webhook was rejected before it was decoded.
	Build   string `json:"build,omitempty"`
	BuildID int64  `json:"buildID,omitempty"`
	Event   string `json:"event,omitempty"`
	// Routes that existed when it was received, and whether they matched.
	Routes []Verdict `json:"routes,omitempty"`
	// Deliveries that it caused, including those that have ended while the trail keeps them.
	Deliveries []Delivery `json:"deliveries,omitempty"`
}

// Verdict is whether a route matched a webhook, and why not.
type Verdict struct {
	Namespace string `json:"namespace"`
	Route     string `json:"route"`
	Matched   bool   `json:"matched"`
	// Rule that did not match: accepted, suspend, repositoryID, events, buildTypes, branches, filter;
	// seen if the event is a replay.
	Rule string `json:"rule,omitempty"`
	// Detail compares the event with the rule, such as: did not match: event passed is not in [failure].
	Detail string `json:"detail,omitempty"`
}

// Counts are the deliveries of a repository in a span of time. Whole hours are counted.
type Counts struct {
	From     time.Time      `json:"from"`
	Channels []ChannelCount `json:"channels"`
	// Rejected are webhooks that were not authorized for any namespace, by reason.
	Rejected map[string]int `json:"rejected,omitempty"`
}

// ChannelCount counts the deliveries to one channel of a route.
type ChannelCount struct {
	Namespace string `json:"namespace"`
	Route     string `json:"route"`
	Account   string `json:"account,omitempty"`
	Address   string `json:"address,omitempty"`
	// Matched are events that were to be sent, Delivered those that were, Failed attempts that
	// failed and were retried, Dead dead letters, Dropped those that were no longer relevant.
	Matched   int `json:"matched"`
	Delivered int `json:"delivered"`
	Failed    int `json:"failed"`
	Dead      int `json:"dead"`
	Dropped   int `json:"dropped"`
	// Reasons of Failed, Dead and Dropped.
	Reasons map[string]int `json:"reasons,omitempty"`
}
