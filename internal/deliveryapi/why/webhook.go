package why

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/deliveryapi/trail"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/routing"
)

// ruleSeen is the rule of a Verdict whose namespace had the event before.
const ruleSeen = "seen"

// ruleStore is the rule of a Verdict whose namespace has no room in the store.
const ruleStore = "store"

// disclose reduces a webhook to what the caller may know, and reports whether there is anything.
//
// A webhook that was authorized belongs to the namespaces that it was authorized for: the others are
// not shown that it exists, nor that it was rejected for them. A webhook that was authorized for nobody
// may be anybody's, so it is disclosed to callers who may read every namespace that declares the
// repository.
func (a *answer) disclose(c *webhookCase) bool {
	if !c.Authorized() {
		return a.mayReadAll(c)
	}
	c.Namespaces = slices.DeleteFunc(slices.Clone(c.Namespaces), func(n trail.Namespace) bool {
		return !n.Authorized || !a.readableThen(n)
	})
	if len(c.Namespaces) == 0 {
		return false
	}
	c.Build = withResult(c.Build, c.Namespaces)
	a.setVerdicts(c)
	return true
}

// withResult is the build with the result that it has for the first of the namespaces.
func withResult(b *trail.Build, namespaces []trail.Namespace) *trail.Build {
	if b == nil || namespaces[0].Result == "" {
		return b
	}
	as := *b
	as.Result = namespaces[0].Result
	return &as
}

// mayReadAll reports whether the caller may read every namespace that declared the repository then and
// that does now, of which there must be one.
func (a *answer) mayReadAll(c *webhookCase) bool {
	now := a.declaredNow()
	if slices.ContainsFunc(now, func(n *routing.Namespace) bool { return !a.readableNow(n) }) ||
		slices.ContainsFunc(c.Namespaces, func(n trail.Namespace) bool { return !a.readableThen(n) }) {
		return false
	}
	return len(now) > 0 || a.question.Namespace == "" && a.question.May("", "")
}

// setVerdicts sets the verdicts of the routes that the caller may read.
func (a *answer) setVerdicts(c *webhookCase) {
	if c.Reason == receiver.ReasonStale || c.Build == nil {
		return // the routes were not asked
	}
	for _, n := range c.Namespaces {
		for _, r := range n.Routes {
			if a.question.May(n.Name, r.Route) {
				c.verdicts = append(c.verdicts, verdict(c, n, r))
			}
		}
	}
}

func verdict(c *webhookCase, n trail.Namespace, r trail.Verdict) deliveryapi.Verdict {
	v := deliveryapi.Verdict{Namespace: n.Name, Route: r.Route, Matched: r.Rule == "", Rule: r.Rule, Detail: r.Detail}
	switch {
	case !n.Recipient:
		v.Matched, v.Rule = false, string(routing.RuleRepository)
		v.Detail = fmt.Sprintf("did not match: the event is from another repository of this name, with the ID %d", c.Build.RepositoryID)
	case v.Matched && n.Seen:
		v.Matched, v.Rule, v.Detail = false, ruleSeen, "did not match: the namespace had this event before"
	case v.Matched && n.Refused != "":
		v.Matched, v.Rule, v.Detail = false, ruleStore, "matched, but not stored: "+n.Refused
	}
	return v
}

// fromStore makes a webhook of which only the store knows.
func fromStore(s queue.Summary) trail.Webhook {
	return trail.Webhook{
		At: s.Accepted, Code: http.StatusAccepted, Reason: receiver.ReasonStored, Slug: s.Repository,
		Build: &trail.Build{ID: s.BuildID, Number: s.Build, Result: s.Result},
	}
}

// webhook converts c for the API.
func (a *answer) webhook(c *webhookCase) deliveryapi.Webhook {
	w := deliveryapi.Webhook{Received: c.At, Code: c.Code, Reason: c.Reason, Answer: c.explain().short, Routes: c.verdicts}
	if !c.remembered {
		w.Answer = "stored; the verdicts of the routes are no longer known"
	}
	if b := c.Build; b != nil {
		w.Build, w.BuildID, w.Event = b.Number, b.ID, string(b.Result)
	}
	for _, s := range c.deliveries {
		d := Delivery(s)
		for _, t := range a.records.Attempts[s.ID] {
			d.History = append(d.History, deliveryapi.Attempt{
				At: t.Outcome.At, Outcome: string(t.Outcome.Kind), Reason: t.Outcome.Reason, Milliseconds: t.Took.Milliseconds(),
			})
		}
		w.Deliveries = append(w.Deliveries, d)
	}
	return w
}

// Delivery converts s for the API.
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
