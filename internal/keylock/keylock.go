// Package keylock is a mutex for each key.
package keylock

import (
	"context"
	"sync"
)

// Map is a mutex for each key. The zero value is ready for use.
type Map[K comparable] struct {
	mu   sync.Mutex
	held map[K]chan struct{} // closed when the key is unlocked
}

// Lock waits until the key is unlocked and locks it. unlock must be called once. The error is the cause
// of ctx's end.
func (m *Map[K]) Lock(ctx context.Context, key K) (unlock func(), err error) {
	for {
		unlock, held := m.TryLock(key)
		if unlock != nil {
			return unlock, nil
		}
		select {
		case <-held:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// TryLock locks the key, or returns a channel that is closed when its holder unlocks it.
func (m *Map[K]) TryLock(key K) (unlock func(), held <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if held, locked := m.held[key]; locked {
		return nil, held
	}
	if m.held == nil {
		m.held = map[K]chan struct{}{}
	}
	mine := make(chan struct{})
	m.held[key] = mine
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.held, key)
		close(mine)
	}, nil
}
