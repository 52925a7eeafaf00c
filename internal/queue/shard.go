package queue

import "hash/fnv"

// Shards is the number of parts that channels are divided into where several replicas share a
// store. Each shard has one owner at a time, which alone hands out its deliveries. Replicas must
// agree on the number, so it never changes.
const Shards = 64

// Shard returns the shard of a channel. It is the shard of the account key, so that one replica keeps
// the connection; else of the destination, so that one replica at a time sends to it; else of the channel.
func Shard(accountKey, destination, namespace, channel string) int {
	switch {
	case accountKey != "":
		return AccountShard(accountKey)
	case destination != "":
		return hashed(destination)
	}
	return hashed(namespace + "\x00" + channel)
}

// AccountShard returns the shard of all channels with that account key.
func AccountShard(key string) int { return hashed(key) }

func hashed(s string) int {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s)) // never an error
	return int(h.Sum64() % Shards)
}
