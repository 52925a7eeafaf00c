package app

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/travishook/travishook/internal/queue/keyvalue"
)

// The key of the hashes that name destinations is in the store, so that all replicas have the same one. If
// it is lost, destinations get other names, and what waits is reassigned when it is sent.
const destinationsBucket, destinationsKey = "destinations", "key"

// destinationsTimeout bounds the storing of a new key.
const destinationsTimeout = 30 * time.Second

// destinationKey returns the key, which it makes if there is none.
func destinationKey(ctx context.Context, store keyvalue.Store) (key []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, destinationsTimeout)
	defer cancel()
	made := []byte(rand.Text())
	err = store.Update(ctx, destinationsBucket, destinationsKey, func(old []byte, ok bool) ([]byte, error) {
		if key = old; ok {
			return nil, nil // there is one
		}
		key = made
		return made, nil
	})
	if err != nil {
		return nil, fmt.Errorf("store the key of destinations: %w", err)
	}
	return key, nil
}
