package journal

import "github.com/travishook/travishook/internal/queue"

// keep takes up what was carried: deliveries that are known are only found elsewhere now.
func (s *State) keep(at Position, k *Kept, size int) {
	event := EventID(&k.Event)
	r := newRecord(event, &k.Event, k.At)
	r.at, r.born, r.size = at, Position{k.Seq, k.Index}, size
	for i := range k.Deliveries {
		kd := &k.Deliveries[i]
		id := DeliveryID(event, &kd.Target)
		if d, ok := s.deliveries[id]; ok {
			s.release(d.record)
			d.record = r
			s.need(r)
			continue
		}
		to := bare(&kd.Target)
		s.add(kd.delivery(id, r), &to)
	}
}

func (k *KeptDelivery) delivery(id ID, r *record) *delivery {
	d := &delivery{
		id: id, record: r, last: k.Last,
		due: k.Due.UnixNano(), since: k.Since.UnixNano(),
		place: int32(k.Place), attempts: int32(k.Attempts),
	}
	if k.Dead {
		d.state = dead
	}
	return d
}

func (s *State) restoreStatus(seq uint64, e *Status) {
	st := s.status(&e.Target)
	st.target, st.used = e.Target, e.Used.UnixNano()
	st.delivered, st.failure, st.failures = e.Delivered, e.Failure, e.Failures
	st.origin, st.changed = seq, false
}

// restoreChannel passes over a channel that no delivery waits for any more: that is how it
// was forgotten the first time, too.
func (s *State) restoreChannel(e *Channel) {
	c, ok := s.channels[e.Name]
	if !ok {
		return
	}
	c.failing, c.until, c.told = e.Failing, e.Until.UnixNano(), e.At.UnixNano()
	c.home, c.shard, c.moves = e.Home, queue.Shard(e.Home, "", "", c.name), e.Moves
	s.place(c)
}
