package queue

import (
	"fmt"
	"testing"
)

func TestChannelsOfOneHomeAreInOneShard(t *testing.T) {
	want := HomeShard("system/jabber")
	for i := range 100 {
		room := fmt.Sprintf("team-%d//room-%d@example.com/with/slashes", i, i)
		if got := Shard("system/jabber", room); got != want {
			t.Fatalf("%s is in shard %d, want %d as its account's other rooms", room, got, want)
		}
	}
}

func TestChannelsWithoutAHomeAreSpreadOverAllShards(t *testing.T) {
	const each = 100
	count := make([]int, Shards)
	for i := range each * Shards {
		count[Shard("", fmt.Sprintf("team-a//#builds-%d", i))]++
	}
	for shard, n := range count {
		if n < each/2 || n > each*2 {
			t.Errorf("shard %d has %d of %d channels, want about %d", shard, n, each*Shards, each)
		}
	}
}
