package journal

// restore applies carried entries, and those that are not about deliveries.
func (s *State) restore(at Position, e *Entry) {
	switch {
	case e.Kept != nil:
		s.keep(at, e.Kept, e.Size())
	case e.Builds != nil:
		s.restoreBuilds(at.Seq, e.Builds)
	case e.Message != nil:
		s.restoreMessage(at.Seq, e.Message)
	case e.History != nil:
		s.restoreHistory(at.Seq, e.History)
	case e.Status != nil:
		s.restoreStatus(at.Seq, e.Status)
	case e.Channel != nil:
		s.restoreChannel(at.Seq, e.Channel)
	case e.Condition != nil:
		s.setCondition(e.Condition.Place, e.Condition.condition(at.Seq))
	case e.Loss != nil:
		s.lose(at.Seq, e.Loss)
	}
}

// keep applies carried deliveries. Known ones only get a new position.
func (s *State) keep(at Position, k *Kept, size int) {
	event := EventID(&k.Event)
	r := newRecord(event, s.namespace(k.Namespace), &k.Event, k.At.UnixNano())
	r.at, r.born, r.size = at, Position{k.Seq, k.Index}, size
	slug := k.Event.Repository.Slug()
	for i := range k.Deliveries {
		kd := &k.Deliveries[i]
		id := DeliveryID(event, &kd.Target)
		if d, ok := s.deliveries[id]; ok {
			s.transfer(d, r, slug)
			continue
		}
		to := bare(&kd.Target)
		d := kd.delivery(id, r)
		d.to = s.target(s.status(&to), &to)
		s.add(d, slug)
	}
	s.tidyNamespace(r.namespace)
}

// transfer moves a delivery to its carried record. Its order stays the same, as born and targetIndex do.
func (s *State) transfer(d *delivery, r *record, slug string) {
	if d.record.namespace != r.namespace || d.record.born != r.born || d.record.build() != r.build() {
		return // another acceptance of the same event
	}
	s.removeFromRecord(d)
	d.record = r
	s.addToRecord(d, slug)
}

func (k *KeptDelivery) delivery(id ID, r *record) *delivery {
	d := &delivery{
		id: id, record: r, last: k.Last,
		due: k.Due.UnixNano(), since: k.Since.UnixNano(),
		targetIndex: int32(k.TargetIndex), attempts: int32(k.Attempts),
	}
	if k.Dead {
		d.state = dead
	}
	return d
}

func (s *State) restoreStatus(seq uint64, e *Status) {
	st := s.status(&e.Target)
	s.edit(st, func() {
		st.target, st.used = e.Target, e.Used.UnixNano()
		st.delivered, st.failure, st.failures = e.Delivered, e.Failure, e.Failures
	})
	st.origin, st.changed = seq, false
}

// restoreChannel ignores a channel without waiting deliveries, which was removed before, too.
func (s *State) restoreChannel(seq uint64, e *Channel) {
	c, ok := s.channels[channelKey{e.Namespace, e.Name}]
	if !ok {
		return
	}
	s.reassign(c, e.AccountKey, e.Destination)
	c.until, c.paused, c.reassignments = nanoOrZero(e.Until), nanoOrZero(e.At), e.Reassignments
	s.reorder(c)
	d := c.flow.destination
	is := e.Condition.condition(seq)
	is.changed = true
	if d.setAt != 0 {
		is.origin, is.changed = d.origin, d.changed
	}
	s.setCondition(d.place, is)
}
