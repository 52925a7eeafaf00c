// Package why explains why a message was delivered or not. It combines what the trail, the routing table
// and the store know of a repository, and leaves out what the caller may not read.
package why

import (
	"context"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/deliveryapi/trail"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/routing"
)

// Sources are what an answer is made of.
type Sources struct {
	Table func() *routing.Table
	// Verdict returns the compiler's verdict on a route.
	Verdict func(types.NamespacedName) (routing.Verdict, bool)
	// Trail is what is remembered of webhooks and of deliveries that have ended.
	Trail trail.Everywhere
	// Deliveries lists stored deliveries.
	Deliveries func(queue.Query) []queue.Summary
	// Store is nil while the store accepts events, else says why not.
	Store func() error
	// Usage returns what the store holds for a namespace.
	Usage func(namespace string) queue.Usage
	// Losses are the parts of the store that were lost in the last days; nil if nobody knows.
	Losses func() []queue.Loss
}

// Question is what somebody asks.
type Question struct {
	Repository string // owner/name
	Namespace  string // empty: all that the caller may read
	Build      deliveryapi.Build
	// Since adds counts from this time on; zero adds none.
	Since time.Time
	// May reports whether the caller may read a route, or every route of the namespace if route is
	// empty, or everything if both are.
	May func(namespace, route string) bool
}

// maxWebhooks bounds the webhooks of one answer.
const maxWebhooks = 100

// maxDeliveries bounds the stored deliveries that an answer is made of, the newest.
const maxDeliveries = 2_000

// Answer answers q.
func (s Sources) Answer(ctx context.Context, q Question) deliveryapi.Why {
	a := &answer{question: q, sources: s, slug: strings.ToLower(q.Repository)}
	earlier := a.stored()
	a.records = s.Trail.Records(ctx, a.slug)
	a.readRoutes()
	a.readWebhooks(earlier)
	why := deliveryapi.Why{
		Repository: q.Repository,
		Since:      a.records.Start(),
		Missing:    a.records.Missing,
		Routes:     a.routes,
		Webhooks:   a.webhooks,
		Facts:      a.collectFacts(),
	}
	if !q.Since.IsZero() {
		why.Counts = a.counts(ctx)
	}
	return why
}

// answer is an answer in the making.
type answer struct {
	question Question
	sources  Sources
	slug     string
	records  trail.Records

	routes   []deliveryapi.RouteState
	verdicts []routing.Verdict // of the routes, in the same order
	cases    []*webhookCase    // newest first
	webhooks []deliveryapi.Webhook
	facts    facts
}

// webhookCase is one webhook with what belongs to it.
type webhookCase struct {
	trail.Webhook
	remembered bool // by the trail, not only by the store
	verdicts   []deliveryapi.Verdict
	deliveries []queue.Summary
}

// covers reports whether the question is about the namespace.
func (q *Question) covers(namespace string) bool {
	return q.Namespace == "" || q.Namespace == namespace
}

// readable reports whether the question is about the namespace and the caller may read one of its routes.
func (a *answer) readable(namespace string, routes ...string) bool {
	if !a.question.covers(namespace) {
		return false
	}
	return a.question.May(namespace, "") || slices.ContainsFunc(routes, func(r string) bool { return a.question.May(namespace, r) })
}

func (a *answer) readableNow(n *routing.Namespace) bool {
	names := make([]string, len(n.Declared))
	for i, r := range n.Declared {
		names[i] = r.Name
	}
	return a.readable(n.Name, names...)
}

func (a *answer) readableThen(n trail.Namespace) bool {
	names := make([]string, len(n.Routes))
	for i, r := range n.Routes {
		names[i] = r.Route
	}
	return a.readable(n.Name, names...)
}

// declaredNow returns the namespaces that declare the repository.
func (a *answer) declaredNow() []*routing.Namespace {
	if r, ok := a.sources.Table().Repository(a.slug); ok {
		return slices.DeleteFunc(slices.Clone(r.Namespaces), func(n *routing.Namespace) bool { return len(n.Declared) == 0 })
	}
	return nil
}

// readRoutes reads the routes as they are now.
func (a *answer) readRoutes() {
	a.routes = []deliveryapi.RouteState{}
	for _, n := range a.declaredNow() {
		for _, r := range n.Declared {
			if a.question.covers(n.Name) && a.question.May(n.Name, r.Name) {
				a.readRoute(r)
			}
		}
	}
}

func (a *answer) readRoute(r *routing.Route) {
	v, ok := a.sources.Verdict(types.NamespacedName{Namespace: r.Namespace, Name: r.Name})
	if !ok {
		return // deleted just now
	}
	state := deliveryapi.RouteState{
		Namespace: r.Namespace, Name: r.Name, Suspended: r.Suspended, Events: r.Events.String(),
	}
	for _, p := range v.Problems() {
		state.Problems = append(state.Problems, p.Message)
	}
	state.Ready = len(state.Problems) == 0
	a.routes, a.verdicts = append(a.routes, state), append(a.verdicts, v)
}

// readWebhooks reads the webhooks, including those that only the store knows. earlier is what was stored
// before the records were read.
func (a *answer) readWebhooks(earlier []queue.Summary) {
	deliveries := a.deliveries(earlier)
	for _, w := range a.records.Webhooks {
		c := &webhookCase{Webhook: w, remembered: true}
		if !a.disclose(c) {
			continue
		}
		c.deliveries, deliveries = split(deliveries, c.caused)
		a.add(c)
	}
	for len(deliveries) > 0 {
		c := &webhookCase{Webhook: fromStore(deliveries[0])}
		c.deliveries, deliveries = split(deliveries, c.caused)
		a.add(c)
	}
	slices.SortStableFunc(a.cases, func(x, y *webhookCase) int { return y.At.Compare(x.At) })
	a.cases = a.cases[:min(len(a.cases), maxWebhooks)]
	a.webhooks = make([]deliveryapi.Webhook, 0, len(a.cases))
	for _, c := range a.cases {
		a.webhooks = append(a.webhooks, a.webhook(c))
	}
}

// add adds a webhook if the question is about its build. One that was rejected before its build was
// known may be of any.
func (a *answer) add(c *webhookCase) {
	if b := c.Build; b != nil && !a.question.Build.Is(b.Number, b.ID) {
		return
	}
	a.cases = append(a.cases, c)
}

// deliveries returns stored deliveries and those that have ended. A delivery that ends while it is read is in
// both, and counts as ended, or only in what was stored earlier.
func (a *answer) deliveries(earlier []queue.Summary) []queue.Summary {
	ended := slices.DeleteFunc(slices.Clone(a.records.Ended), func(s queue.Summary) bool { return !a.includes(s) })
	now := without(a.stored(), ended)
	return slices.Concat(now, without(earlier, slices.Concat(now, ended)), ended)
}

// without returns the deliveries that are not among others.
func without(all, others []queue.Summary) []queue.Summary {
	type identity struct {
		id       string
		accepted int64
	}
	of := func(s queue.Summary) identity { return identity{s.ID, s.Accepted.UnixNano()} }
	known := make(map[identity]bool, len(others))
	for _, s := range others {
		known[of(s)] = true
	}
	return slices.DeleteFunc(all, func(s queue.Summary) bool { return known[of(s)] })
}

// stored returns the deliveries of the store that the caller may read.
func (a *answer) stored() []queue.Summary {
	return a.sources.Deliveries(queue.Query{
		Repository: a.slug, Limit: maxDeliveries, Newest: true,
		Allow: func(t queue.Target) bool {
			return a.question.covers(t.Namespace) && a.question.May(t.Namespace, t.Route)
		},
	})
}

func (a *answer) includes(s queue.Summary) bool {
	return strings.EqualFold(s.Repository, a.slug) && a.question.covers(s.Target.Namespace) &&
		a.question.May(s.Target.Namespace, s.Target.Route)
}

// split divides deliveries.
func split(all []queue.Summary, belongs func(queue.Summary) bool) (these, others []queue.Summary) {
	for _, s := range all {
		if belongs(s) {
			these = append(these, s)
		} else {
			others = append(others, s)
		}
	}
	return these, others
}

// caused reports whether the webhook caused the delivery.
func (c *webhookCase) caused(s queue.Summary) bool {
	return c.Build != nil && c.Build.ID == s.BuildID && c.At.Equal(s.Accepted)
}
