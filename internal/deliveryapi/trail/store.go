package trail

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/keyvalue"
)

// The buckets of the store, and the key that counts the slots which were claimed so far.
const (
	recordsBucket = "trail"
	countsBucket  = "counts"
	claimedKey    = "claimed"
)

// batch is what one save stores.
type batch struct {
	Since    time.Time       `json:"since"` // of the trail that stored it
	Saved    time.Time       `json:"saved"`
	Webhooks []Webhook       `json:"webhooks,omitempty"`
	Ended    []queue.Summary `json:"ended,omitempty"`
	Attempts []storedAttempt `json:"attempts,omitempty"`
}

type storedAttempt struct {
	Repository string `json:"repository"`
	Delivery   string `json:"delivery"`
	Attempt
}

// unsaved are the new records, bounded so that no repository displaces another.
type unsaved struct {
	webhooks *recent[*webhook]
	ended    *recent[queue.Summary]
	attempts *recent[storedAttempt]
}

func newUnsaved() unsaved {
	return unsaved{
		newRecent[*webhook](unsavedPerRepository, unsavedWebhooks, 0),
		newRecent[queue.Summary](unsavedPerRepository, unsavedEnded, 0),
		newRecent[storedAttempt](unsavedPerRepository, unsavedAttempts, 0),
	}
}

// Keeper stores what a Trail remembers, and loads what was stored before.
type Keeper struct {
	trail *Trail
	store keyvalue.Store
	now   func() time.Time
	log   logr.Logger

	slot    string // being filled; empty for none
	content []byte // of the slot
	loaded  map[string]uint64
	seed    maphash.Seed
}

// NewKeeper returns the Keeper of a Trail.
func NewKeeper(t *Trail, s keyvalue.Store, now func() time.Time, log logr.Logger) *Keeper {
	return &Keeper{trail: t, store: s, now: now, log: log, loaded: map[string]uint64{}, seed: maphash.MakeSeed()}
}

// Run saves new records until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	tick := time.NewTicker(saveInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			k.logSave(ctx)
		}
	}
}

// Close saves once more, after Run has returned and while the store is open, even if ctx has ended.
func (k *Keeper) Close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	k.logSave(ctx)
}

func (k *Keeper) logSave(ctx context.Context) {
	if err := k.Save(ctx); err != nil && ctx.Err() == nil {
		k.log.Error(err, "records of webhooks and deliveries were not stored; kubectl travis why may not know them after a restart")
	}
}

// Save stores what is new. Records that cannot be stored are lost after a restart; counts are kept for
// the next save.
func (k *Keeper) Save(ctx context.Context) error {
	return errors.Join(k.saveRecords(ctx), k.saveCounts(ctx))
}

func (k *Keeper) saveRecords(ctx context.Context) error {
	b := k.trail.takeUnsaved()
	if len(b.Webhooks)+len(b.Ended)+len(b.Attempts) == 0 {
		return nil
	}
	b.Saved = k.now()
	member, err := pack(b)
	if err != nil {
		return err
	}
	if k.slot == "" || len(k.content)+len(member) > slotBytes {
		if err := k.claim(ctx); err != nil {
			return err
		}
	}
	err = k.write(ctx, member)
	if errors.Is(err, errSlotLost) {
		if err = k.claim(ctx); err == nil {
			err = k.write(ctx, member)
		}
	}
	return err
}

// errSlotLost: other replicas have filled all slots since this one was claimed.
var errSlotLost = errors.New("the slot was claimed by another replica")

// claim takes the slot whose records are the oldest.
func (k *Keeper) claim(ctx context.Context) error {
	var n uint64
	err := k.store.Update(ctx, recordsBucket, claimedKey, func(old []byte, _ bool) ([]byte, error) {
		n, _ = strconv.ParseUint(string(old), 10, 64) // 0 for none
		return strconv.AppendUint(nil, n+1, 10), nil
	})
	if err != nil {
		return fmt.Errorf("claim a slot for records: %w", err)
	}
	k.slot, k.content = strconv.FormatUint(n%slots, 10), nil
	return nil
}

// write appends a batch to the slot: concatenated gzip members are one stream.
func (k *Keeper) write(ctx context.Context, member []byte) error {
	content := slices.Concat(k.content, member)
	err := k.store.Update(ctx, recordsBucket, k.slot, func(old []byte, _ bool) ([]byte, error) {
		if len(k.content) > 0 && !bytes.Equal(old, k.content) {
			return nil, errSlotLost
		}
		return content, nil
	})
	if err != nil {
		return fmt.Errorf("store records: %w", err)
	}
	k.content = content
	k.trail.mu.Lock()
	k.loaded[k.slot] = maphash.Bytes(k.seed, content)
	k.trail.mu.Unlock()
	return nil
}

func pack(v any) ([]byte, error) {
	var packed bytes.Buffer
	pack := gzip.NewWriter(&packed)
	err := json.NewEncoder(pack).Encode(v)
	if err := errors.Join(err, pack.Close()); err != nil {
		return nil, fmt.Errorf("pack records: %w", err)
	}
	return packed.Bytes(), nil
}

// Load takes in what was stored since the last Load, by this replica before its restart or by others.
func (k *Keeper) Load() {
	var batches []batch
	for n := range slots {
		slot := strconv.Itoa(n)
		content, ok := k.store.Get(recordsBucket, slot)
		if !ok {
			continue
		}
		sum := maphash.Bytes(k.seed, content)
		k.trail.mu.Lock()
		known := k.loaded[slot] == sum
		k.loaded[slot] = sum
		k.trail.mu.Unlock()
		if known {
			continue
		}
		found, err := unpack(content)
		if err != nil {
			k.log.Error(err, "stored records of webhooks and deliveries are damaged and left out", "slot", slot)
		}
		batches = append(batches, found...)
	}
	slices.SortStableFunc(batches, func(a, b batch) int { return cmp.Compare(a.Saved.UnixNano(), b.Saved.UnixNano()) })
	oldest := k.now().Add(-keepFor)
	for _, b := range batches {
		if b.Saved.After(oldest) {
			k.trail.load(b, oldest)
		}
	}
}

// unpack returns the batches of a slot, those before the damage if it is damaged.
func unpack(content []byte) ([]batch, error) {
	unpack, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("unpack records: %w", err)
	}
	decoder := json.NewDecoder(io.LimitReader(unpack, maxStoredBytes))
	var batches []batch
	for {
		var b batch
		err := decoder.Decode(&b)
		if errors.Is(err, io.EOF) {
			return batches, nil
		}
		if err != nil {
			return batches, fmt.Errorf("unpack records: %w", err)
		}
		batches = append(batches, b)
	}
}
