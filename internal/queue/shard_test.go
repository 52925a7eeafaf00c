package queue

import (
	"fmt"
	"testing"
)

func TestChannelsOfAnAccountAreInOneShard(t *testing.T) {
	want := AccountShard("system/jabber")
	for i := range 100 {
		room := fmt.Sprintf("room-%d@example.com/with/slashes", i)
		if got := Shard("system/jabber", "system/jabber/"+room, fmt.Sprint("team-", i), room); got != want {
			t.Fatalf("%s is in shard %d, want %d as the account's other rooms", room, got, want)
		}
	}
}

func TestChannelsOfADestinationAreInOneShard(t *testing.T) {
	want := Shard("", "system/slack/#builds", "team-a", "team-a//#builds")
	if got := Shard("", "system/slack/#builds", "team-b", "team-b/slack/builds"); got != want {
		t.Errorf("shards %d and %d for one destination", want, got)
	}
}

func TestUnresolvedChannelsAreSpreadOverAllShards(t *testing.T) {
	const each = 100
	count := make([]int, Shards)
	for i := range each * Shards {
		count[Shard("", "", "team-a", fmt.Sprintf("team-a//#builds-%d", i))]++
	}
	for shard, n := range count {
		if n < each/2 || n > each*2 {
			t.Errorf("shard %d has %d of %d channels, want about %d", shard, n, each*Shards, each)
		}
	}
}
