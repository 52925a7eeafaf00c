package journal

import (
	"slices"
	"strings"

	"github.com/travishook/travishook/internal/travis"
)

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

// addRecord adds a record with its first delivery.
func (s *State) addRecord(r *record, slug string) {
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

// removeRecord removes a record after its last delivery.
func (s *State) removeRecord(r *record) {
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

// addToRecord adds d to its record.
func (s *State) addToRecord(d *delivery, slug string) {
	r := d.record
	if r.deliveries == nil {
		s.addRecord(r, slug)
	}
	d.siblings = links{next: r.deliveries}
	if r.deliveries != nil {
		r.deliveries.siblings.previous = d
	}
	r.deliveries = d
	if d.state != dead {
		s.countLive(r, +1)
	}
}

func (s *State) removeFromRecord(d *delivery) {
	r := d.record
	if d.state != dead {
		s.countLive(r, -1)
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
		s.removeRecord(r)
	}
}

// countLive counts the record's deliveries that are not dead.
func (s *State) countLive(r *record, n int) {
	if r.live == 0 {
		s.oldest.push(r)
	}
	r.live += n
	if r.live == 0 {
		s.oldest.remove(r)
	}
}
