package queue

import (
	"hash/fnv"
	"strings"
)

// Shards is into how many parts the channels are divided where several replicas share a store.
// Each shard is held by one replica at a time, and only that one hands out its deliveries. The
// number is part of what replicas agree on: it never changes.
const Shards = 64

// Together begins the name of a channel all of whose account's channels belong to one replica:
// Together + namespace + "/" + account + "/" + room. It is for accounts that are logged in all the
// time, which is once in the whole cluster.
const Together = "="

// Shard is the one that a channel belongs to. It follows from the channel's name alone, so that
// all replicas agree on it.
func Shard(channel string) int {
	if strings.HasPrefix(channel, Together) {
		if parts := strings.SplitN(channel, "/", 3); len(parts) == 3 {
			channel = parts[0] + "/" + parts[1]
		}
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(channel)) // never an error
	// The last bits of FNV are the best mixed ones.
	return int(h.Sum64() % Shards)
}
