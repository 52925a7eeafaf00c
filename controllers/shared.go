package controllers

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/travishook/travishook/internal/queue/keyvalue"
)

// The bounds of what is stored of observations: 1 MiB in all, and no namespace displaces what another
// observed last.
const (
	observationsBucket = "observations"
	observationKeys    = 16
	observationBytes   = 64 << 10 // of a key
	perNamespace       = 64       // observations, fewer if a key is full

	// shareInterval is how often observations are stored, and those of others read.
	shareInterval = 2 * time.Second
	shareTimeout  = 5 * time.Second
)

// storeKey is the key for the observations of a namespace.
func storeKey(namespace string) string {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(namespace))
	return strconv.Itoa(int(hash.Sum32() % observationKeys))
}

// storedObservation is how an observation is stored.
type storedObservation struct {
	observed
	observation
}

// share stores what this replica observes and takes in what others do, until ctx ends, and stores once more then.
func (w *StatusWriter) share(ctx context.Context) {
	tick := time.NewTicker(shareInterval)
	defer tick.Stop()
	for {
		w.storeObservations(ctx, everyKey)
		w.readObservations()
		w.observations.expire(time.Now())
		select {
		case <-ctx.Done():
			w.storeObservations(context.WithoutCancel(ctx), everyKey)
			return
		case <-tick.C:
		}
	}
}

// readObservations takes in what others stored, and queues the objects whose status it changes.
func (w *StatusWriter) readObservations() {
	for _, s := range w.observations.load(w.Values) {
		if s.kind == kindSecret {
			w.applyUnlabeled(s.key.Namespace) // the table's changes queue the objects
			continue
		}
		w.queue.add(s, settle)
	}
}

// storeBeforeStatus stores what the status of an object in a namespace is about to show: if this replica
// crashed before, the next one would remove it again. A store that fails does not delay more than one status.
func (w *StatusWriter) storeBeforeStatus(ctx context.Context, namespace string) {
	if !w.storeFails.Load() {
		key := storeKey(namespace)
		w.storeObservations(ctx, func(k string) bool { return k == key })
	}
}

// everyKey selects all observations to store.
func everyKey(string) bool { return true }

func (w *StatusWriter) storeObservations(ctx context.Context, which func(key string) bool) {
	ctx, cancel := context.WithTimeout(ctx, shareTimeout)
	defer cancel()
	err := w.observations.store(ctx, w.Values, time.Now(), which)
	w.storeFails.Store(err != nil)
	if err != nil && !errors.Is(err, context.Canceled) {
		w.Log.Error(err, "notices and states of accounts were not stored, retrying")
	}
}

// load takes in what is stored, and returns the objects whose status it changes.
func (o *observations) load(values keyvalue.Store) (changed []subject) {
	for n := range observationKeys {
		key := strconv.Itoa(n)
		value, ok := values.Get(observationsBucket, key)
		if !ok {
			continue
		}
		o.mu.Lock()
		if !bytes.Equal(value, o.read[n]) {
			o.read[n] = value
			changed = append(changed, o.merge(decodeObservations(value))...)
		}
		o.mu.Unlock()
	}
	return changed
}

// merge keeps the later of what is known and what was stored.
func (o *observations) merge(stored []storedObservation) (changed []subject) {
	for _, s := range stored {
		of, about := s.observed, s.subject()
		old, ok := o.all[about][of]
		if !ok || old.At.Before(s.At) {
			if !ok || old.Gone != s.Gone || old.Message != s.Message || of.Kind == kindAccount {
				changed = append(changed, about)
			}
			s.stored = s.At
			o.keep(of, s.observation)
		}
	}
	return changed
}

// store stores what is new for the selected keys.
func (o *observations) store(ctx context.Context, values keyvalue.Store, now time.Time, which func(key string) bool) error {
	var failed []error
	for key, change := range o.unstored(which) {
		known := o.ofKey(key, now)
		err := values.Update(ctx, observationsBucket, key, func(old []byte, _ bool) ([]byte, error) {
			return encodeObservations(slices.Concat(known, decodeObservations(old)), now)
		})
		if err != nil {
			failed = append(failed, fmt.Errorf("store observations: %w", err))
			continue
		}
		o.mu.Lock()
		if o.dirty[key] == change {
			delete(o.dirty, key)
		}
		o.mu.Unlock()
	}
	return errors.Join(failed...)
}

// unstored returns those of the selected keys that lack something, with their last changes.
func (o *observations) unstored(which func(key string) bool) map[string]int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	lacking := maps.Clone(o.dirty)
	maps.DeleteFunc(lacking, func(key string, _ int64) bool { return !which(key) })
	return lacking
}

// ofKey returns all that is known for a key, and counts it as stored.
func (o *observations) ofKey(key string, now time.Time) (known []storedObservation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for about, all := range o.all {
		if storeKey(about.key.Namespace) != key {
			continue
		}
		for of, last := range all {
			if now.Before(last.expires(of)) {
				known = append(known, storedObservation{of, last})
				last.stored = last.At
				all[of] = last
			}
		}
	}
	return known
}

// decodeObservations returns nothing of a value that is damaged: it is replaced when something is stored.
func decodeObservations(value []byte) []storedObservation {
	var all []storedObservation
	if json.Unmarshal(value, &all) != nil {
		return nil
	}
	return all
}

// encodeObservations encodes the latest observations within the bounds.
func encodeObservations(all []storedObservation, now time.Time) ([]byte, error) {
	slices.SortFunc(all, func(a, b storedObservation) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace),
			cmp.Compare(a.Name, b.Name), cmp.Compare(a.Reason, b.Reason))
	})
	for limit := perNamespace; ; limit /= 2 {
		if limit > 0 {
			all = latest(all, limit, now)
		} else {
			all = all[:len(all)/2]
		}
		value, err := json.Marshal(all)
		if err != nil || len(value) <= observationBytes {
			return value, err
		}
	}
}

// latest returns the latest of each, up to limit for each namespace. all are sorted.
func latest(all []storedObservation, limit int, now time.Time) []storedObservation {
	var kept []storedObservation
	known, of := map[observed]bool{}, map[string]int{}
	for _, s := range all {
		if known[s.observed] || of[s.Namespace] == limit || !now.Before(s.expires(s.observed)) {
			continue
		}
		known[s.observed] = true
		of[s.Namespace]++
		kept = append(kept, s)
	}
	return kept
}
