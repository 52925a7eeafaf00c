package why

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/deliveryapi/trail"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/text"
)

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
		return deliveryapi.CausePaused, "waits to be sent to %s until the destination takes messages again, at " + moment(s.Due) + ": " + reason
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
