package journal

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

// model is a simple implementation of the store, without regard to speed or restarts: it scans everything.
type model struct {
	list       []*modelDelivery // in the order of acceptance
	builds     map[modelBuildKey]modelBuild
	channels   map[channelKey]modelChannel
	conditions map[Place]modelCondition
	away       map[int]bool // shards that another replica holds
	statuses   map[queue.Target]queue.ChannelStatus
	values     map[string]string
	runs       map[modelBranch][]Run // in the order of builds
	messages   map[ID]*Message
	attempts   []modelAttempt
	slots      [2]int
	count      uint64
	served     map[modelTurn]uint64
	flows      map[modelFlow]uint64 // when last served
	accepted   int
	ended      int
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

type modelBuildKey struct {
	namespace string
	build     int64
}

type modelBuild struct {
	at, started, finished time.Time
	states                []string
}

type modelBranch struct{ namespace, branch string }

type modelChannel struct {
	accountKey, destination string
	until                   time.Time
	reassignments           int
}

type modelCondition struct {
	failing            bool
	until, rest, setAt time.Time
}

type modelAttempt struct {
	id      ID
	channel channelKey
	place   Place
	lane    queue.Lane
}

type modelTurn struct {
	namespace string
	lane      queue.Lane
}

type modelFlow struct {
	place     Place
	namespace string
}

func newModel() *model {
	return &model{
		builds: map[modelBuildKey]modelBuild{}, channels: map[channelKey]modelChannel{},
		conditions: map[Place]modelCondition{}, away: map[int]bool{},
		statuses: map[queue.Target]queue.ChannelStatus{}, values: map[string]string{}, runs: map[modelBranch][]Run{}, messages: map[ID]*Message{},
		served: map[modelTurn]uint64{}, flows: map[modelFlow]uint64{},
	}
}

// seen by the rules of queue.Queue.Accept.
func (m *model) seen(e *travis.Event, namespace string, now time.Time) bool {
	b, ok := m.builds[modelBuildKey{namespace, e.Build.ID}]
	switch {
	case !ok || now.Sub(b.at) >= remembered:
		return false
	case !e.Build.Started.Equal(b.started):
		return e.Build.Started.Before(b.started)
	case slices.Contains(b.states, e.Build.State):
		return true
	case e.Build.State == "started":
		return true
	}
	return e.Build.Finished.Before(b.finished)
}

func (m *model) accept(event ID, a *Accept) {
	m.note(a)
	for _, t := range a.Targets {
		key := keyOf(&t)
		if _, ok := m.channels[key]; !ok {
			m.channels[key] = modelChannel{accountKey: t.AccountKey, destination: t.Destination}
		}
		m.renew(m.place(key), a.At)
		t = bare(&t)
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

// post by the rules that a later event is never overwritten, nor the first message of an event, and that no
// message is forgotten that is still there.
func (m *model) post(sent *Message, at time.Time) {
	shown := *sent
	var handles []string
	if old := m.messages[sent.Key]; old != nil && old.Until.After(at) {
		handles = append(slices.Clone(old.Copies), old.Handle)
		if old.Seq >= sent.Seq && !slices.Contains(sent.Gone, old.Handle) {
			shown = *old
		}
	}
	shown.Copies, shown.Gone = nil, nil
	for _, h := range append(handles, sent.Handle) {
		if known := append([]string{shown.Handle}, shown.Copies...); !slices.Contains(append(known, sent.Gone...), h) {
			shown.Copies = append(shown.Copies, h)
		}
	}
	if n := len(shown.Copies); n > mostCopies {
		shown.Copies = shown.Copies[n-mostCopies:]
	}
	m.messages[sent.Key] = &shown
}

// finish by the rules of travis.Transition: the runs of a build follow each other, whenever they end.
func (m *model) finish(namespace string, e *travis.Event) {
	if e.Build.State == "started" {
		return
	}
	key := modelBranch{namespace, e.Build.Branch}
	run := Run{Build: e.Build.ID, Number: e.Build.Number, Started: e.Build.Started.UnixNano(), Failed: e.Build.State == "failed"}
	runs := slices.Clone(m.runs[key])
	for i, old := range runs {
		if old.Build != run.Build {
			continue
		}
		if run.Started < old.Started {
			return
		}
		if run.Again, run.Before = old.Again, old.Before; run.Started > old.Started {
			run.Again, run.Before = true, old.Failed
		}
		runs = slices.Delete(runs, i, i+1)
		break
	}
	runs = append(runs, run)
	slices.SortFunc(runs, func(a, b Run) int { return cmp.Compare(a.Build, b.Build) })
	m.runs[key] = runs
}

func (m *model) note(a *Accept) {
	m.finish(a.Namespace, &a.Event)
	key := modelBuildKey{a.Namespace, a.Event.Build.ID}
	b := m.builds[key]
	if a.At.Sub(b.at) >= remembered || !a.Event.Build.Started.Equal(b.started) {
		b = modelBuild{started: a.Event.Build.Started}
	}
	b.at, b.states = a.At, append(slices.Clone(b.states), a.Event.Build.State)
	if a.Event.Build.Finished.After(b.finished) {
		b.finished = a.Event.Build.Finished
	}
	m.builds[key] = b
}

func (m *model) place(key channelKey) Place {
	c := m.channels[key]
	if c.destination != "" {
		return Place{AccountKey: c.accountKey, Destination: c.destination}
	}
	return Place{AccountKey: c.accountKey, Namespace: key.namespace, Channel: key.name}
}

func shardOf(p Place) int { return queue.Shard(p.AccountKey, p.Destination, p.Namespace, p.Channel) }

func (m *model) expired(p Place, at time.Time) bool {
	c, ok := m.conditions[p]
	last := slices.MaxFunc([]time.Time{c.setAt, c.until, c.rest}, time.Time.Compare)
	return ok && at.Sub(last) >= conditionKept
}

func (m *model) renew(p Place, at time.Time) {
	if m.expired(p, at) {
		delete(m.conditions, p)
	}
}

func (m *model) makeDue(p Place, at time.Time) {
	m.renew(p, at)
	if c, ok := m.conditions[p]; ok && c.until.After(at) {
		c.until, c.setAt = at, at
		m.conditions[p] = c
	}
}

// head returns the next delivery of a channel: of the first pending one of each build, the one that has been
// due for longest.
func (m *model) head(channel channelKey) *modelDelivery {
	var head *modelDelivery
	builds := map[int64]bool{}
	for _, d := range m.list {
		if keyOf(&d.target) != channel || d.state == queue.DeadLetter || builds[d.event.Build.ID] {
			continue
		}
		builds[d.event.Build.ID] = true
		if head == nil || d.due.Before(head.due) {
			head = d
		}
	}
	return head
}

// candidate is the next delivery of a namespace for a destination.
type candidate struct {
	modelFlow
	delivery *modelDelivery
	ready    time.Time
}

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }

func (m *model) candidates(lane queue.Lane, now time.Time) []candidate {
	best := map[modelFlow]candidate{}
	for key, c := range m.channels {
		p := m.place(key)
		underway := slices.ContainsFunc(m.attempts, func(a modelAttempt) bool { return a.channel == key || a.place == p })
		if m.conditions[p].failing != (lane == queue.Probation) || m.away[shardOf(p)] || underway {
			continue
		}
		d := m.head(key)
		flow := modelFlow{p, key.namespace}
		is := candidate{flow, d, latest(d.due, c.until)}
		if was, ok := best[flow]; !ok || m.sooner(is, was) < 0 {
			best[flow] = is
		}
	}
	var due []candidate
	for _, c := range best {
		c.ready = latest(c.ready, m.conditions[c.place].until, m.conditions[c.place].rest)
		if !c.ready.After(now) {
			due = append(due, c)
		}
	}
	return due
}

func (m *model) sooner(a, b candidate) int {
	return cmp.Or(a.ready.Compare(b.ready), cmp.Compare(m.index(a.delivery), m.index(b.delivery)))
}

func (m *model) underway(lane queue.Lane, namespace string) (all, own int) {
	for _, a := range m.attempts {
		if a.lane == lane {
			all++
			if a.channel.namespace == namespace {
				own++
			}
		}
	}
	return all, own
}

func (m *model) permits(lane queue.Lane, namespace string) bool {
	all, own := m.underway(lane, namespace)
	return m.slots[lane] == 0 || own < m.slots[lane]-all
}

// take scans everything for the next delivery of the lane.
func (m *model) take(lane queue.Lane, now time.Time) (d *modelDelivery, from candidate) {
	due := m.candidates(lane, now)
	if len(due) == 0 {
		return nil, candidate{}
	}
	first := slices.MinFunc(due, func(a, b candidate) int {
		_, ownA := m.underway(lane, a.namespace)
		_, ownB := m.underway(lane, b.namespace)
		return cmp.Or(cmp.Compare(ownA, ownB),
			cmp.Compare(m.served[modelTurn{a.namespace, lane}], m.served[modelTurn{b.namespace, lane}]),
			cmp.Compare(a.namespace, b.namespace), m.sooner(a, b))
	})
	if !m.permits(lane, first.namespace) {
		return nil, candidate{}
	}
	due = slices.DeleteFunc(due, func(c candidate) bool {
		return c.place != first.place || !m.permits(lane, c.namespace)
	})
	from = slices.MinFunc(due, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(m.flows[a.modelFlow], m.flows[b.modelFlow]), m.sooner(a, b))
	})
	return from.delivery, from
}

// alternative is another delivery that may go next as well: it is due, its destination is free, and it is of
// the namespace whose turn it is. Which of a namespace's destinations goes first is not promised.
func (m *model) alternative(lane queue.Lane, now time.Time, from candidate, id ID) (*modelDelivery, candidate) {
	for _, c := range m.candidates(lane, now) {
		if c.delivery.id == id && c.namespace == from.namespace {
			return c.delivery, c
		}
	}
	return from.delivery, from
}

func (m *model) begin(lane queue.Lane, c candidate) {
	m.count++
	m.served[modelTurn{c.namespace, lane}], m.flows[c.modelFlow] = m.count, m.count
	c.delivery.state = queue.Sending
	m.attempts = append(m.attempts, modelAttempt{c.delivery.id, keyOf(&c.delivery.target), c.place, lane})
}

func (m *model) release(id ID) {
	m.attempts = slices.DeleteFunc(m.attempts, func(a modelAttempt) bool { return a.id == id })
	if d := m.find(id); d != nil && d.state == queue.Sending {
		d.state = queue.Waiting
	}
}

func (m *model) restart() {
	for _, a := range slices.Clone(m.attempts) {
		m.release(a.id)
	}
	clear(m.served)
	clear(m.flows)
	m.count, m.slots = 0, [2]int{}
}

func (m *model) index(d *modelDelivery) int { return slices.Index(m.list, d) }

func (m *model) superseded(d *modelDelivery, p Place) bool {
	if d.attempts == 0 && !m.conditions[p].failing {
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

func (m *model) settle(id ID, p Place, o queue.Outcome) {
	m.attempted(p, o)
	m.release(id)
	d := m.find(id)
	if d == nil {
		return
	}
	st, channel := m.statuses[d.target], m.channels[keyOf(&d.target)]
	mark := queue.LastAttempt{At: o.At, Build: d.event.Build.Number, Result: d.event.Build.Result, Reason: o.Reason}
	switch o.Kind {
	case queue.Delivered:
		channel.reassignments = 0
		st.Delivered, st.Failures = mark, 0
	case queue.Retry, queue.Dead:
		channel.reassignments = 0
		st.Failure = mark
		st.Failures++
		d.attempts++
		d.last, d.state = o, queue.DeadLetter
		if o.Kind == queue.Retry {
			d.due, d.state = o.Due, queue.Waiting
		}
	}
	m.statuses[d.target] = st
	if _, ok := m.channels[keyOf(&d.target)]; ok {
		m.channels[keyOf(&d.target)] = channel
	}
	if o.Kind == queue.Delivered || o.Kind == queue.Dropped {
		m.end(d)
	}
	m.forgetIdle()
}

func (m *model) end(d *modelDelivery) {
	m.list = slices.Delete(m.list, m.index(d), m.index(d)+1)
	m.ended++
}

func (m *model) attempted(p Place, o queue.Outcome) {
	c := modelCondition{setAt: o.At, rest: o.Rest}
	switch o.Kind {
	case queue.Delivered:
		if c.rest.IsZero() {
			delete(m.conditions, p)
			return
		}
	case queue.Retry:
		c.failing, c.until = true, o.Due
	case queue.Dead:
		c.failing, c.until = true, o.At
	default:
		return
	}
	m.conditions[p] = c
}

// forgetIdle forgets empty channels, and the turns of queues without channels.
func (m *model) forgetIdle() {
	flows := map[modelFlow]bool{}
	for key := range m.channels {
		if m.head(key) == nil {
			delete(m.channels, key)
			m.orphan(key)
			continue
		}
		flows[modelFlow{m.place(key), key.namespace}] = true
	}
	maps.DeleteFunc(m.flows, func(f modelFlow, _ uint64) bool { return !flows[f] })
}

// orphan: an attempt that is under way keeps its destination busy, but not a channel that was forgotten
// meanwhile.
func (m *model) orphan(key channelKey) {
	for i := range m.attempts {
		if m.attempts[i].channel == key {
			m.attempts[i].channel.name = ""
		}
	}
}

func (m *model) reassign(v *Reassign) {
	m.release(v.ID)
	key := channelKey{v.Namespace, v.Channel}
	if c, ok := m.channels[key]; ok {
		c.accountKey, c.destination, c.until = v.AccountKey, v.Destination, v.Until
		c.reassignments++
		m.channels[key] = c
	}
	m.forgetIdle()
}

// restartDelivery makes one delivery due, or redrives it.
func (m *model) restartDelivery(at time.Time, d *modelDelivery) {
	key := keyOf(&d.target)
	if d.state == queue.DeadLetter {
		if _, ok := m.channels[key]; !ok {
			m.channels[key] = modelChannel{}
		}
		m.renew(m.place(key), at)
		d.state, d.attempts, d.due = queue.Waiting, 0, at
		return
	}
	if c := m.channels[key]; c.until.After(at) {
		c.until = at
		m.channels[key] = c
	}
	if d.due.After(at) {
		d.due = at
	}
}

func (m *model) wake(w *Wake) {
	for _, p := range w.Places {
		m.makeDue(p, w.At)
	}
	for _, d := range m.list {
		replaced, fixed := slices.Contains(w.Replaced, d.target), slices.Contains(w.Fixed, d.target)
		attempted := d.last.Kind != ""
		if (replaced || fixed) && d.last.Credential || replaced && attempted && d.state != queue.DeadLetter {
			m.restartDelivery(w.At, d)
		}
	}
}

func (m *model) drop(targets []queue.Target) {
	for _, d := range slices.Clone(m.list) {
		if slices.Contains(targets, d.target) {
			m.end(d)
		}
	}
	for _, t := range targets {
		delete(m.statuses, t)
	}
	m.forgetIdle()
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

func (m *model) counts() (n queue.Counts) {
	for _, d := range m.list {
		switch d.state {
		case queue.Waiting:
			n.Waiting++
		case queue.Sending:
			n.Sending++
		case queue.DeadLetter:
			n.Dead++
			continue
		}
		if n.Oldest.IsZero() || d.accepted.Before(n.Oldest) {
			n.Oldest = d.accepted
		}
	}
	return n
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
