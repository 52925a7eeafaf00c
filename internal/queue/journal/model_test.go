package journal

import (
	"maps"
	"slices"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

// model is the store as one would write it without a care for speed or restarts.
type model struct {
	list     []*modelDelivery // in the order of acceptance
	seen     map[ID]time.Time
	failing  map[string]bool
	until    map[string]time.Time
	home     map[string]string
	moves    map[string]int
	away     map[int]bool // shards that another replica holds
	statuses map[queue.Target]queue.ChannelStatus
	memory   map[string]string
	accepted int
	ended    int
}

type modelDelivery struct {
	id       ID
	target   queue.Target
	event    travis.Event
	accepted time.Time
	due      time.Time
	attempts int
	last     queue.Outcome
	state    queue.State
}

func newModel() *model {
	return &model{
		seen: map[ID]time.Time{}, failing: map[string]bool{}, until: map[string]time.Time{},
		home: map[string]string{}, moves: map[string]int{}, away: map[int]bool{},
		statuses: map[queue.Target]queue.ChannelStatus{}, memory: map[string]string{},
	}
}

func (m *model) accept(event ID, a *Accept) {
	for _, offer := range a.Offers {
		m.seen[SeenID(event, offer.Namespace)] = a.At
		for _, t := range offer.Targets {
			if !slices.Contains(m.channels(), t.Channel) {
				m.home[t.Channel] = t.AccountKey
			}
			t.AccountKey = ""
			m.list = append(m.list, &modelDelivery{
				id: DeliveryID(event, &t), target: t, event: a.Event,
				accepted: a.At, due: a.At, state: queue.Waiting,
			})
			m.accepted++
			st := m.statuses[t]
			st.Target = t
			m.statuses[t] = st
		}
	}
}

// heads are the first pending deliveries of each build of a channel.
func (m *model) heads(channel string) []*modelDelivery {
	var heads []*modelDelivery
	builds := map[int64]bool{}
	for _, d := range m.list {
		if d.target.Channel != channel || d.state == queue.DeadLetter || builds[d.event.Build.ID] {
			continue
		}
		builds[d.event.Build.ID] = true
		heads = append(heads, d)
	}
	return heads
}

func (m *model) busy(channel string) bool {
	return slices.ContainsFunc(m.list, func(d *modelDelivery) bool {
		return d.target.Channel == channel && d.state == queue.Sending
	})
}

// take scans everything for what is next in the lane.
func (m *model) take(lane queue.Lane, now time.Time) *modelDelivery {
	var best *modelDelivery
	var bestReady time.Time
	for _, channel := range m.channels() {
		if m.busy(channel) || m.failing[channel] != (lane == queue.Probation) || m.away[m.shard(channel)] {
			continue
		}
		var next *modelDelivery
		for _, d := range m.heads(channel) {
			if next == nil || d.due.Before(next.due) {
				next = d
			}
		}
		ready := next.due
		if m.until[channel].After(ready) {
			ready = m.until[channel]
		}
		if ready.After(now) || best != nil && !ready.Before(bestReady) &&
			(!ready.Equal(bestReady) || m.index(next) > m.index(best)) {
			continue
		}
		best, bestReady = next, ready
	}
	return best
}

func (m *model) shard(channel string) int { return queue.Shard(m.home[channel], "", "", channel) }

func (m *model) index(d *modelDelivery) int { return slices.Index(m.list, d) }

func (m *model) channels() []string {
	names := map[string]bool{}
	for _, d := range m.list {
		if d.state != queue.DeadLetter {
			names[d.target.Channel] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func (m *model) superseded(d *modelDelivery) bool {
	if d.attempts == 0 && !m.failing[d.target.Channel] {
		return false
	}
	return slices.ContainsFunc(m.list[m.index(d)+1:], func(later *modelDelivery) bool {
		return later.state == queue.Waiting && later.target == d.target && later.event.Build.ID == d.event.Build.ID
	})
}

func (m *model) find(id ID) *modelDelivery {
	for _, d := range m.list {
		if d.id == id {
			return d
		}
	}
	return nil
}

func (m *model) settle(id ID, o queue.Outcome) {
	d := m.find(id)
	st, channel := m.statuses[d.target], d.target.Channel
	mark := queue.Mark{At: o.At, Build: d.event.Build.Number, Result: d.event.Build.Result, Reason: o.Reason}
	switch o.Kind {
	case queue.Delivered:
		m.failing[channel] = false
		delete(m.until, channel)
		delete(m.moves, channel)
		st.Delivered, st.Failures = mark, 0
	case queue.Retry, queue.Dead:
		m.failing[channel], m.until[channel] = true, o.At
		delete(m.moves, channel)
		st.Failure = mark
		st.Failures++
		d.attempts++
		d.last, d.state = o, queue.DeadLetter
		if o.Kind == queue.Retry {
			m.until[channel] = o.Due
			d.due, d.state = o.Due, queue.Waiting
		}
	}
	m.statuses[d.target] = st
	if o.Kind == queue.Delivered || o.Kind == queue.Dropped {
		m.list = slices.Delete(m.list, m.index(d), m.index(d)+1)
		m.ended++
	}
	m.forgetIdle(channel)
}

// forgetIdle: a channel that nothing waits for has no past.
func (m *model) forgetIdle(channel string) {
	if !slices.Contains(m.channels(), channel) {
		delete(m.failing, channel)
		delete(m.until, channel)
		delete(m.home, channel)
		delete(m.moves, channel)
	}
}

func (m *model) move(id ID, home string, until time.Time) {
	d := m.find(id)
	channel := d.target.Channel
	d.state = queue.Waiting
	m.home[channel], m.until[channel] = home, until
	m.moves[channel]++
}

func (m *model) resume(at time.Time, id ID) {
	d := m.find(id)
	channel := d.target.Channel
	if d.state == queue.DeadLetter {
		d.state, d.attempts = queue.Waiting, 0
	} else if m.until[channel].After(at) {
		m.until[channel] = at
	}
	d.due = at
}

func (m *model) summaries() []queue.Summary {
	list := []queue.Summary{}
	for _, d := range m.list {
		s := queue.Summary{
			ID: d.id.String(), Target: d.target, Repository: d.event.Repository.Slug(),
			BuildID: d.event.Build.ID, Build: d.event.Build.Number, Result: d.event.Build.Result,
			State: d.state, Accepted: d.accepted, Attempts: d.attempts, Due: d.due, Last: d.last,
		}
		if d.state == queue.DeadLetter {
			s.Due = time.Time{}
		}
		list = append(list, s)
	}
	return list
}

func (m *model) route(namespace, route string) []queue.ChannelStatus {
	list := []queue.ChannelStatus{}
	for t, st := range m.statuses {
		if t.Namespace != namespace || t.Route != route {
			continue
		}
		for _, d := range m.list {
			switch {
			case d.target != t:
			case d.state == queue.DeadLetter:
				st.Dead++
			default:
				st.Waiting++
			}
		}
		list = append(list, st)
	}
	return list
}
