package queue

import (
	"fmt"
	"testing"
)

func TestWhatGoesToOneAccountIsInOneShard(t *testing.T) {
	want := Shard("team-a/jabber/room-0@example.com")
	for i := range 100 {
		room := fmt.Sprintf("team-%d/jabber/room-%d@example.com/with/slashes", i, i)
		if got := Shard(room); got != want {
			t.Fatalf("%s is in shard %d, want %d as its account's other rooms", room, got, want)
		}
	}
}

func TestAccountsAreSpreadOverAllShards(t *testing.T) {
	const each = 100
	count := make([]int, Shards)
	for i := range each * Shards {
		count[Shard(fmt.Sprintf("team-a/slack-%d/#builds", i))]++
	}
	for shard, n := range count {
		if n < each/2 || n > each*2 {
			t.Errorf("shard %d has %d of %d accounts, want about %d", shard, n, each*Shards, each)
		}
	}
}
