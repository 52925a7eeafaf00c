package why

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/travis"
)

// Rules of a Verdict beside those of routing.
const (
	ruleProof = "proof" // the webhook did not prove that the namespace may hear it
	ruleSeen  = "seen"  // the namespace has had this very event
)

// disclosed is j as far as whoever asks may know it: what it tells of a build is for those it was
// proven to, and others learn what their namespace alone would have been answered.
func (a *answer) disclosed(j receiver.Report) receiver.Report {
	unseen := func(n *routing.Namespace) bool { return !a.sees(n) }
	proven := slices.DeleteFunc(slices.Clone(j.Authorized), unseen)
	var declared []*routing.Namespace
	if j.Repository != nil {
		declared = slices.DeleteFunc(slices.Clone(j.Repository.Namespaces), unseen)
	}
	d := j
	d.Authorized, d.Recipients = proven, slices.DeleteFunc(slices.Clone(j.Recipients), unseen)
	if j.Repository != nil {
		d.Repository = &routing.Repository{Slug: j.Repository.Slug, Namespaces: declared}
	}
	switch {
	case len(proven) > 0 || len(j.Authorized) == 0:
		return d
	case len(declared) == 0:
		d.Code, d.Reason = http.StatusNoContent, receiver.ReasonUnknownRepository
	case j.Proof:
		d.Code, d.Reason = http.StatusForbidden, receiver.ReasonWrongProof
	default:
		d.Code, d.Reason = http.StatusUnauthorized, receiver.ReasonNoProof
	}
	d.Event = nil
	return d
}

// stored is a webhook of which the store alone remembers.
func stored(s queue.Summary) receiver.Report {
	return receiver.Report{
		At: s.Accepted, Code: http.StatusAccepted, Reason: receiver.ReasonStored, Slug: s.Repository,
		Event: &travis.Event{Build: travis.Build{ID: s.BuildID, Number: s.Build, Result: s.Result}},
	}
}

// explain asks the routes of that moment again: what they said was not written down.
func (a *answer) explain(j *receiver.Report) []deliveryapi.Verdict {
	if j.Repository == nil {
		return nil
	}
	var all []deliveryapi.Verdict
	for _, n := range j.Repository.Namespaces {
		for _, v := range verdicts(n, j) {
			if a.question.May(v.Namespace, v.Route) {
				all = append(all, v)
			}
		}
	}
	return all
}

func verdicts(n *routing.Namespace, j *receiver.Report) []deliveryapi.Verdict {
	e := j.Event
	switch {
	case len(j.Authorized) == 0 || e != nil && j.Reason == receiver.ReasonStale:
		return nil // the routes were not asked
	case !slices.Contains(j.Authorized, n):
		return forAll(n, ruleProof, "the webhook did not prove that the namespace may hear the repository")
	case e == nil:
		return nil
	case !slices.Contains(j.Recipients, n):
		return forAll(n, string(routing.RuleRepository), fmt.Sprintf("it came from another repository of this name, with the id %d", e.Repository.ID))
	}
	var all []deliveryapi.Verdict
	for _, x := range n.Explain(e) {
		v := deliveryapi.Verdict{Namespace: x.Namespace, Route: x.Route, Wanted: x.Matched(), Rule: string(x.Rule), Values: x.Detail}
		if v.Wanted && slices.Contains(j.Seen, n.Name) {
			v.Wanted, v.Rule, v.Values = false, ruleSeen, "the namespace has had this very event"
		}
		all = append(all, v)
	}
	return all
}

func forAll(n *routing.Namespace, rule, values string) []deliveryapi.Verdict {
	var all []deliveryapi.Verdict
	for _, r := range n.Declared {
		all = append(all, deliveryapi.Verdict{Namespace: n.Name, Route: r.Name, Rule: rule, Values: values})
	}
	return all
}

// webhook is h as the API tells it.
func (a *answer) webhook(h *hook) deliveryapi.Webhook {
	j := &h.judgement
	w := deliveryapi.Webhook{
		Received: j.At, Code: j.Code, Reason: j.Reason, Said: said(j.Reason).text, Routes: h.verdicts,
	}
	if !h.remembered {
		w.Said = "it was stored, before the operator's replica that answers began to remember webhooks"
	}
	if e := j.Event; e != nil {
		w.Build, w.BuildID, w.Event = e.Build.Number, e.Build.ID, string(e.Build.Result)
	}
	for _, s := range h.deliveries {
		d := Delivery(s)
		for _, t := range a.sources.Trail.Attempts(s.ID) {
			d.History = append(d.History, deliveryapi.Attempt{
				At: t.Outcome.At, Outcome: string(t.Outcome.Kind), Reason: t.Outcome.Reason, Milliseconds: t.Took.Milliseconds(),
			})
		}
		w.Deliveries = append(w.Deliveries, d)
	}
	return w
}

// Delivery is s as the API tells it.
func Delivery(s queue.Summary) deliveryapi.Delivery {
	d := deliveryapi.Delivery{
		ID: s.ID, Namespace: s.Target.Namespace, Route: s.Target.Route, Account: s.Target.Account, Address: s.Target.Address,
		Repository: s.Repository, Build: s.Build, BuildID: s.BuildID, Event: string(s.Result), State: deliveryapi.State(s.State),
		Accepted: s.Accepted, Attempts: s.Attempts, Due: s.Due,
		LastReason: s.Last.Reason, LastAttempt: s.Last.At, AnswerLost: s.Last.AnswerLost,
	}
	switch s.Last.Kind {
	case queue.Delivered:
		d.State = deliveryapi.Delivered
	case queue.Dropped:
		d.State = deliveryapi.Dropped
	}
	return d
}
