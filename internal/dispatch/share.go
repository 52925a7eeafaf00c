package dispatch

import (
	"context"
	"sync"
)

// share divides slots among namespaces: one may hold at most as many as are left free. So a namespace with
// unlimited work gets half, two get a third each, and the next one gets a slot at once.
type share struct {
	mu    sync.Mutex
	slots int
	used  int
	by    map[string]int // slots in use, by namespace
	freed chan struct{}  // closed and replaced when a slot becomes free
}

func newShare(slots int) *share {
	return &share{slots: slots, by: map[string]int{}, freed: make(chan struct{})}
}

// acquire waits for a slot. release must be called once; the error is ctx's.
func (s *share) acquire(ctx context.Context, namespace string) (release func(), err error) {
	for {
		release, freed := s.tryAcquire(namespace)
		if release != nil {
			return release, nil
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// tryAcquire returns a channel that is closed when a slot becomes free, if the namespace gets none now.
func (s *share) tryAcquire(namespace string) (release func(), freed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by[namespace] >= s.slots-s.used {
		return nil, s.freed
	}
	s.used++
	s.by[namespace]++
	return func() { s.release(namespace) }, nil
}

func (s *share) release(namespace string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used--
	if s.by[namespace]--; s.by[namespace] == 0 {
		delete(s.by, namespace)
	}
	close(s.freed)
	s.freed = make(chan struct{})
}
