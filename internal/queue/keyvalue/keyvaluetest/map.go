// Package keyvaluetest has a keyvalue.Store for tests.
package keyvaluetest

import (
	"bytes"
	"context"
	"maps"
	"sync"

	"github.com/travishook/travishook/internal/queue/keyvalue"
)

var _ keyvalue.Store = (*Map)(nil)

// Map is a keyvalue.Store in memory. The zero value is empty.
type Map struct {
	// BeforeWrite, if set, is called before each write. An error fails the write. What it stores itself was
	// stored by another process, so that an Update that is under way is decided again.
	BeforeWrite func() error

	mu     sync.Mutex
	values map[string][]byte
}

// All returns the values by bucket/key.
func (m *Map) All() map[string][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.values)
}

// Get implements keyvalue.Store.
func (m *Map) Get(bucket, key string) ([]byte, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, ok := m.values[bucket+"/"+key]
	return bytes.Clone(value), ok
}

// Put implements keyvalue.Store.
func (m *Map) Put(_ context.Context, bucket, key string, value []byte) error {
	_, err := m.write(bucket, key, value, func([]byte, bool) bool { return true })
	return err
}

// Update implements keyvalue.Store.
func (m *Map) Update(_ context.Context, bucket, key string, next func(old []byte, ok bool) ([]byte, error)) error {
	for {
		old, known := m.Get(bucket, key)
		value, err := next(bytes.Clone(old), known)
		if err != nil || value == nil || known && bytes.Equal(value, old) {
			return err
		}
		written, err := m.write(bucket, key, value, func(now []byte, ok bool) bool {
			return ok == known && bytes.Equal(now, old)
		})
		if written || err != nil {
			return err
		}
	}
}

// write stores a value if the current one still allows it.
func (m *Map) write(bucket, key string, value []byte, allows func(now []byte, ok bool) bool) (bool, error) {
	if m.BeforeWrite != nil {
		if err := m.BeforeWrite(); err != nil {
			return false, err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now, ok := m.values[bucket+"/"+key]
	if !allows(now, ok) {
		return false, nil
	}
	if m.values == nil {
		m.values = map[string][]byte{}
	}
	m.values[bucket+"/"+key] = bytes.Clone(value)
	return true, nil
}
