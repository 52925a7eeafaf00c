package journal

// SetSends makes Take hand out the deliveries of a shard, or leave them to another replica. A new state hands
// out those of all shards. Attempts under way are not affected.
func (s *State) SetSends(shard int, sends bool) {
	if s.elsewhere[shard] != sends {
		return
	}
	s.elsewhere[shard] = !sends
	for _, d := range s.destinations {
		if d.shard == shard {
			s.scheduleAll(d)
		}
	}
}
