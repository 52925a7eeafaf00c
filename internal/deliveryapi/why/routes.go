package why

import (
	"slices"
	"strings"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/deliveryapi/trail"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/travis"
)

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
