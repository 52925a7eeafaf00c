package why

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/travis"
)

// telling gathers facts: of each cause for each subject the first, which is the newest.
type telling struct {
	facts []deliveryapi.Fact
	last  []deliveryapi.Fact // those that tell of no trouble, or of what may be none
	told  map[string]bool
}

func (t *telling) add(cause deliveryapi.Cause, subject, format string, args ...any) {
	key := string(cause) + " " + subject
	if t.told[key] {
		return
	}
	if t.told == nil {
		t.told = map[string]bool{}
	}
	t.told[key] = true
	fact := deliveryapi.Fact{Cause: cause, Text: fmt.Sprintf(format, args...)}
	switch cause {
	case deliveryapi.CauseDelivered, deliveryapi.CauseUnderWay, deliveryapi.CauseOnStart:
		t.last = append(t.last, fact)
	default:
		t.facts = append(t.facts, fact)
	}
}

// facts are what is wrong now, then what came of the webhooks, the newest first and down to the
// last one that went well: what was wrong before that has been mended.
func (a *answer) facts() []deliveryapi.Fact {
	a.tellStore()
	a.tellRoutes()
	a.tellArrival()
	for _, h := range a.cases {
		a.tellAnswer(h)
		a.tellVerdicts(h)
		a.tellDeliveries(h)
		if a.question.Build == "" && h.well() {
			break
		}
	}
	return append(append([]deliveryapi.Fact{}, a.told.facts...), a.told.last...)
}

// well reports whether all that a webhook was to bring about was delivered.
func (h *hook) well() bool {
	return len(h.deliveries) > 0 && !slices.ContainsFunc(h.deliveries, func(s queue.Summary) bool { return s.Last.Kind != queue.Delivered })
}

// tellStore tells that nothing can be stored now.
func (a *answer) tellStore() {
	if err := a.sources.Store(); err != nil {
		a.told.add(deliveryapi.CauseRefusing, "", "the operator refuses all webhooks at this moment: %s; its administrator finds more under StoreAvailable on the TravisDefaults of its namespace", err)
	}
}

// tellRoutes tells what is wrong with the routes as they stand now.
func (a *answer) tellRoutes() {
	if len(a.routes) == 0 {
		a.tellUndeclared()
	}
	for i, r := range a.routes {
		name := r.Namespace + "/" + r.Name
		for _, p := range a.verdicts[i].Problems() {
			cause := deliveryapi.CauseNotReady
			if p.Reason == v1alpha1.ReasonTokenNotFound || p.Reason == v1alpha1.ReasonNoKey {
				cause = deliveryapi.CauseNotSetUp
			}
			a.told.add(cause, name+p.Message, "route %s is not ready: %s", name, p.Message)
		}
		if r.Suspended {
			a.told.add(deliveryapi.CauseSuspended, name, "route %s is suspended: nothing is relayed until spec.suspend is taken away", name)
		}
		a.tellPending(name, a.verdicts[i].Events)
	}
}

func (a *answer) tellUndeclared() {
	where := "in any namespace that you may read"
	if a.question.Namespace != "" {
		where = "in namespace " + a.question.Namespace
	}
	a.told.add(deliveryapi.CauseNotDeclared, "", "no route names the repository %s %s", a.question.Repository, where)
	if near := similar(a.slug, a.readable()); len(near) > 0 {
		a.told.add(deliveryapi.CauseSimilarRoute, "", "a route names a repository that is almost the same: %s", strings.Join(near, ", "))
	}
}

// readable are the declared repositories that whoever asks may know of.
func (a *answer) readable() []string {
	var slugs []string
	for r := range a.sources.Table().Repositories() {
		if distance(a.slug, r.Slug) <= nearby && slices.ContainsFunc(r.Namespaces, a.sees) {
			slugs = append(slugs, r.Slug)
		}
	}
	slices.Sort(slugs)
	return slugs
}

// tellPending tells of an event that Travis sends only if it is told to.
func (a *answer) tellPending(route string, events routing.EventSet) {
	if !events.Has(travis.Pending) {
		return
	}
	only := len(events.Names()) == 1
	came := slices.ContainsFunc(a.cases, func(h *hook) bool { return h.judgement.Event != nil })
	pending := slices.ContainsFunc(a.cases, func(h *hook) bool {
		return h.judgement.Event != nil && h.judgement.Event.Build.Result == travis.Pending
	})
	if !pending && (came || only) {
		a.told.add(deliveryapi.CauseOnStart, route, "route %s wants pending, and none has come: Travis sends it only with \"on_start: always\" beside the URL in .travis.yml", route)
	}
}

// tellArrival tells that nothing came, and what came instead.
func (a *answer) tellArrival() {
	if len(a.cases) > 0 {
		return
	}
	what := a.question.Repository
	if a.question.Build != "" {
		what = fmt.Sprintf("build %s of %s", a.question.Build, what)
	}
	a.told.add(deliveryapi.CauseNothingArrived, "",
		"nothing has arrived for %s since %s, when the operator began to remember: look at the URL under notifications.webhooks in .travis.yml, and whether Travis can reach it",
		what, a.since())
	arrived := a.sources.Trail.Strangers()
	for _, slug := range a.readable() {
		if len(a.sources.Trail.Webhooks(slug)) > 0 {
			arrived = append(arrived, slug)
		}
	}
	if near := similar(a.slug, arrived); len(near) > 0 {
		a.told.add(deliveryapi.CauseSimilarArrived, "", "webhooks arrived for a repository whose name is almost the same: %s; spell it in the route as Travis does", strings.Join(near, ", "))
	}
}

// tellAnswer tells why a webhook was refused or dropped.
func (a *answer) tellAnswer(h *hook) {
	s := said(h.judgement.Reason)
	if s.cause == "" {
		return
	}
	advice := s.advice
	if e := h.judgement.Event; s.cause == deliveryapi.CauseOtherRepository && e != nil {
		advice = fmt.Sprintf("if it is the right one, set spec.repositoryID to %d", e.Repository.ID)
	}
	a.told.add(s.cause, "", "%s came, and %s; %s", h.name(), s.text, advice)
}

// tellVerdicts tells which routes did not want a webhook.
func (a *answer) tellVerdicts(h *hook) {
	if said(h.judgement.Reason).cause != "" {
		return
	}
	for _, v := range h.verdicts {
		if v.Wanted {
			a.tellForgotten(h, &v)
			continue
		}
		cause, name := causes[v.Rule], v.Namespace+"/"+v.Route
		if v.Rule == ruleProof && h.judgement.Proof {
			cause = deliveryapi.CauseWrongProof
		}
		a.told.add(cause, name, "%s came, and route %s did not take it: %s", h.name(), name, v.Values)
	}
}

// tellForgotten tells of a delivery that must have been, and of which nothing is known any more.
func (a *answer) tellForgotten(h *hook, v *deliveryapi.Verdict) {
	known := slices.ContainsFunc(h.deliveries, func(s queue.Summary) bool {
		return s.Target.Namespace == v.Namespace && s.Target.Route == v.Route
	})
	if h.judgement.Code == http.StatusAccepted && !known {
		name := v.Namespace + "/" + v.Route
		a.told.add(deliveryapi.CauseForgotten, name, "%s was stored for route %s and has ended; how, the operator no longer remembers: see the route's status", h.name(), name)
	}
}

// tellDeliveries tells how the deliveries stand.
func (a *answer) tellDeliveries(h *hook) {
	for _, s := range h.deliveries {
		cause, format := standing(&s)
		name := s.Target.Namespace + "/" + s.Target.Route
		room := cmp.Or(s.Target.Address, "the account's room")
		if s.Target.Account != "" {
			room += " (" + s.Target.Account + ")"
		}
		a.told.add(cause, name+" "+s.Target.Channel, "%s for %s %s", h.name(), room, format)
	}
}

// standing is how a delivery stands, as a cause and in words.
func standing(s *queue.Summary) (deliveryapi.Cause, string) {
	reason := s.Last.Reason
	switch {
	case s.State == queue.DeadLetter:
		return deliveryapi.CauseDead, fmt.Sprintf("was given up at %s: %s; mend that, then kubectl travis redrive", moment(s.Last.At), reason)
	case s.Last.Kind == queue.Delivered:
		return deliveryapi.CauseDelivered, fmt.Sprintf("was delivered at %s: the service confirmed that it took it", moment(s.Last.At))
	case s.Last.Kind == queue.Dropped && strings.HasPrefix(reason, "superseded"):
		return deliveryapi.CauseSuperseded, "was not sent: " + reason + ", which went out instead when the room could be reached again"
	case s.Last.Kind == queue.Dropped:
		return deliveryapi.CauseDropped, "was not sent: " + reason
	case s.Last.Credential && s.State == queue.Waiting:
		return deliveryapi.CauseWaitingForAccount, "waits for its account, and goes out as soon as that is mended: " + reason
	case s.Last.Kind == queue.Retry:
		return deliveryapi.CauseRetrying, fmt.Sprintf("could not be sent %d times, and is tried again at %s: %s", s.Attempts, moment(s.Due), reason)
	}
	return deliveryapi.CauseUnderWay, "is on its way"
}

// name is how people call a webhook.
func (h *hook) name() string {
	if e := h.judgement.Event; e != nil {
		return fmt.Sprintf("build %s (%s)", e.Build.Number, e.Build.Result)
	}
	return fmt.Sprintf("at %s, a webhook", moment(h.judgement.At))
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") }
