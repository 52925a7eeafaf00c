package trail

import (
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/text"
)

// The kinds of counts.
const (
	countMatched   = "matched"
	countDelivered = "delivered"
	countFailed    = "failed"
	countDead      = "dead"
	countDropped   = "dropped"
	countRejected  = "rejected"
)

// otherReasons replaces reasons beyond a bound.
const otherReasons = "other"

// countKey is what is counted. Repository is in lower case; the rest is empty for rejected webhooks
// but for the reason.
type countKey struct {
	Repository string `json:"repository"`
	Namespace  string `json:"namespace,omitempty"`
	Route      string `json:"route,omitempty"`
	Account    string `json:"account,omitempty"`
	Address    string `json:"address,omitempty"`
	Kind       string `json:"kind"`
	Reason     string `json:"reason,omitempty"`
}

func countOf(slug string, t queue.Target, kind, reason string) countKey {
	slug, _ = key(slug)
	return countKey{slug, t.Namespace, t.Route, t.Account, t.Address, kind, text.TruncateRunes(reason, maxReason)}
}

// hour counts hours since 1970.
type hour int64

func hourOf(t time.Time) hour { return hour(t.Unix() / int64(time.Hour/time.Second)) }

func (h hour) start() time.Time { return time.Unix(int64(h)*int64(time.Hour/time.Second), 0) }

// counts are bounded counters for each hour.
type counts struct{ hours map[hour]*hourCounts }

func newCounts() *counts { return &counts{map[hour]*hourCounts{}} }

func (c *counts) at(h hour) *hourCounts {
	if c.hours[h] == nil {
		c.hours[h] = newHourCounts()
	}
	return c.hours[h]
}

func (c *counts) add(at time.Time, k countKey) { c.at(hourOf(at)).add(k, 1) }

// take returns all counts and starts again.
func (c *counts) take() map[hour]*hourCounts {
	taken := c.hours
	c.hours = map[hour]*hourCounts{}
	return taken
}

// hourCounts are the counters of one hour.
type hourCounts struct {
	n            map[countKey]int
	perNamespace map[string]int // counters; those of rejected webhooks have no namespace
}

func newHourCounts() *hourCounts { return &hourCounts{map[countKey]int{}, map[string]int{}} }

// add adds n, to the other reasons if there are too many already: one namespace must not use up the
// counters of others, nor strangers those of all.
func (h *hourCounts) add(k countKey, n int) {
	if h.n[k] == 0 && !h.room(k) {
		if k.Reason != "" {
			k.Reason = otherReasons
		}
		if h.n[k] == 0 && len(h.n) >= 2*countsOverall {
			return
		}
	}
	if h.n[k] == 0 {
		h.perNamespace[k.Namespace]++
	}
	h.n[k] += n
}

// room reports whether there is room for another counter of the key's namespace.
func (h *hourCounts) room(k countKey) bool {
	most := countsPerNamespace
	if k.Kind == countRejected {
		most = rejectedCounts
	}
	return len(h.n) < countsOverall && h.perNamespace[k.Namespace] < most
}

func (h *hourCounts) merge(o *hourCounts) {
	for k, n := range o.n {
		h.add(k, n)
	}
}

// Counted is one counter of a repository, summed over a span.
type Counted struct {
	countKey
	N int `json:"n"`
}

func (h *hourCounts) list() []Counted {
	all := make([]Counted, 0, len(h.n))
	for k, n := range h.n {
		all = append(all, Counted{k, n})
	}
	return all
}

// sums are the counters of one repository, added up.
type sums map[countKey]int

func (s sums) add(counted []Counted) {
	for _, c := range counted {
		s[c.countKey] += c.N
	}
}

func (s sums) list() []Counted {
	all := make([]Counted, 0, len(s))
	for k, n := range s {
		all = append(all, Counted{k, n})
	}
	return all
}

// of returns the counters of a repository from an hour on.
func (c *counts) of(slug string, from hour) []Counted {
	found := sums{}
	for h, counted := range c.hours {
		if h < from {
			continue
		}
		for k, n := range counted.n {
			if k.Repository == slug {
				found[k] += n
			}
		}
	}
	return found.list()
}
