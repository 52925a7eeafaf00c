package journal

import "github.com/travishook/travishook/internal/queue"

// delivery is a delivery that has not ended. It holds no text of the event, so that a hundred thousand
// waiting deliveries take only some megabytes.
type delivery struct {
	id          ID
	record      *record
	to          *target
	next        *delivery // of the same build in the same channel
	siblings    links     // of the same record
	peers       links     // of the same target, in separate lists for dead and live ones
	last        *queue.Outcome
	due         int64
	since       int64
	targetIndex int32
	attempts    int32
	state       phase
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
	return d.targetIndex < o.targetIndex
}

// add adds a waiting or dead delivery.
func (s *State) add(d *delivery, slug string) {
	s.deliveries[d.id] = d
	s.addToRecord(d, slug)
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
	s.removeFromRecord(d)
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

// makeDead makes d a dead letter.
func (s *State) makeDead(d *delivery, o *queue.Outcome) {
	s.dequeue(d)
	s.unlist(d)
	s.countLive(d.record, -1)
	s.note(d, o)
	d.state, d.due = dead, o.At.UnixNano()
	s.list(d)
}

// redrive makes a dead letter due again, as a new delivery.
func (s *State) redrive(d *delivery, at int64) {
	s.unlist(d)
	d.state, d.attempts, d.since, d.due = waiting, 0, at, at
	s.list(d)
	s.countLive(d.record, +1)
	s.enqueue(d)
}
