package journal

// Hold makes Take hand out the deliveries of a shard, or leave them to another replica. A new state holds all
// shards. Attempts under way are not affected.
func (s *State) Hold(shard int, held bool) {
	if s.elsewhere[shard] != held {
		return
	}
	s.elsewhere[shard] = !held
	for _, d := range s.destinations {
		if d.shard == shard {
			s.scheduleAll(d)
		}
	}
}
