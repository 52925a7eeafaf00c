package why

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/deliveryapi/trail"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/text"
	"github.com/travishook/travishook/internal/travis"
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
			moment(loss.At), events(loss.Events))
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
		const fix = "see kubectl travis deliveries -n %[1]s, and fix or remove channels that take no messages"
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

// addRoutes adds what is wrong with the routes now.
func (a *answer) addRoutes() {
	if len(a.routes) == 0 {
		a.addUndeclared()
	}
	for i, r := range a.routes {
		name := r.Namespace + "/" + r.Name
		for _, p := range a.verdicts[i].Problems() {
			cause := deliveryapi.CauseNotReady
			if p.Reason == v1alpha1.ReasonTokenNotFound || p.Reason == v1alpha1.ReasonNoKey {
				cause = deliveryapi.CauseNotSetUp
			}
			a.facts.add(cause, name+p.Message, "route %s is not ready: %s", name, p.Message)
		}
		if r.Suspended {
			a.facts.add(deliveryapi.CauseSuspended, name, "route %s is suspended: resume it with kubectl travis resume -n %s %s", name, r.Namespace, r.Name)
		}
		a.addPending(name, a.verdicts[i].Events)
	}
}

func (a *answer) addUndeclared() {
	where := "in the namespaces that you may read"
	if a.question.Namespace != "" {
		where = "in namespace " + a.question.Namespace
	}
	a.facts.add(deliveryapi.CauseNotDeclared, "", "no route for %s %s", a.question.Repository, where)
	if similar := a.similarDeclared(); len(similar) > 0 {
		a.facts.add(deliveryapi.CauseSimilarRoute, "", "there is a route for a similar repository name: %s", strings.Join(similar, ", "))
	}
}

// similarDeclared returns similar repositories that the caller may read a route of.
func (a *answer) similarDeclared() []string {
	var slugs []string
	for r := range a.sources.Table().Repositories() {
		if trail.Similar(a.slug, r.Slug) && slices.ContainsFunc(r.Namespaces, a.readableNow) {
			slugs = append(slugs, r.Slug)
		}
	}
	slices.Sort(slugs)
	return slugs[:min(len(slugs), maxSimilar)]
}

// maxSimilar bounds the names that an answer suggests.
const maxSimilar = 3

// addPending adds that Travis sends pending only if it is told to, when none was received: of the build
// that was asked for, or of any.
func (a *answer) addPending(route string, events routing.EventSet) {
	if !events.Has(travis.Pending) {
		return
	}
	decoded, pending := false, false
	for _, c := range a.cases {
		decoded = decoded || c.Build != nil
		pending = pending || c.Build != nil && c.Build.Result == travis.Pending
	}
	only := len(events.Names()) == 1
	if pending || !decoded && !only {
		return
	}
	what := "none was received"
	if !a.question.Build.Any() {
		what = "none was received for build " + a.question.Build.String()
	}
	a.facts.add(deliveryapi.CauseOnStart, route, "route %s matches pending, but %s: Travis sends it only with \"on_start: always\" below webhooks in .travis.yml", route, what)
}

// addArrival adds that no webhook was received for the repository or the build, and what was instead.
func (a *answer) addArrival() {
	if slices.ContainsFunc(a.cases, func(c *webhookCase) bool { return a.question.Build.Any() || c.Build != nil }) {
		return
	}
	since := a.records.Since.UTC().Format(time.RFC3339)
	if !a.question.Build.Any() {
		a.addBuildArrival(since)
		return
	}
	a.facts.add(deliveryapi.CauseNothingArrived, "",
		"no webhook for %s since %s: check the webhook URL in .travis.yml against kubectl travis token --url, the conditions in notifications.webhooks (on_success, on_failure, if), and whether Travis can connect to it",
		a.question.Repository, since)
	a.addSimilarArrived()
}

// addBuildArrival adds that nothing was received of a build. If other builds were, the URL is right and
// Travis was told to send less.
func (a *answer) addBuildArrival(since string) {
	others := a.otherBuilds()
	a.facts.add(deliveryapi.CauseNothingArrived, "", "no webhook for build %s of %s since %s", a.question.Build, a.question.Repository, since)
	if len(others) == 0 {
		return
	}
	a.facts.add(deliveryapi.CauseFiltered, "", "webhooks of other builds were received (%s), so the webhook URL works: check the conditions in notifications.webhooks of the build's .travis.yml (on_success, on_failure, on_cancel, on_error, if), and whether its branch has that section",
		strings.Join(others, ", "))
}

// maxOthers bounds the other builds that an answer names.
const maxOthers = 5

// otherBuilds returns the newest builds of the repository that the caller may know of.
func (a *answer) otherBuilds() []string {
	var others []string
	for _, w := range a.records.Webhooks {
		c := &webhookCase{Webhook: w}
		if w.Build == nil || !a.disclose(c) {
			continue
		}
		if name := buildName(w.Build); !slices.Contains(others, name) && len(others) < maxOthers {
			others = append(others, name)
		}
	}
	return others
}

// addSimilarArrived adds misspelled names: of those that no route names, and of those that the caller
// may read. It is for callers with a route, since only those can be misspelled.
func (a *answer) addSimilarArrived() {
	if len(a.routes) == 0 {
		return
	}
	declared := a.similarDeclared()
	similar := slices.DeleteFunc(slices.Clone(a.records.Similar), func(slug string) bool {
		r, ok := a.sources.Table().Repository(slug)
		return ok && len(r.Namespaces) > 0 && !slices.Contains(declared, slug)
	})
	if len(similar) > 0 {
		a.facts.add(deliveryapi.CauseSimilarArrived, "", "webhooks for a similar repository name were received: %s; spell it in the route as Travis does", strings.Join(similar[:min(len(similar), maxSimilar)], ", "))
	}
}

// addAnswer adds why a webhook was rejected or dropped.
func (a *answer) addAnswer(c *webhookCase) {
	x := explain(c.Reason)
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
	case !a.question.Build.Any() && c.Build == nil && a.received():
		a.facts.remark(x.cause, fmt.Sprintf("%s, perhaps of another build: %s; %s", c.name(), x.short, advice))
	case !a.question.Build.Any() && x.cause == deliveryapi.CauseSeen && a.received():
		a.facts.remark(x.cause, fmt.Sprintf("%s: %s", c.name(), x.short))
	default:
		a.facts.add(x.cause, "", "%s: %s; %s", c.name(), x.short, advice)
	}
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

// addVerdicts adds which routes did not match a webhook.
func (a *answer) addVerdicts(c *webhookCase) {
	if explain(c.Reason).cause != "" {
		return
	}
	for _, v := range c.verdicts {
		if v.Matched {
			a.addForgotten(c, &v)
			continue
		}
		name := v.Namespace + "/" + v.Route
		a.facts.add(ruleCauses[v.Rule], name, "%s: route %s: %s", c.name(), name, v.Detail)
	}
}

// addForgotten adds a delivery whose result is no longer known.
func (a *answer) addForgotten(c *webhookCase, v *deliveryapi.Verdict) {
	known := slices.ContainsFunc(c.deliveries, func(s queue.Summary) bool {
		return s.Target.Namespace == v.Namespace && s.Target.Route == v.Route
	})
	if c.Stored() && !known {
		name := v.Namespace + "/" + v.Route
		a.facts.add(deliveryapi.CauseForgotten, name, "%s: stored for route %s, and the result is no longer known: see the route's status", c.name(), name)
	}
}

func (a *answer) addDeliveries(c *webhookCase) {
	for _, s := range c.deliveries {
		cause, text := progress(&s)
		route := s.Target.Namespace + "/" + s.Target.Route
		channel := strings.Trim(s.Target.Account+":"+s.Target.Address, ":")
		a.facts.add(cause, route+" "+s.Target.Channel, "%s: %s", c.name(), fmt.Sprintf(text, channel+" by route "+route))
	}
}

// progress returns the state of a delivery as a cause, and as a text with a place for the channel.
func progress(s *queue.Summary) (deliveryapi.Cause, string) {
	reason := strings.ReplaceAll(s.Last.Reason, "%", "%%")
	if reason == "" {
		reason = "no reason is known"
	}
	switch {
	case s.State == queue.DeadLetter:
		return deliveryapi.CauseDead, "dead letter for %s since " + moment(s.Last.At) + ": " + reason + "; fix it, then run kubectl travis redrive"
	case s.Last.Kind == queue.Delivered:
		text := "delivered to %s at " + moment(s.Last.At)
		if s.Last.Reason != "" {
			text += ", " + reason
		}
		return deliveryapi.CauseDelivered, text
	case s.Last.Kind == queue.Dropped && strings.HasPrefix(reason, "superseded"):
		return deliveryapi.CauseSuperseded, "not sent to %s: " + reason + ", which was sent instead"
	case s.Last.Kind == queue.Dropped:
		return deliveryapi.CauseDropped, "not sent to %s: " + reason
	case s.Last.Credential && s.State == queue.Waiting:
		return deliveryapi.CauseWaitingForAccount, "waits to be sent to %s, and is sent as soon as the account is fixed: " + reason
	case s.Last.Kind == queue.Retry && s.Last.Rest.After(s.Last.At):
		return deliveryapi.CauseResting, "waits to be sent to %s until the destination takes messages again, at " + moment(s.Due) + ": " + reason
	case s.Last.Kind == queue.Retry:
		return deliveryapi.CauseRetrying, "not yet delivered to %s after " + text.Count(s.Attempts, "attempt") + ", next attempt at " + moment(s.Due) + ": " + reason
	}
	return deliveryapi.CauseUnderWay, "waits to be sent to %s"
}

// name is how people call a webhook.
func (c *webhookCase) name() string {
	if c.Build != nil {
		return fmt.Sprintf("build %s (%s)", buildName(c.Build), c.Build.Result)
	}
	return "webhook at " + moment(c.At)
}

// buildName returns the build's number, or its ID if Travis sent none.
func buildName(b *trail.Build) string {
	if b.Number == "" {
		return "ID " + strconv.FormatInt(b.ID, 10)
	}
	return b.Number
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") }
