package why

import (
	"slices"
	"strings"
	"time"

	"github.com/travishook/travishook/internal/deliveryapi"
)

// addArrival adds that no webhook was received for the repository or the build, and what was instead.
func (a *answer) addArrival() {
	if slices.ContainsFunc(a.cases, func(c *webhookCase) bool { return a.question.Build.Any() || c.Build != nil }) {
		return
	}
	since := a.records.Start().UTC().Format(time.RFC3339)
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
// Travis is configured to send less.
func (a *answer) addBuildArrival(since string) {
	others := a.otherBuilds()
	if oldest, ok := a.oldestRemembered(); ok {
		a.facts.add(deliveryapi.CauseNothingArrived, "", "no webhook for build %s of %s since %s; of the time before that, nothing is remembered",
			a.question.Build, a.question.Repository, oldest.UTC().Format(time.RFC3339))
		return
	}
	a.facts.add(deliveryapi.CauseNothingArrived, "", "no webhook for build %s of %s since %s", a.question.Build, a.question.Repository, since)
	if len(others) == 0 {
		return
	}
	a.facts.add(deliveryapi.CauseFiltered, "", "webhooks of other builds were received (%s), so the webhook URL works: check the conditions in notifications.webhooks of the build's .travis.yml (on_success, on_failure, on_cancel, on_error, if), and whether its branch has that section",
		strings.Join(others, ", "))
}

// oldestRemembered returns when the oldest webhook was received that the caller may know of, if older ones
// are no longer remembered. The time of another namespace's is not disclosed.
func (a *answer) oldestRemembered() (oldest time.Time, ok bool) {
	if !a.records.Dropped {
		return time.Time{}, false
	}
	for _, w := range slices.Backward(a.records.Webhooks) { // newest first
		if w.Authorized() && a.disclose(&webhookCase{Webhook: w}) {
			return w.At, true
		}
	}
	return time.Time{}, false
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
