package why

import (
	"cmp"
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
		route := s.Target.Namespace + "/" + s.Target.Route
		channel := strings.Trim(s.Target.Account+":"+s.Target.Address, ":")
		cause, text := progress(&s, channel+" by route "+route)
		a.facts.add(cause, route+" "+s.Target.Channel, "%s: %s", c.name(), text)
	}
}

// progress returns the state of a delivery to a channel: as a cause, and as a sentence.
func progress(s *queue.Summary, channel string) (deliveryapi.Cause, string) {
	reason := cmp.Or(s.Last.Reason, "no reason is known")
	switch {
	case s.State == queue.DeadLetter && s.Last.Kind != queue.Dropped: // a dead letter is dropped with its route, or when it is old
		return deliveryapi.CauseDead, fmt.Sprintf("dead letter for %s since %s: %s; fix it, then run kubectl travis redrive", channel, formatTime(s.Last.At), reason)
	case s.Last.Kind == queue.Delivered:
		text := fmt.Sprintf("delivered to %s at %s", channel, formatTime(s.Last.At))
		if s.Last.Reason != "" {
			text += ", " + reason
		}
		return deliveryapi.CauseDelivered, text
	case s.Last.Kind == queue.Dropped && strings.HasPrefix(reason, "superseded"):
		return deliveryapi.CauseSuperseded, fmt.Sprintf("not sent to %s: %s, which was sent instead", channel, reason)
	case s.Last.Kind == queue.Dropped:
		return deliveryapi.CauseDropped, fmt.Sprintf("not sent to %s: %s", channel, reason)
	case s.Last.Credential && s.State == queue.Waiting:
		return deliveryapi.CauseWaitingForAccount, fmt.Sprintf("waits to be sent to %s, and is sent as soon as the account is fixed: %s", channel, reason)
	case s.Last.Kind == queue.Retry && s.Last.Rest.After(s.Last.At):
		return deliveryapi.CausePaused, fmt.Sprintf("waits to be sent to %s until the destination takes messages again, at %s: %s", channel, formatTime(s.Due), reason)
	case s.Last.Kind == queue.Retry:
		return deliveryapi.CauseRetrying, fmt.Sprintf("not yet delivered to %s after %s, next attempt at %s: %s",
			channel, text.Count(s.Attempts, "attempt"), formatTime(s.Due), reason)
	}
	return deliveryapi.CauseUnderWay, "waits to be sent to " + channel
}

// name is how people call a webhook.
func (c *webhookCase) name() string {
	if c.Build != nil {
		return fmt.Sprintf("build %s (%s)", buildName(c.Build), c.Build.Result)
	}
	return "webhook at " + formatTime(c.At)
}

// buildName returns the build's number, or its ID if Travis sent none.
func buildName(b *trail.Build) string {
	if b.Number == "" {
		return "ID " + strconv.FormatInt(b.ID, 10)
	}
	return b.Number
}

func formatTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") }
