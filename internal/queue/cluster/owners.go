package cluster

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/travishook/travishook/internal/queue"
)

// The key of the journal's value with the owners.
const (
	ownersBucket = "cluster"
	ownersKey    = "owners"
)

// owners are the member replicas, by their leases, with the shards of each.
type owners map[string][]int

// parseOwners reads the value. Without one, there are no members yet.
func parseOwners(value []byte) (owners, error) {
	o := owners{}
	if len(value) == 0 {
		return o, nil
	}
	if err := json.Unmarshal(value, &o); err != nil {
		return nil, fmt.Errorf("read the shards' owners: %w", err)
	}
	return o, nil
}

func (o owners) encode() ([]byte, error) { return json.Marshal(o) }

// share is how many shards each replica owns: as many as every other, rounded up.
func (o owners) share() int {
	n := max(len(o), 1)
	return (queue.Shards + n - 1) / n
}

// remove removes members; their shards become unowned.
func (o owners) remove(leases []string) {
	for _, lease := range leases {
		delete(o, lease)
	}
}

// claim gives a replica unowned shards, up to its share, except those in except. It is a member from then
// on, also without shards.
func (o owners) claim(lease string, except []int) {
	mine := o[lease]
	for _, shard := range o.free() {
		if len(mine) >= o.shareWith(lease) {
			break
		}
		if !slices.Contains(except, shard) {
			mine = append(mine, shard)
		}
	}
	slices.Sort(mine)
	o[lease] = mine
}

// shareWith is the share once that replica takes part, too.
func (o owners) shareWith(lease string) int {
	if _, ok := o[lease]; ok {
		return o.share()
	}
	return (queue.Shards + len(o)) / (len(o) + 1)
}

// release takes shards from a replica.
func (o owners) release(lease string, shards []int) {
	o[lease] = slices.DeleteFunc(o[lease], func(s int) bool { return slices.Contains(shards, s) })
}

// free returns the unowned shards.
func (o owners) free() []int {
	var owned [queue.Shards]bool
	for shards := range maps.Values(o) {
		for _, s := range shards {
			if s >= 0 && s < queue.Shards {
				owned[s] = true
			}
		}
	}
	var free []int
	for shard, taken := range owned {
		if !taken {
			free = append(free, shard)
		}
	}
	return free
}

// byShard returns the owner of each shard; empty if it has none.
func (o owners) byShard() (owner [queue.Shards]string) {
	for lease, shards := range o {
		for _, s := range shards {
			if s >= 0 && s < queue.Shards {
				owner[s] = lease
			}
		}
	}
	return owner
}
