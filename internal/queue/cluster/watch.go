package cluster

import (
	"context"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// watch keeps what is known of the other replicas; known is closed when that is all there was. A
// watcher may end, or fall silent, with the server that fed it: then there is another.
func (k *keeper) watch(ctx context.Context, watcher jetstream.KeyWatcher, known chan<- struct{}) {
	for {
		known = k.heedWatcher(ctx, watcher, known)
		_ = watcher.Stop()
		if watcher = k.newWatcher(ctx); watcher == nil {
			return
		}
		k.log.V(1).Info("The leases are watched anew")
	}
}

// newWatcher tries until there is one; nil when ctx has ended.
func (k *keeper) newWatcher(ctx context.Context) jetstream.KeyWatcher {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(tailPause):
		}
		watcher, err := k.kv.WatchAll(ctx)
		if err == nil {
			k.mu.Lock()
			k.echoed = time.Now()
			k.mu.Unlock()
			return watcher
		}
	}
}

// heedWatcher returns when ctx has ended, or the watcher brings nothing any more: not even this
// replica's own presence, which is renewed all the time. It returns known until that is closed.
func (k *keeper) heedWatcher(ctx context.Context, watcher jetstream.KeyWatcher, known chan<- struct{}) chan<- struct{} {
	silence := time.NewTicker(k.ttl / 2)
	defer silence.Stop()
	for {
		select {
		case <-ctx.Done():
			return known
		case <-silence.C:
			if k.silent() {
				return known
			}
		case entry, ok := <-watcher.Updates():
			switch {
			case !ok:
				return known
			case entry != nil:
				k.sight(entry)
			case known != nil: // all that there was
				close(known)
				known = nil
			}
		}
	}
}

func (k *keeper) silent() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return time.Since(k.echoed) > k.ttl
}

func (k *keeper) sight(entry jetstream.KeyValueEntry) {
	key, holder := entry.Key(), string(entry.Value())
	k.mu.Lock()
	_, known := k.sighted[key]
	news := false
	switch {
	case entry.Operation() != jetstream.KeyValuePut:
		delete(k.sighted, key)
		news = known
	case holder != k.id:
		k.sighted[key] = sighting{holder, time.Now()}
		news = !known && strings.HasPrefix(key, replicaPrefix)
	default:
		delete(k.sighted, key)
		k.echoed = time.Now()
	}
	k.mu.Unlock()
	if news {
		k.look()
	}
}

// look has a round begin.
func (k *keeper) look() {
	select {
	case k.kick <- struct{}{}:
	default:
	}
}
