package journal

import "time"

// Hold has Take hand out the deliveries of a shard, or leave them to another replica. A new state
// holds all. What is under way stays so.
func (s *State) Hold(shard int, held bool) {
	if s.elsewhere[shard] != held {
		return
	}
	s.elsewhere[shard] = !held
	for _, c := range s.channels {
		if c.shard == shard {
			s.place(c)
		}
	}
}

// Tidy forgets what is too old to matter, as Carry does of the messages it meets. A replica that
// leaves carrying to another would remember it for ever.
func (s *State) Tidy(now time.Time) {
	at := now.UnixNano()
	for key, was := range s.seen {
		if at-was.at >= int64(s.remember) {
			delete(s.seen, key)
		}
	}
	var unused []*status
	for _, of := range s.routes {
		for _, st := range of {
			if st.unused(at) && st.waiting+st.dead == 0 {
				unused = append(unused, st)
			}
		}
	}
	for _, st := range unused {
		s.forgetStatus(st)
	}
}
