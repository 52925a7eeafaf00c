package trail

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/travis"
)

// Records are what is remembered of a repository, as it is stored and sent between replicas.
type Records struct {
	// Since is the start of what is remembered.
	Since time.Time `json:"since,omitzero"`
	// Forgotten is later than Since if the webhooks of the time before it may be forgotten.
	Forgotten time.Time `json:"forgotten,omitzero"`
	// Dropped means that only the newest webhooks of the repository are remembered.
	Dropped  bool                 `json:"dropped,omitempty"`
	Webhooks []Webhook            `json:"webhooks,omitempty"` // newest first
	Ended    []queue.Summary      `json:"ended,omitempty"`    // delivered or dropped
	Attempts map[string][]Attempt `json:"attempts,omitempty"` // by delivery ID, oldest first
	// Similar are repositories with a similar name that webhooks were received for.
	Similar []string `json:"similar,omitempty"`
	// Missing is the number of replicas that did not answer.
	Missing int `json:"missing,omitempty"`
}

// Webhook is a received webhook with the verdicts of the routes at that moment.
type Webhook struct {
	At     time.Time `json:"at"`
	Code   int       `json:"code"`
	Reason string    `json:"reason"`
	Slug   string    `json:"slug"` // as Travis spells it
	Proof  bool      `json:"proof,omitempty"`
	// Build is nil if the webhook was rejected before it was decoded.
	Build *Build `json:"build,omitempty"`
	// Namespaces that declared the repository at that moment.
	Namespaces []Namespace `json:"namespaces,omitempty"`
}

// Build is what a webhook says of its build.
type Build struct {
	ID           int64         `json:"id"`
	Number       string        `json:"number,omitempty"`
	Result       travis.Result `json:"result"`
	RepositoryID int64         `json:"repositoryID,omitempty"`
	// Time is when it ended, or else started, which decides whether it is stale.
	Time time.Time `json:"time,omitzero"`
}

// Namespace is what a webhook was to a namespace that declared its repository.
type Namespace struct {
	Name string `json:"name"`
	// Authorized means that the webhook proved the namespace's token, or that a grant allows it.
	Authorized bool `json:"authorized,omitempty"`
	// Recipient means that the repository's ID is the expected one too.
	Recipient bool `json:"recipient,omitempty"`
	// Seen means that the namespace had this event before.
	Seen bool `json:"seen,omitempty"`
	// Result is the event for the namespace's routes, which may be another than Travis reported.
	Result travis.Result `json:"result,omitempty"`
	// Refused says why the event was not stored for the namespace.
	Refused string    `json:"refused,omitempty"`
	Routes  []Verdict `json:"routes,omitempty"`
}

// Verdict is whether a route matched. Rule is empty if it did.
type Verdict struct {
	Route  string `json:"route"`
	Rule   string `json:"rule,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// Attempt is one attempt of a delivery.
type Attempt struct {
	Outcome queue.Outcome `json:"outcome"`
	Took    time.Duration `json:"took"`
}

func newWebhook(r *receiver.Report) Webhook {
	w := Webhook{At: r.At, Code: r.Code, Reason: r.Reason, Slug: r.Slug, Proof: r.Proof}
	if e := r.Event; e != nil {
		w.Build = &Build{ID: e.Build.ID, Number: e.Build.Number, Result: e.Build.Result, RepositoryID: e.Repository.ID, Time: e.Time()}
	}
	return w
}

// namespaces asks the routes of that moment, which never change, for their verdicts.
func namespaces(r *receiver.Report) []Namespace {
	if r.Repository == nil {
		return nil
	}
	all := make([]Namespace, 0, len(r.Repository.Namespaces))
	for _, n := range r.Repository.Namespaces {
		all = append(all, newNamespace(r, n))
	}
	return all
}

func newNamespace(r *receiver.Report, n *routing.Namespace) Namespace {
	found := Namespace{
		Name: n.Name, Authorized: slices.Contains(r.Authorized, n), Recipient: slices.Contains(r.Recipients, n), Seen: slices.Contains(r.Seen, n.Name),
		Refused: r.Refused[n.Name],
	}
	if r.Event == nil || !found.Recipient {
		for _, route := range n.Declared {
			found.Routes = append(found.Routes, Verdict{Route: route.Name})
		}
		return found
	}
	event := r.Event.WithTransition(r.Transitions[n.Name], n.Computed)
	found.Result = event.Build.Result
	for _, x := range n.Explain(&event) {
		found.Routes = append(found.Routes, Verdict{Route: x.Route, Rule: string(x.Rule), Detail: x.Detail})
	}
	return found
}

// Stored reports whether the webhook was answered with 202.
func (w *Webhook) Stored() bool { return w.Code == http.StatusAccepted }

// Authorized reports whether the webhook was authorized for any namespace.
func (w *Webhook) Authorized() bool {
	return slices.ContainsFunc(w.Namespaces, func(n Namespace) bool { return n.Authorized })
}

// size estimates the bytes of a webhook in memory.
func (w *Webhook) size() int {
	const webhook, namespace, verdict = 250, 80, 60
	size := webhook + len(w.Slug)
	for i := range w.Namespaces {
		n := &w.Namespaces[i]
		size += namespace + len(n.Name)
		for j := range n.Routes {
			size += verdict + len(n.Routes[j].Route) + len(n.Routes[j].Detail)
		}
	}
	return size
}

// same identifies a webhook across replicas and restarts.
func (w *Webhook) same(o *Webhook) bool {
	return w.At.Equal(o.At) && w.Code == o.Code && w.Reason == o.Reason &&
		(w.Build == nil) == (o.Build == nil) && (w.Build == nil || *w.Build == *o.Build)
}

// Start is since when webhooks are remembered.
func (r *Records) Start() time.Time { return later(r.Since, r.Forgotten) }

// Merge adds what another replica remembers. Equal records are the same one.
func (r *Records) Merge(o Records) {
	if !o.Since.IsZero() && (r.Since.IsZero() || o.Since.Before(r.Since)) {
		r.Since = o.Since
	}
	r.Forgotten = later(r.Forgotten, o.Forgotten)
	r.Dropped = r.Dropped || o.Dropped
	r.Missing += o.Missing
	r.Webhooks = slices.Concat(r.Webhooks, o.Webhooks)
	slices.SortStableFunc(r.Webhooks, func(a, b Webhook) int {
		return cmp.Or(b.At.Compare(a.At), strings.Compare(a.Reason, b.Reason))
	})
	r.Webhooks = slices.CompactFunc(r.Webhooks, func(a, b Webhook) bool { return a.same(&b) })
	r.mergeEnded(o.Ended)
	for id, attempts := range o.Attempts {
		if r.Attempts == nil {
			r.Attempts = map[string][]Attempt{}
		}
		r.Attempts[id] = mergeAttempts(r.Attempts[id], attempts)
	}
	r.Similar = slices.Compact(slices.Sorted(slices.Values(slices.Concat(r.Similar, o.Similar))))
}

func (r *Records) mergeEnded(ended []queue.Summary) {
	for _, s := range ended {
		if !slices.ContainsFunc(r.Ended, func(o queue.Summary) bool { return sameEnd(o, s) }) {
			r.Ended = append(r.Ended, s)
		}
	}
	slices.SortStableFunc(r.Ended, func(a, b queue.Summary) int { return a.Last.At.Compare(b.Last.At) })
}

func sameEnd(a, b queue.Summary) bool { return a.ID == b.ID && a.Last.At.Equal(b.Last.At) }

func sameAttempt(a, b Attempt) bool {
	return a.Outcome.At.Equal(b.Outcome.At) && a.Outcome.Kind == b.Outcome.Kind
}

func mergeAttempts(a, b []Attempt) []Attempt {
	all := slices.Concat(a, b)
	slices.SortStableFunc(all, func(a, b Attempt) int { return a.Outcome.At.Compare(b.Outcome.At) })
	return slices.CompactFunc(all, sameAttempt)
}
