package journal

import (
	"time"

	"github.com/travishook/travishook/internal/queue"
)

// Effects tell what a message changed, for those who watch.
type Effects struct {
	// Settled are the deliveries that an outcome was stored for, and those that were moved.
	Settled []ID
	// Routes are those whose deliveries had an outcome.
	Routes []Route
	// Ended are those of them that were delivered or dropped, and that the state has forgotten.
	Ended []queue.Summary
}

// Route names a route.
type Route struct{ Namespace, Name string }

// Apply adds the message seq, which follows the one before it in the log.
func (s *State) Apply(seq uint64, entries []Entry) Effects {
	var effects Effects
	for i := range entries {
		s.apply(Position{seq, i}, &entries[i], &effects)
	}
	return effects
}

func (s *State) apply(at Position, e *Entry, effects *Effects) {
	switch {
	case e.Accept != nil:
		s.accept(at, e.Accept, e.Size())
	case e.Settle != nil:
		s.settle(e.Settle, effects)
	case e.Move != nil:
		s.move(e.Move, effects)
	case e.Resume != nil:
		s.resume(e.Resume)
	case e.Put != nil:
		s.put(at.Seq, e.Put)
	case e.Kept != nil:
		s.keep(at, e.Kept, e.Size())
	case e.Seen != nil:
		for _, seen := range e.Seen {
			s.seen[seen.Key] = seenAt{seen.At.UnixNano(), at.Seq}
		}
	case e.Status != nil:
		s.restoreStatus(at.Seq, e.Status)
	case e.Channel != nil:
		s.restoreChannel(e.Channel)
	case e.Loss != nil:
		s.lose(at.Seq, e.Loss)
	}
}

// accept fans an event out. It depends on the entry alone, so it may be done again.
func (s *State) accept(at Position, a *Accept, size int) {
	event := EventID(&a.Event)
	r := newRecord(event, &a.Event, a.At)
	r.at, r.born, r.size = at, at, size
	place := 0
	for i := range a.Offers {
		offer := &a.Offers[i]
		s.seen[SeenID(event, offer.Namespace)] = seenAt{a.At.UnixNano(), at.Seq}
		for j := range offer.Targets {
			s.fanOut(r, &offer.Targets[j], place)
			place++
		}
	}
}

func (s *State) fanOut(r *record, t *queue.Target, place int) {
	to := bare(t)
	s.useStatus(r.at.Seq, &to, r.arrived)
	id := DeliveryID(r.event, t)
	if _, exists := s.deliveries[id]; exists {
		return // one route that names a room twice
	}
	s.settleIn(t.Channel, t.AccountKey)
	s.add(&delivery{id: id, record: r, due: r.arrived, since: r.arrived, place: int32(place)}, &to)
}

// bare is a target without the home that its event was accepted with: the channel has its own.
func bare(t *queue.Target) queue.Target {
	to := *t
	to.AccountKey, to.Destination = "", ""
	return to
}

// add takes up a delivery that is waiting or dead.
func (s *State) add(d *delivery, t *queue.Target) {
	d.to = s.target(t)
	d.to.refs++
	s.deliveries[d.id] = d
	s.need(d.record)
	s.count(d, +1)
	if d.state != dead {
		s.line(d)
	}
}

// end forgets a delivery.
func (s *State) end(d *delivery) {
	s.count(d, -1)
	if d.state != dead {
		s.unline(d)
	}
	delete(s.deliveries, d.id)
	s.release(d.record)
	d.to.refs--
	if d.to.refs == 0 {
		delete(s.targets, d.to.Target)
	}
}

func (s *State) need(r *record) {
	if r.needed == 0 {
		s.recordBytes += int64(r.size)
	}
	r.needed++
}

func (s *State) release(r *record) {
	r.needed--
	if r.needed == 0 {
		s.recordBytes -= int64(r.size)
	}
}

func (s *State) count(d *delivery, n int) {
	if d.state == dead {
		s.dead += n
		d.to.status.dead += n
		return
	}
	s.waiting += n
	d.to.status.waiting += n
}

func (s *State) target(t *queue.Target) *target {
	if known, ok := s.targets[*t]; ok {
		return known
	}
	made := &target{Target: *t, status: s.status(t)}
	s.targets[*t] = made
	return made
}

func (s *State) settle(e *Settle, effects *Effects) {
	d, ok := s.deliveries[e.ID]
	if !ok || d.state == dead && e.Outcome.Kind != queue.Dropped {
		return
	}
	effects.Settled = append(effects.Settled, d.id)
	effects.Routes = append(effects.Routes, Route{d.to.Namespace, d.to.Route})
	o := e.Outcome
	d.to.status.attempted(d, &o)
	s.attempted(d, &o)
	switch o.Kind {
	case queue.Retry:
		d.failed(&o)
		d.state, d.due = waiting, o.Due.UnixNano()
		s.relined(d)
	case queue.Dead:
		s.die(d, &o)
	default: // delivered or dropped
		effects.Ended = append(effects.Ended, d.ended(o))
		s.end(d)
	}
}

func (d *delivery) failed(o *queue.Outcome) {
	d.attempts++
	d.last = o
}

func (s *State) die(d *delivery, o *queue.Outcome) {
	s.count(d, -1)
	s.unline(d)
	d.failed(o)
	d.state, d.due = dead, o.At.UnixNano()
	s.count(d, +1)
}

// resume asks nothing about an attempt that is under way: its outcome overrides what is set here.
func (s *State) resume(e *Resume) {
	at := e.At.UnixNano()
	for _, id := range e.IDs {
		d, ok := s.deliveries[id]
		if !ok {
			continue
		}
		if d.state != dead {
			d.due = at
			s.hurry(d, at)
			continue
		}
		s.count(d, -1)
		d.state, d.attempts, d.since, d.due = waiting, 0, at, at
		s.count(d, +1)
		s.line(d)
	}
}

func (s *State) put(seq uint64, p *Put) {
	key := memoryKey{p.Bucket, p.Key}
	if old, ok := s.memory[key]; ok {
		s.memoryBytes -= old.size(key)
	}
	v := &value{data: p.Value, origin: seq}
	s.memory[key] = v
	s.memoryBytes += v.size(key)
}

// size in the log: base64 and the words around it.
func (v *value) size(k memoryKey) int64 {
	return int64(len(v.data)*4/3 + len(k.bucket) + len(k.key) + 64)
}

// Expired returns the dead deliveries that died before then.
func (s *State) Expired(before time.Time) []ID {
	if s.dead == 0 {
		return nil
	}
	var ids []ID
	for id, d := range s.deliveries {
		if d.state == dead && d.due < before.UnixNano() {
			ids = append(ids, id)
		}
	}
	return ids
}
