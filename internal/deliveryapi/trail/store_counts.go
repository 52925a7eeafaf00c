package trail

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// storedCounts is the value of an hour's counts.
type storedCounts struct {
	Hour   hour      `json:"hour"`
	Counts []Counted `json:"counts"`
}

// countSlots is one more than the hours that are kept, since the current one is incomplete.
const countSlots = int64(keepFor/time.Hour) + 1

func countsKey(h hour) string { return strconv.FormatInt(int64(h)%countSlots, 10) }

func (k *Keeper) saveCounts(ctx context.Context) error {
	k.trail.mu.Lock()
	taken := k.trail.counts.take()
	k.trail.mu.Unlock()
	var failed []error
	for h, counted := range taken {
		err := k.store.Update(ctx, countsBucket, countsKey(h), func(old []byte, ok bool) ([]byte, error) {
			sum := newHourCounts()
			if stored := unpackCounts(old); ok && stored.Hour == h {
				for _, c := range stored.Counts {
					sum.add(c.countKey, c.N)
				}
			}
			sum.merge(counted)
			return pack(storedCounts{h, sum.list()})
		})
		if err != nil {
			failed = append(failed, fmt.Errorf("store counts: %w", err))
			k.trail.mu.Lock()
			k.trail.counts.at(h).merge(counted)
			k.trail.mu.Unlock()
		}
	}
	return errors.Join(failed...)
}

// unpackCounts returns nothing of what is damaged.
func unpackCounts(value []byte) (stored storedCounts) {
	unpack, err := gzip.NewReader(bytes.NewReader(value))
	if err == nil {
		err = json.NewDecoder(io.LimitReader(unpack, maxStoredBytes)).Decode(&stored)
	}
	if err != nil {
		return storedCounts{}
	}
	return stored
}

// storedSums sums the stored counters of a repository from an hour on.
func (k *Keeper) storedSums(slug string, from hour) sums {
	found := sums{}
	for n := range countSlots {
		value, ok := k.store.Get(countsBucket, strconv.FormatInt(n, 10))
		if !ok {
			continue
		}
		stored := unpackCounts(value)
		if stored.Hour < from {
			continue
		}
		for _, c := range stored.Counts {
			if c.Repository == slug {
				found[c.countKey] += c.N
			}
		}
	}
	return found
}
