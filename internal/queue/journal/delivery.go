package journal

import (
	"slices"
	"strings"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

// delivery is a delivery that has not ended. It holds no text of the event, so that a hundred thousand
// waiting deliveries take only some megabytes.
type delivery struct {
	id       ID
	record   *record
	to       *target
	next     *delivery // of the same build in the same channel
	siblings links     // of the same record
	peers    links     // of the same target, in separate lists for dead and live ones
	last     *queue.Outcome
	due      int64
	since    int64
	place    int32
	attempts int32
	state    phase
}

// links are a delivery's neighbours in a list.
type links struct{ next, previous *delivery }

type phase uint8

const (
	waiting phase = iota
	sending       // in this process only: after a restart it is waiting
	dead
)

// before reports whether d was accepted before o.
func (d *delivery) before(o *delivery) bool {
	if c := d.record.born.compare(o.record.born); c != 0 {
		return c < 0
	}
	return d.place < o.place
}

// record is the part of an event for a namespace that is in memory: its position, and what lists show.
type record struct {
	at         Position // where the event can be read
	born       Position // of the acceptance; with the place, the order of deliveries
	namespace  *namespace
	repository *repository
	deliveries *delivery // that have not ended
	next       *record   // of the repository
	previous   *record
	size       int // of the entry
	live       int // deliveries that are not dead
	slot       int // in the heap of the oldest
	event      ID
	arrived    int64
	repoID     int64
	buildID    int64
	number     string
	result     travis.Result
}

func (r *record) index() *int { return &r.slot }

func (r *record) less(o *record) bool {
	if r.arrived != o.arrived {
		return r.arrived < o.arrived
	}
	return r.born.compare(o.born) < 0
}

func (r *record) build() buildKey { return buildKey{r.repoID, r.buildID} }

func (r *record) usage() usage {
	u := withTexts(recordUsage, r.number)
	u.bytes += int64(r.size)
	return u
}

// repository is a repository with kept events.
type repository struct {
	slug    string
	records *record
}

func newRecord(event ID, ns *namespace, e *travis.Event, arrived int64) *record {
	r := &record{
		event: event, namespace: ns, arrived: arrived,
		repoID: e.Repository.ID, buildID: e.Build.ID, number: e.Build.Number, result: e.Build.Result,
	}
	if i := slices.Index(travis.Results, r.result); i >= 0 {
		r.result = travis.Results[i] // shares the string's memory
	}
	return r
}

// hold adds a record with its first delivery.
func (s *State) hold(r *record, slug string) {
	key := strings.ToLower(slug)
	if r.repository = s.repositories[key]; r.repository == nil {
		r.repository = &repository{slug: slug}
		s.repositories[key] = r.repository
		s.used.add(withTexts(repositoryUsage, slug))
	}
	if r.next = r.repository.records; r.next != nil {
		r.next.previous = r
	}
	r.repository.records = r
	s.charge(r.namespace, r.usage(), 1)
}

// let removes a record after its last delivery.
func (s *State) let(r *record) {
	if r.next != nil {
		r.next.previous = r.previous
	}
	if r.previous != nil {
		r.previous.next = r.next
	} else {
		r.repository.records = r.next
	}
	r.next, r.previous = nil, nil
	if r.repository.records == nil {
		delete(s.repositories, strings.ToLower(r.repository.slug))
		s.used.add(withTexts(repositoryUsage, r.repository.slug).times(-1))
	}
	s.charge(r.namespace, r.usage(), -1)
}

// attach adds d to its record.
func (s *State) attach(d *delivery, slug string) {
	r := d.record
	if r.deliveries == nil {
		s.hold(r, slug)
	}
	d.siblings = links{next: r.deliveries}
	if r.deliveries != nil {
		r.deliveries.siblings.previous = d
	}
	r.deliveries = d
	if d.state != dead {
		s.enliven(r, +1)
	}
}

func (s *State) detach(d *delivery) {
	r := d.record
	if d.state != dead {
		s.enliven(r, -1)
	}
	l := d.siblings
	if l.next != nil {
		l.next.siblings.previous = l.previous
	}
	if l.previous != nil {
		l.previous.siblings.next = l.next
	} else {
		r.deliveries = l.next
	}
	d.siblings = links{}
	if r.deliveries == nil {
		s.let(r)
	}
}

// enliven counts the record's deliveries that are not dead.
func (s *State) enliven(r *record, n int) {
	if r.live == 0 {
		s.oldest.push(r)
	}
	r.live += n
	if r.live == 0 {
		s.oldest.remove(r)
	}
}

// target is a target that several deliveries share. It exists while its route's channel is remembered.
type target struct {
	queue.Target
	status      *status
	live, dead  *delivery
	liveN, died int
	at          int // in State.targets; -1 outside
}

func (t *target) usage() usage {
	u := targetUsage
	u.memory += targetTexts(&t.Target)
	return u
}

// target finds or creates a target; the status is that of its route's channel.
func (s *State) target(st *status, t *queue.Target) *target {
	for _, known := range st.targets {
		if known.Target == *t {
			return known
		}
	}
	made := &target{Target: *t, status: st, at: -1}
	st.targets = append(st.targets, made)
	s.charge(st.namespace, made.usage(), 1)
	return made
}

// forgetTarget removes a target without deliveries.
func (s *State) forgetTarget(t *target) {
	st := t.status
	st.targets = slices.DeleteFunc(st.targets, func(o *target) bool { return o == t })
	s.charge(st.namespace, t.usage(), -1)
}

// list adds d to its target's list for its state.
func (s *State) list(d *delivery) {
	t := d.to
	if t.live == nil && t.dead == nil {
		t.at = len(s.targets)
		s.targets = append(s.targets, t)
	}
	head, n := &t.live, &t.liveN
	if d.state == dead {
		head, n = &t.dead, &t.died
		s.dead++
	} else {
		s.waiting++
	}
	d.peers = links{next: *head}
	if *head != nil {
		(*head).peers.previous = d
	}
	*head = d
	*n++
}

// unlist removes d from its target's list; its state must be the same as when it was added.
func (s *State) unlist(d *delivery) {
	t, l := d.to, d.peers
	head, n := &t.live, &t.liveN
	if d.state == dead {
		head, n = &t.dead, &t.died
		s.dead--
	} else {
		s.waiting--
	}
	if l.next != nil {
		l.next.peers.previous = l.previous
	}
	if l.previous != nil {
		l.previous.peers.next = l.next
	} else {
		*head = l.next
	}
	d.peers = links{}
	*n--
	if t.live == nil && t.dead == nil {
		last := len(s.targets) - 1
		s.targets[t.at] = s.targets[last]
		s.targets[t.at].at = t.at
		s.targets[last] = nil
		s.targets = s.targets[:last]
		t.at = -1
	}
}

// add adds a waiting or dead delivery.
func (s *State) add(d *delivery, slug string) {
	s.deliveries[d.id] = d
	s.attach(d, slug)
	s.list(d)
	d.record.namespace.deliveries++
	s.charge(d.record.namespace, d.usage(), 1)
	if d.last == nil {
		s.expect(d.record.namespace, 1)
	}
	if d.state != dead {
		s.enqueue(d)
	}
}

// end removes a delivery. An attempt that is under way stays so until it is settled.
func (s *State) end(d *delivery) {
	ns := d.record.namespace
	if d.state != dead {
		s.dequeue(d)
	}
	s.unlist(d)
	s.detach(d)
	delete(s.deliveries, d.id)
	ns.deliveries--
	s.charge(ns, d.usage(), -1)
	if d.last == nil {
		s.expect(ns, -1)
	}
	s.tidyNamespace(ns)
}

func (d *delivery) usage() usage {
	u := deliveryUsage
	if d.last != nil {
		u.add(withTexts(outcomeUsage, d.last.Reason))
		u.bytes += int64(len(d.last.Reason))
	}
	return u
}

// note records the outcome of a failed attempt.
func (s *State) note(d *delivery, o *queue.Outcome) {
	s.charge(d.record.namespace, d.usage(), -1)
	if d.last == nil {
		s.expect(d.record.namespace, -1)
	}
	d.attempts++
	d.last = o
	s.charge(d.record.namespace, d.usage(), 1)
}

// die makes d a dead letter.
func (s *State) die(d *delivery, o *queue.Outcome) {
	s.dequeue(d)
	s.unlist(d)
	s.enliven(d.record, -1)
	s.note(d, o)
	d.state, d.due = dead, o.At.UnixNano()
	s.list(d)
}

// revive redrives a dead letter.
func (s *State) revive(d *delivery, at int64) {
	s.unlist(d)
	d.state, d.attempts, d.since, d.due = waiting, 0, at, at
	s.list(d)
	s.enliven(d.record, +1)
	s.enqueue(d)
}
