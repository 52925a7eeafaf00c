// Package keyvalue is the contract of the store's small key-value part: the repositories' ids, fetched keys,
// the last routing table, and what else must survive a restart. All replicas share it.
package keyvalue

import "context"

// Store keeps values by bucket and key. It is a part of queue.Queue. All methods may be called concurrently. A
// method that stores returns when that is synced to disk; after an error, it may or may not have been stored,
// and repeating the call is safe.
type Store interface {
	// Get returns a value, which the caller may change.
	Get(bucket, key string) (value []byte, ok bool)
	// Put stores a value, replacing any other.
	Put(ctx context.Context, bucket, key string, value []byte) error
	// Update replaces a value with the result of next. If another process stores the same key meanwhile, next
	// is called again with that value. If next returns nil, the same value or an error, nothing is stored, and
	// Update returns the error. next must not block or use the store. It is not called any more when Update has
	// returned.
	Update(ctx context.Context, bucket, key string, next func(old []byte, ok bool) ([]byte, error)) error
}
