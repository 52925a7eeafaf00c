package why

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/queue"
)

// counts returns the counters of the routes that the caller may read. Events whose first attempt is
// still to be made are counted from the store.
func (a *answer) counts(ctx context.Context) *deliveryapi.Counts {
	counted, from, missing := a.sources.Trail.Counts(ctx, a.slug, a.question.Since)
	a.records.Missing = max(a.records.Missing, missing)
	sums := &channelSums{}
	result := &deliveryapi.Counts{From: from}
	for _, c := range counted {
		if c.Namespace == "" {
			if a.mayReadAll(&webhookCase{}) {
				if result.Rejected == nil {
					result.Rejected = map[string]int{}
				}
				result.Rejected[c.Reason] += c.N
			}
			continue
		}
		if a.question.covers(c.Namespace) && a.question.May(c.Namespace, c.Route) {
			sums.add(queue.Target{Namespace: c.Namespace, Route: c.Route, Account: c.Account, Address: c.Address}, c.Kind, c.Reason, c.N)
		}
	}
	for _, s := range a.stored() {
		if s.Attempts == 0 && s.Last.At.IsZero() && !s.Accepted.Before(from) {
			sums.add(s.Target, "matched", "", 1)
		}
	}
	result.Channels = sums.sorted()
	return result
}

// channelSums adds up counters by channel.
type channelSums struct{ channels []*deliveryapi.ChannelCount }

func (s *channelSums) add(t queue.Target, kind, reason string, n int) {
	i := slices.IndexFunc(s.channels, func(c *deliveryapi.ChannelCount) bool {
		return c.Namespace == t.Namespace && c.Route == t.Route && c.Account == t.Account && c.Address == t.Address
	})
	if i < 0 {
		i = len(s.channels)
		s.channels = append(s.channels, &deliveryapi.ChannelCount{Namespace: t.Namespace, Route: t.Route, Account: t.Account, Address: t.Address})
	}
	c := s.channels[i]
	switch kind {
	case "matched":
		c.Matched += n
	case "delivered":
		c.Delivered += n
	case "failed":
		c.Failed += n
	case "dead":
		c.Dead += n
	case "dropped":
		c.Dropped += n
	}
	if reason != "" {
		if c.Reasons == nil {
			c.Reasons = map[string]int{}
		}
		c.Reasons[reason] += n
	}
}

func (s *channelSums) sorted() []deliveryapi.ChannelCount {
	all := make([]deliveryapi.ChannelCount, len(s.channels))
	for i, c := range s.channels {
		all[i] = *c
	}
	slices.SortFunc(all, func(a, b deliveryapi.ChannelCount) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Route, b.Route),
			strings.Compare(a.Account, b.Account), strings.Compare(a.Address, b.Address))
	})
	return all
}
