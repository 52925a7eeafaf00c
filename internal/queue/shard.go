package queue

import "hash/fnv"

// Shards is into how many parts the channels are divided where several replicas share a store.
// Each shard is held by one replica at a time, and only that one hands out its deliveries. The
// number is part of what replicas agree on: it never changes.
const Shards = 64

// Shard is the one that a channel with that home belongs to: the home's, so that an account that is
// logged in all the time is logged in on one replica, or by its own name where it has none.
func Shard(home, channel string) int {
	if home != "" {
		return HomeShard(home)
	}
	return hashed(channel)
}

// HomeShard is the shard of all channels with that home.
func HomeShard(home string) int { return hashed(home) }

func hashed(s string) int {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s)) // never an error
	return int(h.Sum64() % Shards)
}
