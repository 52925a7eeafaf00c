package cluster

import (
	"fmt"
	"testing"

	"github.com/travishook/travishook/internal/queue"
)

// TestReplicasDivideTheShards has replicas come and go, in every order of claims and releases.
func TestReplicasDivideTheShards(t *testing.T) {
	o := owners{}
	for n := 1; n <= 70; n++ {
		o.claim(fmt.Sprint("r", n), nil)
		for lease := range o { // whoever owns too many releases them
			if spare := len(o[lease]) - o.share(); spare > 0 {
				o.release(lease, append([]int(nil), o[lease][:spare]...))
			}
		}
		for lease := range o {
			o.claim(lease, nil)
		}
		checkOwners(t, o, n)
	}
	for n := 70; n > 1; n-- {
		o.remove([]string{fmt.Sprint("r", n)})
		for lease := range o {
			o.claim(lease, nil)
		}
		checkOwners(t, o, n-1)
	}
}

func checkOwners(t *testing.T, o owners, replicas int) {
	t.Helper()
	total := 0
	seen := map[int]bool{}
	for lease, shards := range o {
		if len(shards) > o.share() {
			t.Fatalf("%d replicas: %s owns %d shards of a share of %d", replicas, lease, len(shards), o.share())
		}
		for _, s := range shards {
			if seen[s] {
				t.Fatalf("%d replicas: shard %d is owned twice", replicas, s)
			}
			seen[s] = true
		}
		total += len(shards)
	}
	if total != queue.Shards || len(o) != replicas {
		t.Fatalf("%d replicas: %d take part and own %d shards", replicas, len(o), total)
	}
}

func TestOwnersSurviveTheJournal(t *testing.T) {
	o := owners{"a": {1, 2}, "b": nil}
	value, err := o.encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := parseOwners(value)
	if err != nil || back.byShard() != o.byShard() || len(back) != 2 {
		t.Errorf("%v, %v; want %v", back, err, o)
	}
	if _, err := parseOwners([]byte("{")); err == nil {
		t.Error("a damaged value was read")
	}
}
