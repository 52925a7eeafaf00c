package queue

import (
	"hash/fnv"
	"strings"
)

// Shards is into how many parts the channels are divided where several replicas share a store.
// Each shard is held by one replica at a time, and only that one hands out its deliveries. The
// number is part of what replicas agree on: it never changes.
const Shards = 64

// Shard is the one that a channel belongs to. It follows from the channel's name alone, so that
// all replicas agree on it: from the account as the route names it, the second part of the name.
// So whatever goes to one account is sent by one replica, and an account that is logged in all
// the time is logged in there only. A name of another form is taken whole.
func Shard(channel string) int {
	if parts := strings.SplitN(channel, "/", 3); len(parts) == 3 {
		channel = parts[1]
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(channel)) // never an error
	return int(h.Sum64() % Shards)
}
