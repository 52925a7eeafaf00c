package journal

import (
	"time"

	"github.com/travishook/travishook/internal/queue"
)

// Effects are the changes that a message made.
type Effects struct {
	// Settled are the deliveries with a stored outcome, and those that were reassigned.
	Settled []ID
	// Routes are those whose deliveries had an outcome.
	Routes []Route
	// Ended are the deliveries that were delivered or dropped, and so removed from the state.
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
	case e.Finish != nil:
		s.finished(at.Seq, e.Finish.Namespace, &e.Finish.Event, e.Finish.At.UnixNano())
	case e.Settle != nil:
		s.settle(at.Seq, e.Settle, effects)
	case e.Reassign != nil:
		s.applyReassign(e.Reassign, effects)
	case e.Redrive != nil:
		s.applyRedrive(e.Redrive)
	case e.Wake != nil:
		s.wake(e.Wake)
	case e.Drop != nil:
		s.drop(e.Drop, effects)
	case e.Put != nil:
		s.put(at.Seq, e.Put)
	default:
		s.restore(at, e)
	}
}

// accept fans an event out. It depends on the entry alone, so it can be repeated.
func (s *State) accept(at Position, a *Accept, size int) {
	arrived := a.At.UnixNano()
	s.seen(at.Seq, a.Namespace, &a.Event, arrived)
	s.finished(at.Seq, a.Namespace, &a.Event, arrived)
	r := newRecord(EventID(&a.Event), s.namespace(a.Namespace), &a.Event, arrived)
	r.at, r.born, r.size = at, at, size
	slug := a.Event.Repository.Slug()
	for i := range a.Targets {
		t := &a.Targets[i]
		to := bare(t)
		st := s.useStatus(at.Seq, &to, arrived)
		id := DeliveryID(r.event, t)
		if _, exists := s.deliveries[id]; exists {
			continue // the route names the address twice
		}
		c := s.getOrCreate(keyOf(t), t.AccountKey, t.Destination)
		s.renew(c.place(), arrived)
		d := &delivery{id: id, record: r, to: s.target(st, &to), due: arrived, since: arrived, targetIndex: int32(i)}
		s.add(d, slug)
	}
}

// bare returns a target without the fields that belong to its channel.
func bare(t *queue.Target) queue.Target {
	to := *t
	to.AccountKey, to.Destination = "", ""
	return to
}

func (s *State) settle(seq uint64, e *Settle, effects *Effects) {
	o := e.Outcome
	if e.Message != nil {
		s.post(seq, e.Message, o.At)
	}
	s.attempted(seq, e.Place, &o)
	s.release(e.ID)
	effects.Settled = append(effects.Settled, e.ID)
	d, ok := s.deliveries[e.ID]
	if !ok || d.state == dead && (o.Kind == queue.Retry || o.Kind == queue.Dead) {
		return
	}
	effects.Routes = append(effects.Routes, Route{d.to.Namespace, d.to.Route})
	s.attemptedStatus(d, &o)
	switch o.Kind {
	case queue.Retry:
		s.madeAttempt(d)
		s.note(d, &o)
		d.due = o.Due.UnixNano()
		s.requeue(d)
	case queue.Dead:
		s.madeAttempt(d)
		s.makeDead(d, &o)
	default: // delivered or dropped
		if o.Kind == queue.Delivered {
			s.madeAttempt(d)
		}
		effects.Ended = append(effects.Ended, d.ended(o))
		s.end(d)
	}
}

// madeAttempt resets the channel's count of reassignments, because an attempt was made.
func (s *State) madeAttempt(d *delivery) {
	if c, ok := s.channels[keyOf(&d.to.Target)]; ok && d.state != dead {
		c.reassignments = 0
	}
}

// applyRedrive ignores attempts that are under way: their outcomes override its changes.
func (s *State) applyRedrive(e *Redrive) {
	at := e.At.UnixNano()
	for _, p := range e.Places {
		s.makeDue(p, at)
	}
	for _, id := range e.IDs {
		if d, ok := s.deliveries[id]; ok {
			s.restart(d, at)
		}
	}
}

// wake selects by target: the deliveries of a target are the same as when the entry was written, except
// for those that have ended since or are carried later.
func (s *State) wake(e *Wake) {
	at := e.At.UnixNano()
	for _, p := range e.Places {
		s.makeDue(p, at)
	}
	for i := range e.Fixed {
		s.wakeTarget(&e.Fixed[i], at, false)
	}
	for i := range e.Replaced {
		s.wakeTarget(&e.Replaced[i], at, true)
	}
}

func (s *State) wakeTarget(t *queue.Target, at int64, all bool) {
	to, ok := s.findTarget(t)
	if !ok {
		return
	}
	for d := to.live; d != nil; d = d.peers.next {
		if all && d.last != nil || d.credential() {
			s.restart(d, at)
		}
	}
	for d := to.dead; d != nil; {
		next := d.peers.next
		if d.credential() {
			s.restart(d, at)
		}
		d = next
	}
}

func (d *delivery) credential() bool { return d.last != nil && d.last.Credential }

// restart makes a delivery due, or redrives it if it is dead.
func (s *State) restart(d *delivery, at int64) {
	if d.state == dead {
		s.renew(s.placeOf(d), at)
		s.redrive(d, at)
		return
	}
	d.due = min(d.due, at)
	c := s.channels[keyOf(&d.to.Target)]
	if c.until > at {
		c.until, c.paused = at, at
	}
	s.requeue(d)
}

// placeOf returns the destination of a delivery's channel, if something waits in the channel.
func (s *State) placeOf(d *delivery) Place {
	if c, ok := s.channels[keyOf(&d.to.Target)]; ok {
		return c.place()
	}
	return Place{Namespace: d.to.Namespace, Channel: d.to.Channel}
}

// drop ends deliveries, and all deliveries of targets, whose status it forgets.
func (s *State) drop(e *Drop, effects *Effects) {
	o := queue.Outcome{Kind: queue.Dropped, At: e.At, Reason: e.Reason}
	for _, id := range e.IDs {
		if d, ok := s.deliveries[id]; ok {
			effects.Routes = append(effects.Routes, Route{d.to.Namespace, d.to.Route})
			s.dropDelivery(d, o, effects)
		}
	}
	for i := range e.Targets {
		t := &e.Targets[i]
		st, ok := s.findStatus(t)
		if !ok {
			continue
		}
		if to, ok := s.findTarget(t); ok {
			s.dropTarget(to, o, effects)
			s.forgetTarget(to)
		}
		if st.target.RouteUID == t.RouteUID && st.kept() == 0 {
			s.forgetStatus(st)
		}
		effects.Routes = append(effects.Routes, Route{t.Namespace, t.Route})
	}
}

func (s *State) dropTarget(t *target, o queue.Outcome, effects *Effects) {
	for _, d := range []**delivery{&t.live, &t.dead} {
		for *d != nil {
			s.dropDelivery(*d, o, effects)
		}
	}
}

func (s *State) dropDelivery(d *delivery, o queue.Outcome, effects *Effects) {
	if d.state != sending {
		effects.Settled = append(effects.Settled, d.id)
	}
	effects.Ended = append(effects.Ended, d.ended(o))
	s.end(d)
}

// Expired returns deliveries that became dead letters before that time, but no more than that many.
func (s *State) Expired(before time.Time, most int) []ID {
	var ids []ID
	if s.dead == 0 {
		return nil
	}
	for _, t := range s.targets {
		for d := t.dead; d != nil; d = d.peers.next {
			if len(ids) == most {
				return ids
			}
			if d.due < before.UnixNano() {
				ids = append(ids, d.id)
			}
		}
	}
	return ids
}
