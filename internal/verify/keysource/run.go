package keysource

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// The delays after failed fetches: the first, doubling up to the last.
const (
	firstRetry = 5 * time.Second
	lastRetry  = 5 * time.Minute
)

// Run fetches keys until ctx ends: at once, and then at the interval Refresh, or sooner after a failure.
func (k *Keys) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, s := range k.sources {
		if s.URL != "" {
			all.Go(func() { k.keep(ctx, s) })
		}
	}
	all.Wait()
	return nil
}

// keep keeps one fetched key up to date.
func (k *Keys) keep(ctx context.Context, s *source) {
	retry := firstRetry
	for {
		wait := k.options.Refresh
		if err := k.refresh(ctx, s); err != nil {
			wait = min(retry, k.options.Refresh)
			retry = min(2*retry, lastRetry)
		} else {
			retry = firstRetry
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// refresh fetches one key, adds it to the keyring and stores it. If it fails, the last good key stays
// valid.
func (k *Keys) refresh(ctx context.Context, s *source) error {
	key, err := s.handed, error(nil)
	if s.handed = nil; key == nil {
		key, err = k.fetch(ctx, s.URL)
	}
	if ctx.Err() != nil {
		return ctx.Err() // not a failure of the endpoint
	}
	if err = k.take(s, key, err); err != nil {
		return err
	}
	return k.remember(ctx, s)
}

// take adds the result of a fetch to the keyring.
func (k *Keys) take(s *source, key *rsa.PublicKey, err error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	defer k.publish() // after a failure too: a previous key may have expired
	if err != nil {
		if s.problem != err.Error() {
			k.options.Log.Info("signing key cannot be fetched; the last good one, if any, stays valid",
				"key", s.Name, "url", s.URL, "reason", err.Error())
		}
		s.problem = err.Error()
		return err
	}
	now := k.options.Now()
	s.fetched, s.problem = now, ""
	next, changed := s.record.with(key, now, k.options.Overlap)
	if changed && s.record.current() != nil {
		k.options.Log.Info("signing key changed; the previous one stays valid for a while",
			"key", s.Name, "url", s.URL, "until", now.Add(k.options.Overlap))
	}
	s.record, s.unsaved = next, s.unsaved || changed
	return nil
}

// remember stores a record that changed. The key is valid even if that fails.
func (k *Keys) remember(ctx context.Context, s *source) error {
	k.mu.Lock()
	r, unsaved := s.record, s.unsaved
	s.unsaved = false
	k.mu.Unlock()
	if !unsaved {
		return nil
	}
	value, err := json.Marshal(r)
	if err == nil {
		err = k.options.Store.Put(ctx, bucket, s.URL, value)
	}
	if err != nil {
		k.mu.Lock()
		s.unsaved = true
		k.mu.Unlock()
		return fmt.Errorf("remember the key: %w", err)
	}
	return nil
}
