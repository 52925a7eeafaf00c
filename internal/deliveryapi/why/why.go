// Package why answers the one question that everybody asks: why did I not get a message? It puts
// together what the trail, the table and the store know of a repository, for somebody who may
// know a part of it. It is pure: it asks nobody over a network and changes nothing.
package why

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/deliveryapi/trail"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/routing"
)

// Sources are what an answer is made of.
type Sources struct {
	Table func() *routing.Table
	// Verdict is what a route's spec came to, for as long as there is the route.
	Verdict func(types.NamespacedName) (routing.Verdict, bool)
	Trail   *trail.Trail
	// Deliveries lists what the store keeps.
	Deliveries func(queue.Query) []queue.Summary
	// Store is nil while the store takes events, and says why it does not.
	Store func() error
}

// Question is what somebody asks.
type Question struct {
	Repository string // owner/name
	Namespace  string // empty: all that may be read
	Build      string // its number; empty: all
	// May tells whether whoever asks may read a route or, where that is empty, every route of the
	// namespace.
	May func(namespace, route string) bool
}

// most is how many webhooks one answer tells of.
const most = 100

// Answer answers q.
func (s Sources) Answer(q Question) deliveryapi.Why {
	a := &answer{question: q, sources: s, slug: strings.ToLower(q.Repository)}
	a.declare()
	a.gather()
	return deliveryapi.Why{
		Repository: q.Repository,
		Since:      s.Trail.Since(),
		Routes:     a.routes,
		Webhooks:   a.webhooks,
		Facts:      a.facts(),
	}
}

// answer is one on its way.
type answer struct {
	question Question
	sources  Sources
	slug     string

	routes   []deliveryapi.RouteState
	verdicts []routing.Verdict // of the routes, in the same order
	cases    []*hook           // newest first
	webhooks []deliveryapi.Webhook
	told     telling
}

// hook is one webhook with what belongs to it.
type hook struct {
	judgement  receiver.Report // with what whoever asks may know
	remembered bool            // by the trail, and not by the store alone
	verdicts   []deliveryapi.Verdict
	deliveries []queue.Summary
}

// asks reports whether the question is about the namespace at all.
func (q *Question) asks(namespace string) bool {
	return q.Namespace == "" || q.Namespace == namespace
}

// sees reports whether whoever asks may know what a namespace hears of the repository.
func (a *answer) sees(n *routing.Namespace) bool {
	if !a.question.asks(n.Name) {
		return false
	}
	return a.question.May(n.Name, "") || slices.ContainsFunc(n.Declared, func(r *routing.Route) bool {
		return a.question.May(n.Name, r.Name)
	})
}

// declare finds the routes as they stand now.
func (a *answer) declare() {
	a.routes = []deliveryapi.RouteState{}
	repository, ok := a.sources.Table().Repository(a.slug)
	if !ok {
		return
	}
	for _, n := range repository.Namespaces {
		for _, r := range n.Declared {
			if a.question.asks(n.Name) && a.question.May(n.Name, r.Name) {
				a.state(r)
			}
		}
	}
}

func (a *answer) state(r *routing.Route) {
	v, ok := a.sources.Verdict(types.NamespacedName{Namespace: r.Namespace, Name: r.Name})
	if !ok {
		return // deleted this moment
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

// gather finds the webhooks, those that only the store remembers included.
func (a *answer) gather() {
	deliveries := a.deliveries()
	for _, j := range a.sources.Trail.Webhooks(a.slug) {
		h := &hook{judgement: a.disclosed(j), remembered: true}
		h.deliveries, deliveries = split(deliveries, h.made)
		a.add(h)
	}
	for len(deliveries) > 0 {
		h := &hook{judgement: stored(deliveries[0])}
		h.deliveries, deliveries = split(deliveries, h.made)
		a.add(h)
	}
	slices.SortStableFunc(a.cases, func(x, y *hook) int { return y.judgement.At.Compare(x.judgement.At) })
	a.cases = a.cases[:min(len(a.cases), most)]
	a.webhooks = make([]deliveryapi.Webhook, 0, len(a.cases))
	for _, h := range a.cases {
		a.webhooks = append(a.webhooks, a.webhook(h))
	}
}

// add takes h up if the question is about it: one whose build nobody could read may be any.
func (a *answer) add(h *hook) {
	e := h.judgement.Event
	if a.question.Build != "" && e != nil && e.Build.Number != a.question.Build {
		return
	}
	h.verdicts = a.explain(&h.judgement)
	a.cases = append(a.cases, h)
}

// deliveries are those that are kept and those that have ended. One that ends between the two
// looks is in both, and counts as ended.
func (a *answer) deliveries() []queue.Summary {
	kept := a.sources.Deliveries(queue.Query{Repository: a.slug})
	kept = slices.DeleteFunc(kept, func(s queue.Summary) bool { return !a.wants(s) })
	ended := slices.DeleteFunc(a.sources.Trail.Deliveries(a.slug), func(s queue.Summary) bool { return !a.wants(s) })
	kept = slices.DeleteFunc(kept, func(k queue.Summary) bool {
		return slices.ContainsFunc(ended, func(e queue.Summary) bool { return e.ID == k.ID && e.Accepted.Equal(k.Accepted) })
	})
	return append(kept, ended...)
}

func (a *answer) wants(s queue.Summary) bool {
	return strings.EqualFold(s.Repository, a.slug) && a.question.asks(s.Target.Namespace) &&
		a.question.May(s.Target.Namespace, s.Target.Route)
}

// split divides deliveries into those that belong and the others.
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

// made reports whether the webhook made the delivery.
func (h *hook) made(s queue.Summary) bool {
	e := h.judgement.Event
	return e != nil && e.Build.ID == s.BuildID && e.Build.Result == s.Result && h.judgement.At.Equal(s.Accepted)
}

// since is the earliest moment that the answer can tell of.
func (a *answer) since() string { return a.sources.Trail.Since().UTC().Format(time.RFC3339) }
