package why

import (
	"fmt"
	"slices"
	"strings"

	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/text"
)

// facts collects findings: of each cause for each subject the first, which is the newest.
type facts struct {
	problems []deliveryapi.Fact
	outcomes []deliveryapi.Fact // no problem
	remarks  []deliveryapi.Fact // perhaps no problem
	known    map[string]bool
}

func (f *facts) add(cause deliveryapi.Cause, subject, format string, args ...any) {
	if !f.first(string(cause) + " " + subject) {
		return
	}
	fact := deliveryapi.Fact{Cause: cause, Text: fmt.Sprintf(format, args...)}
	switch cause {
	case deliveryapi.CauseDelivered, deliveryapi.CauseUnderWay:
		f.outcomes = append(f.outcomes, fact)
	case deliveryapi.CauseOnStart:
		f.remarks = append(f.remarks, fact)
	default:
		f.problems = append(f.problems, fact)
	}
}

// remark adds what is no problem of the build that was asked for.
func (f *facts) remark(cause deliveryapi.Cause, text string) {
	if f.first(string(cause) + " ") {
		f.remarks = append(f.remarks, deliveryapi.Fact{Cause: cause, Text: text})
	}
}

func (f *facts) first(key string) bool {
	if f.known[key] {
		return false
	}
	if f.known == nil {
		f.known = map[string]bool{}
	}
	f.known[key] = true
	return true
}

// collectFacts collects what is wrong now, then what happened to the webhooks: from the newest to the
// last one whose messages were all delivered, since what was wrong before that has been fixed.
func (a *answer) collectFacts() []deliveryapi.Fact {
	a.addStore()
	a.addRoutes()
	a.addArrival()
	for _, c := range a.cases {
		a.addAnswer(c)
		a.addVerdicts(c)
		a.addDeliveries(c)
		if a.question.Build.Any() && c.delivered() {
			break
		}
	}
	return slices.Concat([]deliveryapi.Fact{}, a.facts.problems, a.facts.outcomes, a.facts.remarks)
}

// delivered reports whether all deliveries of a webhook succeeded.
func (c *webhookCase) delivered() bool {
	return len(c.deliveries) > 0 && !slices.ContainsFunc(c.deliveries, func(s queue.Summary) bool { return s.Last.Kind != queue.Delivered })
}

// addStore adds what is wrong with the store.
func (a *answer) addStore() {
	a.addLosses()
	a.addShares()
	if err := a.sources.Store(); err != nil {
		a.facts.add(deliveryapi.CauseRefusing, "", "the operator accepts no webhooks at the moment: %s; its administrator finds details in the condition StoreAvailable of the TravisDefaults in its namespace", err)
	}
}

// addLosses adds that the store was damaged. Nobody knows whose events are lost.
func (a *answer) addLosses() {
	if a.sources.Losses == nil {
		return
	}
	for _, loss := range a.sources.Losses() {
		a.facts.add(deliveryapi.CauseDamaged, "", "a part of the store was lost, found at %s, with %s: builds before that may have been stored and not delivered; restart those that you miss",
			formatTime(loss.At), events(loss.Events))
	}
}

func events(n uint64) string {
	if n == 0 {
		return "an unknown number of events"
	}
	return text.Count(n, "event")
}

// nearShare is the part of its share that a namespace has used when an answer says so.
const nearShare = 0.8

// addShares adds namespaces that have used up their share of the store, or will soon.
func (a *answer) addShares() {
	asked := map[string]bool{}
	for _, r := range a.routes {
		if asked[r.Namespace] {
			continue
		}
		asked[r.Namespace] = true
		const fix = "see kubectl travis deliveries -n %[1]s, and fix or remove channels that accept no messages"
		switch u := a.sources.Usage(r.Namespace); {
		case u.Full:
			a.facts.add(deliveryapi.CauseShare, r.Namespace, "namespace %s has used up its share of the store with %d deliveries (%.1f MiB), and its events are not stored until some have ended: "+fix,
				r.Namespace, u.Deliveries, float64(u.Bytes)/(1<<20))
		case u.Share >= nearShare:
			a.facts.add(deliveryapi.CauseShare, r.Namespace, "namespace %s has used %.0f %% of its share of the store with %d deliveries (%.1f MiB); beyond it, its events are not stored: "+fix,
				r.Namespace, 100*u.Share, u.Deliveries, float64(u.Bytes)/(1<<20))
		}
	}
}

// addAnswer adds why a webhook was rejected or dropped.
func (a *answer) addAnswer(c *webhookCase) {
	x := c.explain()
	if x.cause == "" {
		return
	}
	advice := x.advice
	if x.cause == deliveryapi.CauseOtherRepository && c.Build != nil {
		advice = fmt.Sprintf("if it is the right one, set spec.repositoryID to %d", c.Build.RepositoryID)
	}
	if spelled := a.otherSpelling(c); x.cause == deliveryapi.CauseWrongProof && spelled != "" {
		a.facts.add(deliveryapi.CauseSpelling, "", "%s: Travis spells the repository %s, the route %s: the proof depends on the spelling, so spell it as Travis does in the token's Secret, and use the new webhook URL",
			c.name(), c.Slug, spelled)
	}
	switch {
	case !a.question.Build.Any() && c.Build == nil && a.known():
		a.facts.remark(x.cause, fmt.Sprintf("%s, perhaps of another build: %s; %s", c.name(), x.short, advice))
	case !a.question.Build.Any() && x.cause == deliveryapi.CauseSeen && a.received():
		a.facts.remark(x.cause, fmt.Sprintf("%s: %s", c.name(), x.short))
	default:
		a.facts.add(x.cause, "", "%s: %s; %s", c.name(), x.short, advice)
	}
}

// known reports whether a webhook of the build that was asked for was received, whatever the answer. Then
// webhooks that were rejected before their build was known are probably of others: anybody can send those.
func (a *answer) known() bool {
	return slices.ContainsFunc(a.cases, func(c *webhookCase) bool { return c.Build != nil })
}

// received reports whether a webhook of the build that was asked for has a delivery.
func (a *answer) received() bool {
	return slices.ContainsFunc(a.cases, func(c *webhookCase) bool { return c.Build != nil && len(c.deliveries) > 0 })
}

// otherSpelling returns the repository as a route spells it, if Travis spells it differently.
func (a *answer) otherSpelling(c *webhookCase) string {
	for _, r := range a.routes {
		route, ok := a.sources.Table().Route(r.Namespace, r.Name)
		if ok && route.Repository != c.Slug && strings.EqualFold(route.Repository, c.Slug) {
			return route.Repository
		}
	}
	return ""
}
